/** A `fetch` for one repository: the registry client in wasm decides, the bodies stay here. @module */
import { openRegistry, type RawOptions, type WasmRegistry } from "../../wasm/ocipeek.js";
import { defined } from "../common/defined.js";
import { MAX_IDLE_MS, Watch } from "../common/watch.js";
import { calling, fromWasm, hasCode, type OcipeekError } from "../errors.js";
import { isBrowser, ready } from "../runtime.js";
import { Scope } from "../scope.js";
import type {
  Auth,
  Fetch,
  OpenOptions,
  RegistryAnswer,
  RegistryGrant,
  RegistryRequest,
} from "../types/index.js";
import { finder } from "./credentials.js";
import { schemeOptions } from "./scheme.js";
import { discard, type Exchanged, transfer } from "./transfer.js";

/** Options of {@link registryFetch}. */
export interface RegistryFetchOptions {
  /** Credentials; they go to this registry and its token service only. */
  auth?: Auth | undefined;
  /** Used in place of the global `fetch`. */
  fetch?: Fetch | undefined;
  /** Plain `http`. By default `https`, but a registry on this machine that speaks no TLS is reached without. */
  plainHttp?: boolean | undefined;
  /** `https`, even to a registry on this machine: not asked first whether it speaks TLS. */
  httpsOnly?: boolean | undefined;
  /** Hosts besides the registry's own that may get the credentials as its token service. */
  tokenHosts?: string[] | undefined;
  /** Ask for the right to push too. */
  push?: boolean | undefined;
  /** Repositories of the registry that blobs will be mounted from: known before, they cost no further token. */
  mountFrom?: string[] | undefined;
  /**
   * Where tokens are kept for later ones of the same repository and credentials, by the repository's name, such as a `Map`.
   * By default each `fetch` signs in by itself.
   */
  tokens?: Pick<Map<string, RegistryGrant>, "get" | "set" | "delete"> | undefined;
  /**
   * `maxAttempts`, `maxRetryAfter`, `maxRedirects`, and `maxIdleMs`: milliseconds for which nothing may come or go while it
   * is waited for. In Node it shows how far a body has gone out; elsewhere one gets a second more for each 64 kB.
   */
  limits?: OpenOptions["limits"] | undefined;
}

/** A `fetch` for one repository of a registry. */
export interface RegistryFetch {
  /**
   * Sends a request: to an absolute URL, or one that is resolved against `/v2/<repository>/`, such as `tags/list`.
   * @throws {@link OcipeekError} `UNAUTHORIZED` where the registry refuses what there is to sign in with, `NETWORK` where no
   * answer came; any other status is an answer.
   */
  (target: string | URL, request?: RegistryRequest): Promise<RegistryAnswer>;
  /** The repository, as messages name it. */
  readonly repository: string;
  /** Asks for the right to pull from another repository of the registry too, from the next request on. */
  pullFrom(repository: string): void;
  /** The error that an answer is, in `what` (`the list of tags`), with what the registry says of it. Reads its body. */
  failure(answer: RegistryAnswer, what: string): Promise<OcipeekError>;
}

const REDIRECTS = new Set([301, 302, 303, 307, 308]);
const MAX_ERROR_BODY = 16_384;

/**
 * A `fetch` for one repository of a registry (`ghcr.io/owner/app`), by the rules of `open`: requests are signed in, follow
 * redirects without taking credentials along, wait as the registry asks, and are tried again where that may help. Nothing is
 * sent before it is called. Requests share a token.
 *
 * @example
 * ```js
 * import { registryFetch } from "ocipeek";
 *
 * const registry = registryFetch("ghcr.io/owner/app", { auth: { username: "user", password: "secret" } });
 * const answer = await registry("tags/list");
 * if (answer.status !== 200) throw await registry.failure(answer, "the list of tags");
 * const { name } = await new Response(answer.body).json();
 * console.log(name); // owner/app
 * ```
 */
export function registryFetch(repository: string, options: RegistryFetchOptions = {}): RegistryFetch {
  const client = new Client(repository, options);
  return Object.assign(
    (target: string | URL, request: RegistryRequest = {}) => client.send(String(target), request),
    {
      repository: client.name,
      pullFrom: (other: string) => client.pullFrom(other),
      failure: (answer: RegistryAnswer, what: string) => client.failure(answer, what),
    },
  );
}

class Client {
  /** Without the scheme that it may have been written with. */
  readonly name: string;
  readonly #options: RegistryFetchOptions;
  readonly #scheme: ReturnType<typeof schemeOptions>;
  readonly #pulls: Set<string>;
  #wasm: WasmRegistry | undefined;
  #streamsBodies = false;

