/**
 * What the base module asked for until it saw that an image is in a format that another module reads: that one gets the
 * same answers, so that no request is made twice.
 * @module
 */
import type { Host } from "../../wasm/ocipeek.js";
import type { Fetch, FetchInit, FetchResponse } from "../types/index.js";

/** Longest answer that is kept; manifests are shorter. */
const MAX_KEPT = 8 << 20;

/** An answer; or why none came. */
type Kept = { response: Response; body: Promise<Uint8Array<ArrayBuffer> | null> } | { failure: unknown };

/** A host for the base module that remembers its answers, and from it one for the other module. */
export class Handover {
  readonly #fetch: Fetch;
  readonly #host: Host;
  readonly #kept = new Map<string, Kept[]>();
  #keeping = true;
  #requests = 0;
  #bytes = 0;

  constructor(host: Host) {
    this.#host = host;
    this.#fetch = (host.fetch as Fetch | undefined) ?? ((url, init) => fetch(url, init as RequestInit));
  }

  /** What the base module calls. */
  get first(): Host {
    const { onTransfer } = this.#host;
    return {
      ...this.#host,
      fetch: (url: string, init: FetchInit) => this.#record(url, init),
      ...(onTransfer && {
        onTransfer: (requests: number, bytes: number) => {
          this.#requests += requests;
          this.#bytes += bytes;
          onTransfer(requests, bytes);
        },
      }),
    };
  }

  /** What the other module calls: each remembered answer comes once. */
  get second(): Host {
    this.#keeping = false;
    const { onTransfer } = this.#host;
    return {
      ...this.#host,
      fetch: (url: string, init: FetchInit) => this.#replay(url, init),
      // What was told once is not told again.
      ...(onTransfer && {
        onTransfer: (requests: number, bytes: number) => {
          const [known, had] = [Math.min(requests, this.#requests), Math.min(bytes, this.#bytes)];
          this.#requests -= known;
          this.#bytes -= had;
          if (requests > known || bytes > had) onTransfer(requests - known, bytes - had);
        },
      }),
    };
  }

  /** Forgets the answers: the base module reads the image. */
  done(): void {
    this.#keeping = false;
    this.#kept.clear();
  }

  async #record(url: string, init: FetchInit): Promise<FetchResponse> {
    const key = keyOf(url, init);
    const response = await this.#fetch(url, init).catch((failure: unknown) => {
      // That a registry on this machine speaks no TLS is found out once.
      if (url.endsWith("/v2/")) this.#keep(key, { failure });
      throw failure;
    });
    // `opaqueredirect` has the status 0: what is behind it is hidden, and asked for again.
    if (!this.#keeping || !(response instanceof Response) || response.status === 0) return response;
    if (Number(response.headers.get("content-length") ?? 0) > MAX_KEPT) return response;
    const copy = response.clone();
    const body = copy.body ? copy.arrayBuffer().then((data) => new Uint8Array(data)) : Promise.resolve(null);
    // Whoever asks for it sees the failure.
    body.catch(() => {});
    this.#keep(key, { response, body });
    return response;
  }

  #keep(key: string, kept: Kept): void {
    const list = this.#kept.get(key);
    if (list) list.push(kept);
    else if (this.#keeping) this.#kept.set(key, [kept]);
  }

  async #replay(url: string, init: FetchInit): Promise<FetchResponse> {
    const kept = this.#kept.get(keyOf(url, init))?.shift();
    if (kept && "failure" in kept) throw kept.failure;
    // One that broke off is as if it were not there.
    const body = await kept?.body.catch(() => undefined);
    if (!kept || body === undefined) return this.#fetch(url, init);
    const { status, headers, url: from, type } = kept.response;
    return { status, headers, url: from, type, body: body && new Response(body).body };
  }
}

function keyOf(url: string, init: FetchInit): string {
  const { method, headers, body } = init;
  const { authorization, range } = headers;
  return JSON.stringify([
    method,
    url,
    authorization,
    range,
    body instanceof Uint8Array ? Array.from(body) : null,
  ]);
}
