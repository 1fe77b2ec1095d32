/** zTOCs that a cache keeps by the digests of their layers, as the reader takes them from there. @module */
import { type KeptOrigin, keptHead, keptKey, readKeptHead } from "../../wasm/ocipeek_build.js";
import { digestOf } from "../push/content.js";
import type { Blob as Content } from "../types/content.js";
import type { Cache } from "../types/index.js";
import { buildReady } from "./runtime.js";

/** Larger ones would have to be in memory at once, and are not kept. */
const MAX_KEPT = 64 << 20;
/** More than a head has. */
const HEAD_READ = 256;

interface Layer {
  readonly digest: string;
  readonly size: number;
}

/** A zTOC out of the cache. */
export interface KeptZtoc {
  readonly digest: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Keeps the zTOC of a layer. A cache that fails keeps nothing. */
export async function keep(
  cache: Cache | undefined,
  layer: Layer,
  ztoc: Content,
  origin: KeptOrigin,
): Promise<boolean> {
  if (!cache || ztoc.size > MAX_KEPT) return false;
  const head = keptHead(layer.digest, layer.size, ztoc.digest, ztoc.size, origin);
  const value = new Uint8Array(head.length + ztoc.size);
  value.set(head);
  value.set(await ztoc.read(0, ztoc.size), head.length);
  try {
    await cache.put(keptKey(layer.digest), value);
    return true;
  } catch {
    return false;
  }
}

/**
 * The zTOC that the cache keeps of a layer, if it has the bytes that are built here: it was built here, or compared and
 * found equal. Its digest is checked.
 */
export async function findKept(cache: Cache | undefined, layer: Layer): Promise<KeptZtoc | undefined> {
  if (!cache) return undefined;
  const key = keptKey(layer.digest);
  const start = await attempt(() => cache.getRange?.(key, 0, HEAD_READ));
  if (cache.getRange && !start) return undefined;
  const known = start && readKeptHead(start, layer.digest, layer.size);
  if (start && (!known || known.origin === "checked-meaning" || known.size > MAX_KEPT)) return undefined;
  const value = await attempt(() => cache.get(key));
  const kept = value && readKeptHead(value.subarray(0, HEAD_READ), layer.digest, layer.size);
  if (!value || !kept || kept.origin === "checked-meaning") return undefined;
  const bytes = value.slice(kept.head);
  if (bytes.length !== kept.size || (await digestOf(bytes)) !== kept.digest) return undefined;
  return { digest: kept.digest, bytes };
}

/** The digest of the zTOC that the cache keeps of a layer, as its head says it. @internal */
export async function keptDigest(cache: Cache, layer: Layer): Promise<string | undefined> {
  await buildReady();
  const key = keptKey(layer.digest);
  const start = await attempt(() => cache.getRange?.(key, 0, HEAD_READ) ?? cache.get(key));
  return start && readKeptHead(start.subarray(0, HEAD_READ), layer.digest, layer.size)?.digest;
}

/** Value that a cache gives; nothing where it throws. */
async function attempt<T>(work: () => Promise<T> | T): Promise<T | undefined> {
  try {
    return await work();
  } catch {
    return undefined;
  }
}