  constructor(repository: string, options: RegistryFetchOptions) {
    const [, scheme, name = repository] = /^(https?):\/\/(.*)$/is.exec(repository) ?? [];
    this.name = name;
    this.#options = options;
    this.#scheme = schemeOptions(scheme?.toLowerCase() as "http" | "https" | undefined);
    this.#pulls = new Set(options.mountFrom);
  }

  async #open(): Promise<WasmRegistry> {
    this.#streamsBodies = (await ready()).streamsBodies === true;
    if (this.#wasm) return this.#wasm;
    const { auth, fetch, limits, plainHttp, httpsOnly, tokenHosts, push, tokens } = this.#options;
    const options = { limits, plainHttp, httpsOnly, tokenHosts, push, ...this.#scheme };
    const raw: RawOptions = { mountFrom: [...this.#pulls], ...defined(options) };
    const host = { browser: isBrowser(), ...defined({ fetch, credentials: auth && finder(auth) }) };
    const wasm = calling(() => openRegistry(this.name, raw, host));
    const known = tokens?.get(this.name);
    if (known) calling(() => wasm.resume(known));
    this.#wasm = wasm;
    return wasm;
  }

  async send(target: string, request: RegistryRequest): Promise<RegistryAnswer> {
    const { method = "GET", signal, retries = true } = request;
    const wasm = await this.#open();
    const { fetch = globalFetch, limits } = this.#options;
    const headers = Object.fromEntries(
      Object.entries(request.headers ?? {}).filter(([name]) => name.toLowerCase() !== "authorization"),
    );
    const isRead = method === "GET" || method === "HEAD";
    let last: Exchanged | undefined;
    const exchange = async (url: string, authorization: string | undefined): Promise<Exchanged> => {
      await discard(last);
      const all = { ...headers, ...(authorization ? { authorization } : {}) };
      const redirect = isRead && isBrowser() ? "follow" : "manual";
      const { body, work } = request;
      const options = { fetch, maxIdleMs: limits?.maxIdleMs, streams: this.#streamsBodies };
      last = await transfer({ method, url, headers: all, redirect, body, work, signal }, options);
      // Nobody reads them, and what comes next may take a while.
      if (last.status === 401 || REDIRECTS.has(last.status)) await discard(last);
      return last;
    };
    try {
      const head = await new Scope().run(signal, (stop) =>
        wasm.send(method, target, retries, exchange, stop),
      );
      this.#remember(wasm.grant());
      const { headers = new Headers(), body = null } = last ?? {};
      return { ...head, headers, body };
    } catch (error) {
      await discard(last);
      if (hasCode(error, "UNAUTHORIZED")) this.#options.tokens?.delete(this.name);
      // A new instance serves the next request.
      if (hasCode(error, "INTERNAL")) this.#wasm = undefined;
      throw error;
    }
  }

  #remember(grant: RegistryGrant | undefined): void {
    const { tokens } = this.#options;
    if (grant && tokens && tokens.get(this.name)?.authorization !== grant.authorization)
      tokens.set(this.name, grant);
  }

  pullFrom(repository: string): void {
    this.#pulls.add(repository);
    this.#wasm?.pullFrom(repository);
  }

  async failure(answer: RegistryAnswer, what: string): Promise<OcipeekError> {
    const { status, url, isHome, retryAfter } = answer;
    const wasm = await this.#open();
    const text = await shortText(answer, this.#options.limits?.maxIdleMs);
    return fromWasm(wasm.failure({ status, url, isHome, retryAfter }, text, what)) as OcipeekError;
  }
}

const globalFetch: Fetch = (url, init) => fetch(url, init as RequestInit);

/** The start of an error's text: as much as comes while one piece of anything else would be waited for. */
async function shortText({ body }: RegistryAnswer, maxMs: number = MAX_IDLE_MS): Promise<Uint8Array> {
  const text = new Uint8Array(MAX_ERROR_BODY);
  let length = 0;
  const watch = new Watch(maxMs, () => new Error("too slow"));
  const reader = body?.getReader();
  try {
    while (reader && length < text.length) {
      const { done, value } = await watch.over(reader.read());
      if (done) break;
      const piece = value.subarray(0, text.length - length);
      text.set(piece, length);
      length += piece.length;
    }
  } catch {
    // What came is what is told.
  }
  await reader?.cancel().catch(() => {});
  return text.subarray(0, length);
}
