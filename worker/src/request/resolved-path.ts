/** A resolved path of an image, and the headers that all answers about it share. @module */
import type { FileTree, Image, Stats } from "ocipeek";
import { concat } from "../../../js/common/bytes.ts";
import { encodePath } from "../../../web/path.ts";
import type { Config } from "../config/config.ts";
import { HttpError } from "../errors.ts";
import { precondition, SAFE } from "../http/headers.ts";
import type { Ports } from "../ports.ts";
import { isVerified, noLayers, readerText } from "./formats.ts";
import type { Images, Lease } from "./images.ts";
import type { RequestScope } from "./request-scope.ts";
import { imageUrl, queryText, type TreeRoute } from "./route.ts";

/** Resolved path: what the answers to a request for it are made from. */
export interface ResolvedPath {
  readonly request: Request;
  /** The URL, or the request's target, as it was sent. */
  readonly target: string;
  readonly route: TreeRoute;
  readonly scope: RequestScope;
  readonly config: Config;
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly lease: Lease;
  /** The image, or the layer that is asked for. */
  readonly tree: FileTree;
  /** Digest of that layer. */
  readonly layer: string | undefined;
  /** What the path leads to, links followed. */
  readonly stats: Stats;
  /** Finds it anew, after the request gave up its reader. */
  again(): Promise<ResolvedPath>;
}

/** Opens the image and finds the path. */
export async function resolvePath(
  asked: Pick<ResolvedPath, "request" | "target" | "route" | "scope">,
  ports: Ports,
  images: Images,
): Promise<ResolvedPath> {
  const { route, scope } = asked;
  const { image, params } = route;
  const lease = await scope.timed("open", () => images.take(scope, image, params.platform));
  const find = async (lease: Lease): Promise<ResolvedPath> => {
    const tree = params.layer === undefined ? lease.image : layerOf(lease.image, params.layer);
    // As that of a folder: what is none is then `ENOTDIR`.
    const path = route.slash ? concat([route.path, Uint8Array.of(0x2f)]) : route.path;
    const stats = await scope.timed("find", () => tree.stat(path, { signal: scope.signal }));
    scope.checkInflated();
    const { config } = ports;
    // By digest: a tag may have moved meanwhile.
    const again = async () =>
      find(await images.take(scope, { ...image, digest: lease.digest }, params.platform));
    return { ...asked, config, now: ports.now(), lease, tree, layer: params.layer, stats, again };
  };
  return find(lease);
}

function layerOf(image: Image, digest: string): FileTree {
  if (image.isMerged) throw noLayers(image);
  const index = image.layers.findIndex((layer) => layer.digest === digest);
  if (index < 0) throw new HttpError("NOT_FOUND", `the image has no layer ${digest}`);
  return image.layer(index);
}

/** The path's URL below the image: path and query. */
export function pathUrl(route: TreeRoute, slash: boolean, without?: string): string {
  const end = slash && route.path.length > 0 ? "/" : "";
  return `/-/${encodePath(route.path)}${end}${queryText(route.query, without)}`;
}

/** A longer URL is not repeated in a header: many programs take 16 KiB of them in all. */
const MAX_LOCATION = 4096;

/**
 * How an answer was verified: `manifest=tag, metadata=ztoc-digest, index=image` for names and attributes, and for content
 * also `content=span-digest, header`.
 */
export function verifiedText({ route, stats }: ResolvedPath, hasContent: boolean): string {
  const { metadata, content, header, index } = stats.verified;
  // A tag is resolved here to a digest and then remembered: it still was a tag that the caller trusted.
  const manifest = route.image.digest ? "digest" : "tag";
  const names = `manifest=${manifest}, metadata=${metadata}${index ? `, index=${index}` : ""}`;
  return hasContent ? `${names}, content=${content}${header ? ", header" : ""}` : names;
}

/** Whether an answer never changes: what no digest vouches for, or an attached index alone, may be another thing tomorrow. */
export function isPinned({ route, stats }: Pick<ResolvedPath, "route" | "stats">): boolean {
  return route.image.digest !== undefined && isVerified(stats.verified);
}

/**
 * Headers that an answer about a path has, whatever its status: who may keep it and how long, the URL under which
 * it never changes, what it cost, and that nothing in it is to be run.
 */
export function pathHeaders(
  resolved: ResolvedPath,
  options: { etag: string; varies?: boolean; lastModified?: Date | undefined },
): Record<string, string> {
  const { route, scope, lease } = resolved;
  const { registry, repository } = route.image;
  const permanent =
    imageUrl({ registry, repository, tag: undefined, digest: lease.image.digest }) +
    pathUrl(route, route.slash, "platform");
  const asked = imageUrl(route.image) + pathUrl(route, route.slash);
  const isTold = permanent !== asked && permanent.length <= MAX_LOCATION;
  return {
    ...SAFE,
    ...scope.sharing.headers(options.varies ? ["accept"] : []),
    ...(isTold ? { "content-location": permanent } : {}),
    "cache-control": scope.sharing.cacheControl(isPinned(resolved)),
    etag: options.etag,
    ...(options.lastModified ? { "last-modified": options.lastModified.toUTCString() } : {}),
    "x-ocipeek-digest": lease.image.digest,
    "x-ocipeek-reader": readerText(lease.image, resolved.stats),
    "x-ocipeek-verified": verifiedText(resolved, false),
    ...scope.costHeaders(),
  };
}

/**
 * The answer that the request's conditions call for in place of the full one.
 * @throws HttpError `PRECONDITION_FAILED`
 */
export function conditional(
  resolved: ResolvedPath,
  headers: Record<string, string>,
  lastModified?: Date,
): Response | undefined {
  const { request, scope } = resolved;
  const outcome = precondition(request.headers, headers.etag ?? "", lastModified, isPinned(resolved));
  if (outcome === 412) throw new HttpError("PRECONDITION_FAILED", "the file is not the one of If-Match");
  if (outcome === undefined) return undefined;
  scope.end();
  return new Response(null, { status: 304, headers });
}
