/** The second tier: the platform's Cache API, shared by all isolates of one place. @module */
import { type Body, isContent, type Tier } from "./tier.ts";

/** What of the platform's `Cache` is used. */
export interface EdgeCache {
  match(request: Request): Promise<Response | undefined>;
  put(request: Request, response: Response): Promise<void>;
}

/** Content is named by its digest: it never changes. Nothing is kept without such a header. */
const FOR_EVER = "public, max-age=31536000, immutable";

/**
 * Keeps each value as a whole 200 answer, since a 206 cannot be stored, under a URL that nothing fetches; parts are
 * then read by a `Range` on `match`.
 */
export class CacheApiTier implements Tier {
  readonly isMemory = false;
  readonly #cache: () => Promise<EdgeCache>;
  readonly #base: string;
  readonly #ttl: number;

  /**
   * `base` is the URL below which the keys are, ending in a slash; on the edge its host is to be one of the worker's
   * own. `ttl`, in seconds, is for what may change.
   */
  constructor(cache: () => Promise<EdgeCache>, options: { base: string; ttl: number }) {
    let opened: Promise<EdgeCache> | undefined;
    this.#cache = () => {
      opened ??= cache();
      return opened;
    };
    this.#base = options.base;
    this.#ttl = options.ttl;
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    const response = await (await this.#cache()).match(this.#request(key));
    if (!response) return undefined;
    return response.status === 200 ? bytesOf(response) : leave(response);
  }

  async getRange(key: string, start: number, end: number): Promise<Uint8Array | undefined> {
    if (start >= end) return new Uint8Array();
    const request = this.#request(key, { range: `bytes=${start}-${end - 1}` });
    const response = await (await this.#cache()).match(request);
    switch (response?.status) {
      case 206: {
        const range = /^bytes (\d+)-/.exec(response.headers.get("content-range") ?? "");
        return Number(range?.[1]) === start ? bytesOf(response) : leave(response);
      }
      case 200:
        // The platform need not do ranges.
        return (await bytesOf(response)).subarray(start, end);
      case 416:
        await leave(response);
        return new Uint8Array();
      default:
        return response && leave(response);
    }
  }

  async put(key: string, value: Uint8Array): Promise<void> {
    const response = new Response(value as Uint8Array<ArrayBuffer>, { headers: this.#headers(key) });
    await (await this.#cache()).put(this.#request(key), response);
  }

  async putBody(key: string, { stream, size }: Body): Promise<void> {
    const headers = { ...this.#headers(key), "content-length": String(size) };
    await (await this.#cache()).put(this.#request(key), new Response(stream, { headers }));
  }

  #request(key: string, headers: Record<string, string> = {}): Request {
    return new Request(this.#base + encodeURIComponent(key), { headers });
  }

  #headers(key: string): Record<string, string> {
    return {
      "cache-control": isContent(key) ? FOR_EVER : `public, max-age=${this.#ttl}`,
      "content-type": "application/octet-stream",
    };
  }
}

async function bytesOf(response: Response): Promise<Uint8Array> {
  return new Uint8Array(await response.arrayBuffer());
}

async function leave(response: Response): Promise<undefined> {
  await response.body?.cancel();
}
