/** Folders: one level as JSON or HTML, or all below as lines of JSON. @module */
import type { Stats } from "ocipeek";
import { encodePath } from "../../../web/path.ts";
import type { HttpError } from "../errors.ts";
import { wholeAnswer } from "../http/answer.ts";
import { etagOf, prefersSecond } from "../http/headers.ts";
import { bytesUnlessText, escapeHtml, page } from "../http/html.ts";
import { readerText, weakMark } from "../request/formats.ts";
import { conditional, pathHeaders, type ResolvedPath } from "../request/resolved-path.ts";
import { imageUrl } from "../request/route.ts";
import { fromGenerator, startBody } from "./body.ts";

/** Lines are sent together up to about so many bytes. */
const BATCH = 16 << 10;

/** The listing of a folder. */
export async function serveListing(resolved: ResolvedPath): Promise<Response> {
  const { request, route, scope } = resolved;
  const accept = request.headers.get("accept");
  const html = route.params.format
    ? route.params.format === "html"
    : prefersSecond(accept, "application/json", "text/html");
  const etag = await listingEtag(resolved, html ? "html" : "json");
  const headers = pathHeaders(resolved, { etag, varies: route.params.format === undefined });
  const early = conditional(resolved, headers);
  if (early) return early;
  const made = await scope.timed("list", () => (html ? htmlListing(resolved) : jsonListing(resolved)));
  scope.end();
  return wholeAnswer(request, made.body, { ...headers, ...made.headers, ...scope.costHeaders() });
}

/**
 * What a folder holds, as `show` has it. Taken in pieces, so that one that is too large ends before it fills the memory; of an
 * entry only what is shown is kept, as it may have a megabyte of extended attributes.
 */
async function children(
  { scope, tree, stats }: ResolvedPath,
  show: (name: Uint8Array, stats: Stats) => string,
): Promise<string[]> {
  const shown: string[] = [];
  for await (const entry of tree.walk(stats.pathBytes, { glob: "/*", signal: scope.signal })) {
    const path = entry.pathBytes;
    shown.push(show(path.subarray(path.lastIndexOf(0x2f) + 1), entry));
    scope.checkListing(shown.length);
    await scope.turns.spend();
  }
  scope.checkInflated();
  return shown;
}

/** All below a folder, one JSON object a line, parents before children. */
export async function serveRecursive(resolved: ResolvedPath): Promise<Response> {
  const { request, route, scope, stats } = resolved;
  const etag = await listingEtag(resolved, `ndjson ${route.params.glob ?? ""}`);
  const headers = pathHeaders(resolved, { etag });
  const early = conditional(resolved, headers);
  if (early) return early;
  const described = { ...headers, "content-type": "application/x-ndjson; charset=utf-8" };
  if (request.method === "HEAD") {
    scope.end();
    return new Response(null, { headers: described });
  }
  const source = fromGenerator(lines(resolved, stats));
  const lastLine = (error: HttpError): Uint8Array =>
    new TextEncoder().encode(`${JSON.stringify(scope.errorBody(error))}\n`);
  const body = await scope.timed("list", () => startBody(source, scope, { lastWords: lastLine }));
  return new Response(body, { headers: { ...described, ...scope.costHeaders() } });
}

async function* lines(resolved: ResolvedPath, top: Stats): AsyncGenerator<Uint8Array, void, undefined> {
  const { scope, route, tree } = resolved;
  const encoder = new TextEncoder();
  const cut = top.pathBytes.length + (top.pathBytes.at(-1) === 0x2f ? 0 : 1);
  let text = "";
  let count = 0;
  for await (const stats of tree.walk(top.pathBytes, { glob: route.params.glob, signal: scope.signal })) {
    count += 1;
    scope.checkEntries(count);
    await scope.turns.spend();
    const below = stats.pathBytes.subarray(cut);
    text += `${entryJson(resolved, "path", below, stats)}\n`;
    if (text.length >= BATCH) {
      yield encoder.encode(text);
      text = "";
    }
  }
  if (text) yield encoder.encode(text);
}

function listingEtag(resolved: ResolvedPath, form: string): Promise<string> {
  const { route, lease } = resolved;
  // Links in it keep the query, and it says how the image is called.
  const name = `${imageUrl(route.image)} ${route.query}`;
  const weak = weakMark(lease.image, resolved.stats.verified);
  return etagOf("listing", form, name, lease.image.digest, resolved.layer ?? "", route.path, weak);
}

