/** Uploads of blobs: in one piece, or by chunks that go on after a broken connection (OCI distribution, `push`). @module */
import { OcipeekError, unless } from "../errors.js";
import type { RegistryFetch } from "../registry/fetch.js";
import type { Blob, BlobOutcome } from "../types/content.js";
import type { RegistryAnswer } from "../types/index.js";
import { type Asked, errorOf, isPassing, tell } from "./requests.js";

/** Blobs of up to so many bytes go in one request. */
const MONOLITHIC = 16 << 20;
/** Bytes of one chunk, unless the registry wants larger ones. */
const CHUNK = 16 << 20;
/** Larger chunks than this are not made, whatever the registry says. */
const MAX_CHUNK = 128 << 20;
/** Broken connections in one upload. */
const MAX_BREAKS = 8;
/** Broken connections in a row after which the registry has no more than before. */
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
export function upload(
  registry: RegistryFetch,
  blob: Blob,
  options: UploadOptions = {},
): Promise<BlobOutcome> {
  return new Upload(registry, blob, options).run();
}

/** One upload. */
class Upload {
  readonly #registry: RegistryFetch;
  readonly #blob: Blob;
  readonly #options: UploadOptions;

  constructor(registry: RegistryFetch, blob: Blob, options: UploadOptions) {
    this.#registry = registry;
    this.#blob = blob;
    this.#options = options;
  }

  async run(): Promise<BlobOutcome> {
    const blob = this.#blob;
    if (await this.#isThere()) return "present";
    const start = await this.#mountOrBegin();
    if (start.status === 201) return "mounted";
    if (blob.size > MONOLITHIC) await this.#sendChunks(start);
    else {
      const body = await blob.read(0, blob.size, this.#options.signal);
      await this.#finish(this.#locate(start), body);
      this.#options.onBytes?.(blob.size);
    }
    return "uploaded";
  }

  #tell(asked: Omit<Asked, "signal" | "what"> & { what?: string }): Promise<RegistryAnswer> {
    const what = `the upload of ${this.#blob.digest}`;
    return tell(this.#registry, { what, signal: this.#options.signal, ...asked });
  }

  /** Mounts the blob, or begins its upload, also where the other repository is not to be read by us. */
  async #mountOrBegin(): Promise<RegistryAnswer> {
    const { mountFrom } = this.#options;
    if (mountFrom === undefined) return this.#begin();
    this.#registry.pullFrom(mountFrom);
    const mount = this.#begin(`?mount=${this.#blob.digest}&from=${encodeURIComponent(mountFrom)}`);
    return (await unless(mount, "UNAUTHORIZED", "FORBIDDEN")) ?? this.#begin();
  }

  /** Begins an upload: 202 says where it goes; 201 that the blob was mounted. */
  #begin(query = ""): Promise<RegistryAnswer> {
    const target = `blobs/uploads/${query}`;
    return this.#tell({ method: "POST", target, body: new Uint8Array(0), expect: [201, 202] });
  }

  /** Whether the repository has it, with that size. */
  async #isThere(): Promise<boolean> {
    const { digest, size } = this.#blob;
    const what = `the question for ${digest}`;
    const answer = await this.#tell({ method: "HEAD", target: `blobs/${digest}`, expect: [200, 404], what });
    const length = answer.headers.get("content-length");
    return answer.status === 200 && (length === null || Number(length) === size);
  }

  async #sendChunks(start: RegistryAnswer): Promise<void> {
    const { signal, onBytes } = this.#options;
    const { size } = this.#blob;
    const least = Number(start.headers.get("oci-chunk-min-length") ?? 0);
    const chunk = Math.min(Math.max(CHUNK, Number.isSafeInteger(least) ? least : 0), MAX_CHUNK);
    let location = this.#locate(start);
    let sent = 0;
    let told = 0;
    let inVain = 0;
    for (let breaks = 0; sent < size; ) {
      const end = Math.min(sent + chunk, size);
      const body = await this.#blob.read(sent, end, signal);
      const headers = { ...OCTETS, "content-range": `${sent}-${end - 1}` };
      const piece = { method: "PATCH", target: location, headers, body, expect: [202, 204] } as const;
      try {
        location = this.#locate(await this.#tell({ ...piece, retries: false }));
        sent = end;
      } catch (error) {
        if (!isBroken(error) || ++breaks > MAX_BREAKS || ++inVain > MAX_IN_VAIN) throw error;
        const state = await this.#progress(location);
        // Some registries give up an upload whose registry broke within a chunk.
        location = state?.location ?? this.#locate(await this.#begin());
        sent = state?.received ?? 0;
      }
      if (sent > told) {
        onBytes?.(sent - told);
        inVain = 0;
      }
      told = Math.max(told, sent);
    }
    await this.#finish(location, new Uint8Array(0));
  }

  /** What of an upload has arrived; nothing where the registry does not know it any more. */
  async #progress(location: string): Promise<{ location: string; received: number } | undefined> {
    const answer = await this.#tell({ method: "GET", target: location, expect: [200, 204, 404, 416] });
    if (answer.status >= 400) return undefined;
    const range = /^(?:bytes=)?0-(\d{1,15})$/.exec(answer.headers.get("range") ?? "");
    // Registries say `0-0` where nothing has arrived: the one byte is then sent again.
    const last = Number(range?.[1] ?? 0);
    return { location: this.#locate(answer), received: last === 0 ? 0 : last + 1 };
  }

  async #finish(location: string, body: Uint8Array<ArrayBuffer>): Promise<void> {
    const { digest, size: work } = this.#blob;
    const target = `${location}${location.includes("?") ? "&" : "?"}digest=${encodeURIComponent(digest)}`;
    try {
      // It hashes the blob now, and may move it to where it stays.
      await this.#tell({ method: "PUT", target, headers: OCTETS, body, expect: [201, 204], work });
    } catch (error) {
      // Where the answer to the first try was lost, the upload is over and not known any more.
      const isOver = error instanceof OcipeekError && (error.status === 404 || error.status === 416);
      if (!isOver || !(await this.#isThere())) throw error;
    }
  }

  /** Where an upload goes on. Only to where a request with content may go. */
  #locate({ location, status }: RegistryAnswer): string {
    if (location !== undefined) return location;
    const why = `the registry names no place for the upload that may be used (HTTP ${status})`;
    throw errorOf(this.#registry, "NETWORK", why);
  }
}

function isBroken(error: unknown): boolean {
  return isPassing(error) || (error instanceof OcipeekError && error.status === 416);
}
