/** Files: whole, by range, or their head alone. @module */
import type { Stats } from "ocipeek";
import { contentDisposition } from "../../../web/disposition.ts";
import { encodePath } from "../../../web/path.ts";
import { HttpError } from "../errors.ts";
import { contentType } from "../http/content-type.ts";
import { etagOf, lastModified, rangeOf } from "../http/headers.ts";
import { layerOf, weakMark } from "../request/formats.ts";
import { conditional, pathHeaders, type ResolvedPath, verifiedText } from "../request/resolved-path.ts";

import { fromStream, startBody } from "./body.ts";

/** The answer for a path that leads to a file. */
export async function serveFile(resolved: ResolvedPath): Promise<Response> {
  const { request, route, scope, tree, stats } = resolved;
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
    "content-length": String(length),
    ...(range ? { "content-range": `bytes ${start}-${end - 1}/${stats.size}` } : {}),
  };
  const status = range ? 206 : 200;
  if (request.method === "HEAD" || length === 0) {
    scope.end();
    return new Response(request.method === "HEAD" ? null : "", { status, headers: described });
  }
  const read = { start, end, signal: scope.signal };
  const source = fromStream(tree.createReadStream(stats.pathBytes, read));
  const body = await scope.timed("read", () => startBody(source, scope, { length }));
  // What the first bytes cost is known only now.
  return new Response(body, { status, headers: { ...described, ...scope.costHeaders() } });
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