async function jsonListing(resolved: ResolvedPath): Promise<Made> {
  const { route, lease } = resolved;
  const lines = await children(resolved, (name, stats) => entryJson(resolved, "name", name, stats));
  const listing = {
    image: imageUrl(route.image).slice(1),
    digest: lease.image.digest,
    ...(resolved.layer ? { layer: resolved.layer } : {}),
    ...named("path", route.path),
    reader: readerText(lease.image, resolved.stats),
    // A tag is resolved here to a digest and then remembered: it still was a tag that the caller trusted.
    verified: { ...resolved.stats.verified, manifest: route.image.digest ? "digest" : "tag" },
  };
  return {
    body: `${JSON.stringify(listing).slice(0, -1)},"entries":[${lines.join(",")}]}\n`,
    headers: { "content-type": "application/json; charset=utf-8" },
  };
}

/** A listing's text, and the headers that describe it. */
interface Made {
  readonly body: string;
  readonly headers: Record<string, string>;
}

async function htmlListing(resolved: ResolvedPath): Promise<Made> {
  const { route } = resolved;
  const rows = await children(resolved, (name, stats) => {
    const shown = escapeHtml(new TextDecoder().decode(name));
    const link = `<a href="${escapeHtml(href(resolved, name, stats))}"><bdi>${shown}</bdi></a>`;
    const mark = stats.isDirectory() ? "/" : "";
    const target = stats.linkname === undefined ? "" : ` → <bdi>${escapeHtml(stats.linkname)}</bdi>`;
    const mode = stats.mode.toString(8).padStart(4, "0");
    const size = stats.isFile() ? String(stats.size) : stats.type;
    const time = timeOf(stats)?.replace("T", " ").slice(0, 16) ?? "";
    return `<tr><td>${link}${mark}${target}<td class="n">${size}<td>${mode}<td>${time}`;
  });
  const title = `${imageUrl(route.image).slice(1)} /${new TextDecoder().decode(route.path)}`;
  const up = route.path.length > 0 ? `<p><a href="../${escapeHtml(carried(resolved))}">..</a></p>` : "";
  const warned =
    resolved.stats.verified.index === "attached"
      ? "<p>Read by an index that is attached to the image: names, links and contents are the word of whoever may write to the repository.\n"
      : "";
  return page(
    title,
    `${warned}${up}<table><tr><th>name<th class="n">size<th>mode<th>modified\n${rows.join("\n")}\n</table>`,
  );
}

/** A name under a key, and its bytes in base64 where it is not UTF-8. */
function named(key: string, bytes: Uint8Array): Record<string, string> {
  const raw = bytesUnlessText(bytes);
  const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
  return { [key]: text, ...(raw ? { [`${key}Base64`]: raw } : {}) };
}

/** An entry as JSON: its name under a key, its attributes, and a link to it. */
function entryJson(resolved: ResolvedPath, key: string, name: Uint8Array, stats: Stats): string {
  const { type, size, mode, uid, gid, linknameBytes, devMajor, devMinor } = stats;
  const device = type === "char-device" || type === "block-device";
  return JSON.stringify({
    ...named(key, name),
    ...{ type, size, mode, uid, gid },
    mtime: timeOf(stats) ?? null,
    ...(linknameBytes ? named("linkname", linknameBytes) : {}),
    ...(device ? { devMajor, devMinor } : {}),
    // One tree of all layers does not tell which.
    layer: resolved.lease.image.isMerged ? null : stats.layer,
    href: href(resolved, name, stats),
  });
}

function timeOf(stats: Stats): string | undefined {
  const { mtime } = stats;
  return Number.isNaN(mtime.getTime()) ? undefined : mtime.toISOString();
}

/** A link relative to the folder. */
function href(resolved: ResolvedPath, below: Uint8Array, stats: Stats): string {
  return `${encodePath(below)}${stats.isDirectory() ? "/" : ""}${carried(resolved)}`;
}

/** The part of the query that links keep. */
function carried({ route }: ResolvedPath): string {
  const { platform, layer } = route.params;
  const query = new URLSearchParams({ ...(platform ? { platform } : {}), ...(layer ? { layer } : {}) });
  return query.size > 0 ? `?${query}` : "";
}
