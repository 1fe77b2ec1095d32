/** Files: whole, by range, or their head alone. @module */
import type { Stats } from "ocipeek";
import { contentDisposition } from "../../../web/disposition.ts";
import { encodePath } from "../../../web/path.ts";
import { HttpError } from "../errors.ts";
import { contentType } from "../http/content-type.ts";
import { etagOf, lastModified, rangeHeaders, rangeOf } from "../http/headers.ts";
import { isVerified, layerOf, weakMark } from "../request/formats.ts";
import { conditional, pathHeaders, type ResolvedPath, verifiedText } from "../request/resolved-path.ts";
import { fromStream, type Source, startBody } from "./body.ts";
import { COST_OF_KEPT, type FileHead, type KeptFiles } from "./kept-files.ts";

/** The answer for a path that leads to a file. */
export async function serveFile(resolved: ResolvedPath, kept: KeptFiles): Promise<Response> {
  const { request, route, scope, stats } = resolved;
  if (!stats.isFile()) {
    throw new HttpError("EINVAL", `${stats.path}: a ${stats.type} has no content to send`);
  }
  const { recursive, tar, format } = route.params;
  if (recursive || tar || format) throw new HttpError("ENOTDIR", `${stats.path}: is not a folder`);
  const etag = await fileEtag(resolved);
  const modified = lastModified(stats.mtimeMs, resolved.now);
  const shared = pathHeaders(resolved, { etag, lastModified: modified });
  const headers = {
    ...shared,
    // Compressed on the way, it would have no length, no ranges, and a weak tag.
    "cache-control": `${shared["cache-control"]}, no-transform`,
    "accept-ranges": "bytes",
  };
  const early = conditional(resolved, headers, modified);
  if (early) return early;
  const range = request.method === "GET" ? rangeOf(request.headers, etag, stats.size) : undefined;
  const { start, end } = range ?? { start: 0, end: stats.size };
  const length = end - start;
  const described: Record<string, string> = {
    ...headers,
    ...fileHeaders(resolved, stats),
    ...rangeHeaders(stats.size, range),
  };
  const head = keptHead(resolved, { etag, lastModified: modified }, { described, unchanged: headers });
  if (head) kept.keepHead(resolved.target, head);
  const status = range ? 206 : 200;
  if (request.method === "HEAD" || length === 0) {
    scope.end();
    return new Response(request.method === "HEAD" ? null : "", { status, headers: described });
  }
  const body = await scope.timed("read", () => contentOf(resolved, { start, end, etag }, kept, head));
  // What the first bytes cost is known only now.
  return new Response(body, { status, headers: { ...described, ...scope.costHeaders() } });
}

/** A part of a file. */
interface Part {
  readonly start: number;
  readonly end: number;
  readonly etag: string;
}

/** Bytes of a file: at once what is to be kept, as a stream what is not. */
async function contentOf(
  resolved: ResolvedPath,
  part: Part,
  kept: KeptFiles,
  head: FileHead | undefined,
): Promise<Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>> {
  const { scope, tree, stats } = resolved;
  const { start, end } = part;
  const wanted = head && kept.wanted(head, start, end);
  if (!wanted) return startBody(resumable(resolved, part), scope, { length: end - start });
  let bytes = await kept.readElsewhere(head, wanted, (ms) => scope.pause(ms));
  if (!bytes) {
    const [from, to] = wanted;
    try {
      bytes = (await tree.read(stats.pathBytes, { start: from, end: to, signal: scope.signal })).data;
      scope.checkInflated();
      kept.keepContent(head, from, bytes);
    } finally {
      kept.endRead(head, wanted);
    }
  }
  scope.sent += end - start;
  scope.end();
  return bytes.subarray(start - wanted[0], end - wanted[0]);
}

/** Content that gives its image up while the caller takes nothing, and goes on with another reader of the same. */
function resumable(resolved: ResolvedPath, { start, end, etag }: Part): Source {
  const { scope } = resolved;
  let at = start;
  const open = ({ tree, stats }: ResolvedPath): Source =>
    fromStream(tree.createReadStream(stats.pathBytes, { start: at, end, signal: scope.signal }));
  let source: Source | undefined = open(resolved);
  const again = async (): Promise<Source> => {
    const found = await resolved.again();
    if ((await fileEtag(found)) !== etag) {
      throw new HttpError("ABORTED", "the file is another one since its answer was taken last");
    }
    return open(found);
  };
  return {
    next: async () => {
      source ??= await again();
      const chunk = await source.next();
      at += chunk?.length ?? 0;
      return chunk;
    },
    park: (unread) => {
      const old = source;
      source = undefined;
      at -= unread;
      void old?.cancel(undefined).catch(() => {});
      scope.release();
    },
    cancel: async (reason) => source?.cancel(reason),
  };
}

/** What is to be remembered of the file: nothing of what no digest vouches for, or the caller's own credentials opened. */
function keptHead(
  resolved: ResolvedPath,
  found: Pick<FileHead, "etag" | "lastModified">,
  { described, unchanged }: Record<"described" | "unchanged", Readonly<Record<string, string>>>,
): FileHead | undefined {
  const { route, scope, lease, layer = "", stats } = resolved;
  if (!isVerified(stats.verified) || !scope.sharing.isSameForAll) return undefined;
  const { "content-length": _, "content-range": __, ...common } = described;
  const { registry, repository } = route.image;
  return {
    ...found,
    image: route.image,
    digest: lease.digest,
    key: `${registry}/${repository}@${lease.image.digest} ${layer} ${found.etag}`,
    size: stats.size,
    isPinned: route.image.digest !== undefined,
    whole: { ...common, ...COST_OF_KEPT, ...rangeHeaders(stats.size, undefined) },
    part: { ...common, ...COST_OF_KEPT },
    unchanged: { ...unchanged, ...COST_OF_KEPT },
  };
}

/** Longer paths are hashed in it. */
const MAX_ETAG_PATH = 200;

/**
 * Content is what one layer holds under one name (or the image, where its format makes one tree of all layers); the same
 * file in another image of that layer has the same tag.
 * Made without waiting for anything: a warm answer then has its image for no longer than it takes to make it.
 */
async function fileEtag({ stats, lease, layer }: ResolvedPath): Promise<string> {
  const digest = layer ?? layerOf(lease.image, stats) ?? lease.image.digest;
  const path = stats.hardlinkOfBytes ?? stats.pathBytes;
  const weak = weakMark(lease.image, stats.verified);
  const shown = encodePath(path);
  if (shown.length > MAX_ETAG_PATH || weak) return etagOf("file", digest, path, weak);
  return `"${digest.slice("sha256:".length, "sha256:".length + 32)}${shown}"`;
}

function fileHeaders(resolved: ResolvedPath, stats: Stats): Record<string, string> {
  const { route, lease } = resolved;
  const name = lastName(route.path);
  const { type, inline } = contentType(name);
  const kind = inline && !route.params.download ? "inline" : "attachment";
  const layer = resolved.layer ?? layerOf(lease.image, stats);
  return {
    "content-type": type,
    "content-disposition": contentDisposition(kind, name),
    ...(layer ? { "x-ocipeek-layer": layer } : {}),
    "x-ocipeek-verified": verifiedText(resolved, true),
  };
}

/** The last name of a path, as text. */
export function lastName(path: Uint8Array): string {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(path.subarray(path.lastIndexOf(0x2f) + 1));
}
