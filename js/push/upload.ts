/** Uploads of blobs: in one piece, or by chunks that go on after a broken connection (OCI distribution, `push`). @module */
import { OcipeekError } from "../errors.js";
import type { RegistryFetch } from "../registry/fetch.js";
import type { Blob, BlobOutcome } from "../types/content.js";
import type { RegistryAnswer } from "../types/index.js";
import { errorOf, isPassing, tell } from "./requests.js";

/** Blobs of up to so many bytes go in one request. */
const MONOLITHIC = 16 << 20;
/** Bytes of one chunk, unless the registry wants larger ones. */
const CHUNK = 16 << 20;
/** Larger chunks than this are not made, whatever the registry says. */
const MAX_CHUNK = 128 << 20;
/** Broken connections in one upload. */
const MAX_BREAKS = 8;
/** Those of them in a row after which the registry has no more than before. */
const MAX_IN_VAIN = 3;
const OCTETS = { "content-type": "application/octet-stream" };

/** How an upload is done. */
export interface UploadOptions {
  signal?: AbortSignal | undefined;
  /** A repository of the same registry that has the blob. */
  mountFrom?: string | undefined;
  /** Told of bytes that have arrived. */
  onBytes?: ((bytes: number) => void) | undefined;
}

/** Sees to it that the repository has a blob. */
export async function upload(
  registry: RegistryFetch,
  blob: Blob,
  options: UploadOptions = {},
): Promise<BlobOutcome> {
  const { signal, mountFrom, onBytes } = options;
  const what = `the upload of ${blob.digest}`;
  if (await hasBlob(registry, blob, signal)) return "present";
  const start = await mountOrBegin(registry, blob, mountFrom, what, signal);
  if (start.status === 201) return "mounted";
  if (blob.size <= MONOLITHIC) {
    const body = await blob.read(0, blob.size, signal);
    await finish(registry, locate(registry, start), blob, body, what, signal);
    onBytes?.(blob.size);
  } else {
    await uploadChunks(registry, start, blob, { ...options, what });
  }
  return "uploaded";
}

/** Mounts the blob, or begins its upload, also where the other repository is not to be read by us. */
async function mountOrBegin(
  registry: RegistryFetch,
  { digest }: Blob,
  mountFrom: string | undefined,
  what: string,
  signal: AbortSignal | undefined,
): Promise<RegistryAnswer> {
  if (mountFrom === undefined) return begin(registry, "", what, signal);
  registry.pullFrom(mountFrom);
  try {
    return await begin(registry, `?mount=${digest}&from=${encodeURIComponent(mountFrom)}`, what, signal);
  } catch (error) {
    const refused = error instanceof OcipeekError && ["UNAUTHORIZED", "FORBIDDEN"].includes(error.code);
    if (!refused) throw error;
    return begin(registry, "", what, signal);
  }
}

/** Begins an upload: 202 says where it goes; 201 that the blob was mounted. */
async function begin(
  registry: RegistryFetch,
  query: string,
  what: string,
  signal: AbortSignal | undefined,
): Promise<RegistryAnswer> {
  return tell(registry, {
    method: "POST",
    target: `blobs/uploads/${query}`,
    body: new Uint8Array(0),
    expect: [201, 202],
    signal,
    what,
  });
}

/** Whether the repository has it, with that size. */
async function hasBlob(
  registry: RegistryFetch,
  blob: Blob,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const answer = await tell(registry, {
    method: "HEAD",
    target: `blobs/${blob.digest}`,
    expect: [200, 404],
    signal,
    what: `the question for ${blob.digest}`,
  });
  const length = answer.headers.get("content-length");
  return answer.status === 200 && (length === null || Number(length) === blob.size);
}

async function uploadChunks(
  registry: RegistryFetch,
  start: RegistryAnswer,
  blob: Blob,
  { signal, onBytes, what }: UploadOptions & { what: string },
): Promise<void> {
  const least = Number(start.headers.get("oci-chunk-min-length") ?? 0);
  const chunk = Math.min(Math.max(CHUNK, Number.isSafeInteger(least) ? least : 0), MAX_CHUNK);
  let location = locate(registry, start);
  let sent = 0;
  let told = 0;
  let inVain = 0;
  for (let breaks = 0; sent < blob.size; ) {
    const end = Math.min(sent + chunk, blob.size);
    const body = await blob.read(sent, end, signal);
    try {
      const answer = await tell(registry, {
        method: "PATCH",
        target: location,
        headers: { ...OCTETS, "content-range": `${sent}-${end - 1}` },
        body,
        expect: [202, 204],
        signal,
        retries: false,
        what,
      });
      location = locate(registry, answer);
      sent = end;
    } catch (error) {
      if (!isBroken(error) || ++breaks > MAX_BREAKS || ++inVain > MAX_IN_VAIN) throw error;
      const state = await progress(registry, location, what, signal);
      // Some registries give up an upload whose registry broke within a chunk.
      location = state?.location ?? locate(registry, await begin(registry, "", what, signal));
      sent = state?.received ?? 0;
    }
    if (sent > told) {
      onBytes?.(sent - told);
      inVain = 0;
    }
    told = Math.max(told, sent);
  }
  await finish(registry, location, blob, new Uint8Array(0), what, signal);
}

/** What of an upload has arrived; nothing where the registry does not know it any more. */
async function progress(
  registry: RegistryFetch,
  location: string,
  what: string,
  signal: AbortSignal | undefined,
): Promise<{ location: string; received: number } | undefined> {
  const expect = [200, 204, 404, 416];
  const answer = await tell(registry, { method: "GET", target: location, expect, signal, what });
  if (answer.status >= 400) return undefined;
  const range = /^(?:bytes=)?0-(\d{1,15})$/.exec(answer.headers.get("range") ?? "");
  // Registries say `0-0` where nothing has arrived: the one byte is then sent again.
  const last = Number(range?.[1] ?? 0);
  return { location: locate(registry, answer), received: last === 0 ? 0 : last + 1 };
}

async function finish(
  registry: RegistryFetch,
  location: string,
  blob: Blob,
  body: Uint8Array<ArrayBuffer>,
  what: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const digest = `${location.includes("?") ? "&" : "?"}digest=${encodeURIComponent(blob.digest)}`;
  try {
    await tell(registry, {
      method: "PUT",
      target: location + digest,
      headers: OCTETS,
      body,
      expect: [201, 204],
      signal,
      // It hashes the blob now, and may move it to where it stays.
      work: blob.size,
      what,
    });
  } catch (error) {
    // Where the answer to the first try was lost, the upload is over and not known any more.
    const isOver = error instanceof OcipeekError && (error.status === 404 || error.status === 416);
    if (!isOver || !(await hasBlob(registry, blob, signal))) throw error;
  }
}

/** Where an upload goes on. Only to where a request with content may go. */
function locate(registry: RegistryFetch, { location, status }: RegistryAnswer): string {
  if (location !== undefined) return location;
  const why = `the registry names no place for the upload that may be used (HTTP ${status})`;
  throw errorOf(registry, "NETWORK", why);
}

function isBroken(error: unknown): boolean {
  return isPassing(error) || (error instanceof OcipeekError && error.status === 416);
}
