/** Requests to one repository of a registry: signed in, redirected, sent again where that may help. @module */

import { MAX_IDLE_MS, Watch } from "../common/watch.js";
import { OcipeekError } from "../errors.js";
import { type AuthorizeOptions, authorize } from "../registry/authorize.js";
import { answeredPlainly, isLoopback, schemeOf } from "../registry/scheme.js";
import { isBrowser, ready } from "../runtime.js";
import type { Auth, ErrorCode, Fetch, Reference } from "../types/index.js";
import { type Answer, transfer } from "./transfer.js";

export type { Answer } from "./transfer.js";

/** Options of a connection. */
export interface ConnectionOptions {
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
  /** Repositories of the registry that blobs will be mounted from: known before, they cost no further token. */
  mountFrom?: string[] | undefined;
  /** Tries of a request that fails on the way or with a status that may pass; 5 by default. */
  maxAttempts?: number | undefined;
  /** Seconds that the registry may ask to wait, at most; 60 by default. */
  maxRetryAfter?: number | undefined;
  /**
   * Milliseconds for which nothing may come or go while it is waited for; 30,000 by default, 0 waits for ever. In Node it
   * shows how far a body has gone out; elsewhere one gets a second more for each 64 kB.
   */
  maxIdleMs?: number | undefined;
}

/** One request. */
export interface Outgoing {
  method: "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** An absolute URL, or a path below `/v2/<repository>/`. */
  target: string;
  headers?: Record<string, string>;
  body?: Uint8Array<ArrayBuffer>;
  /** What is an answer; everything else is an error. */
  expect: readonly number[];
  signal?: AbortSignal | undefined;
  /** `false` where sending it twice could do harm, or the caller goes on another way. */
  again?: boolean;
  /** Bytes that the registry has to go through before it can answer. */
  work?: number;
  /** What messages say it was for: `the upload of sha256:…`. */
  what: string;
}

const REDIRECTS = new Set([301, 302, 303, 307, 308]);
/** Redirects of one request that are followed; as the reader has it. */
const MAX_REDIRECTS = 5;
const AGAIN = new Set([408, 425, 429, 500, 502, 503, 504]);
const FIRST_WAIT_MS = 250;
const MAX_ERROR_BODY = 16_384;

/** Errors after which another try gives the same, whatever their code. */
const FINAL = new WeakSet<Error>();

/** Whether another try may help. */
export function isPassing(error: unknown): boolean {
  return error instanceof OcipeekError && error.code === "NETWORK" && !FINAL.has(error);
}

/** One repository. Requests share a token. */
export class Connection {
  /** How messages name it: `ghcr.io/owner/app`. */
  readonly name: string;
  readonly #host: string;
  readonly #repository: string;
  /** Where the API of the repository is, as far as is known. */
  #base: string;
  /** Whether the scheme is known. */
  #isSettled: boolean;
  readonly #options: ConnectionOptions;
  readonly #fetch: Fetch;
  #challenge: string | undefined;
  #authorization: string | undefined;
  /** Why credentials that there may be were not used. */
  #withheld: string | undefined;
  #renewAt = Number.POSITIVE_INFINITY;
  readonly #pulls: Set<string>;

  constructor(reference: Reference, options: ConnectionOptions = {}) {
    const { host, registry, repository } = reference;
    const scheme = options.plainHttp && !options.httpsOnly ? "http" : "https";
    this.name = `${registry}/${repository}`;
    this.#host = host;
    this.#repository = repository;
    this.#base = this.#root(scheme);
    this.#isSettled = scheme === "http" || options.httpsOnly === true || !isLoopback(host);
    this.#options = options;
    this.#pulls = new Set(options.mountFrom);
    this.#fetch = options.fetch ?? ((url, init) => fetch(url, init as RequestInit));
  }

  #root(scheme: string): string {
    return `${scheme}://${this.#host}/v2/${this.#repository}/`;
  }

  /** Asks a registry on this machine once whether it speaks TLS. */
  async #settle(signal: AbortSignal | undefined): Promise<void> {
    if (this.#isSettled) return;
    const scheme = await schemeOf(this.#host, this.#fetch, signal);
    this.#base = this.#root(scheme);
    // Plain http is certain once it has answered.
    this.#isSettled = scheme === "https";
  }

  /** Asks for the right to pull from a repository of the registry too, from the next request on. */
  pullsFrom(repository: string): void {
    if (this.#pulls.has(repository)) return;
    this.#pulls.add(repository);
    this.#renewAt = 0;
  }

  /** Where an answer's `Location` leads. Only to where a request with content may go. */
  locate(answer: Answer): string {
    const location = answer.headers.get("location");
    const url =
      location !== null && URL.canParse(location, this.#base) ? new URL(location, this.#base) : null;
    if (!url || !this.#mayTake(url)) {
      throw this.#final("NETWORK", "the registry names no place for the upload that may be used");
    }
    return url.href;
  }

  /** Whether content may go there: to the registry, or over https to where is public. */
  #mayTake(url: URL): boolean {
    const base = new URL(this.#base);
    // Only what is on this machine itself may lead to others here.
    const isNear = isLoopback(url.host) && isLoopback(base.host);
    return url.origin === base.origin || isNear || (url.protocol === "https:" && !isLoopback(url.host));
  }

  /**
   * Where a list goes on; nothing where it ends. Only at the registry itself, as `Link` has it
   * (OCI distribution specification, "Listing Referrers").
   */
  next(answer: Answer, target: string): string | undefined {
    const link = /<([^>]+)>\s*;\s*rel="?next"?/.exec(answer.headers.get("link") ?? "")?.[1];
    if (link === undefined) return undefined;
    const from = new URL(target, this.#base);
    if (!URL.canParse(link, from.href) || this.#isElsewhere({ target: new URL(link, from).href })) {
      throw this.#final("NETWORK", "the registry continues a list at another place");
    }
    return new URL(link, from).href;
  }

  /** Sends a request; tries again where that may help. */
  async send(out: Outgoing): Promise<Answer> {
    await this.#settle(out.signal);
    const attempts = out.again === false ? 1 : (this.#options.maxAttempts ?? 5);
    for (let attempt = 1; ; attempt++) {
      let answer: Answer;
      try {
        answer = await this.#sendSigned(out);
      } catch (error) {
        if (!isPassing(error) || attempt >= attempts) throw error;
        await pause(FIRST_WAIT_MS * 2 ** attempt, out.signal);
        continue;
      }
      if (out.expect.includes(answer.status)) return answer;
      const wait = retryAfter(answer);
      const longest = this.#options.maxRetryAfter ?? 60;
      if (!AGAIN.has(answer.status) || attempt >= attempts || (wait ?? 0) > longest) {
        throw await this.#failure(out, answer);
      }
      await answer.body?.cancel();
      await pause(wait === undefined ? FIRST_WAIT_MS * 2 ** attempt : wait * 1000, out.signal);
    }
  }

  /** An error about this repository. */
  error(
    code: ErrorCode,
    why: string,
    details: { status?: number; digest?: string; cause?: unknown } = {},
  ): OcipeekError {
    return new OcipeekError(code, `${code}: ${this.name}: ${why}`, { reference: this.name, ...details });
  }

  async #sendSigned(out: Outgoing): Promise<Answer> {
    if (this.#challenge !== undefined && Date.now() >= this.#renewAt)
      await this.#signIn(undefined, out.signal);
    const first = await this.#follow(out);
    if (!this.#isSettled) {
      answeredPlainly(this.#host, first.status);
      this.#isSettled = first.status !== 400;
    }
    if (first.status !== 401) return first;
    await first.body?.cancel();
    this.#challenge = first.headers.get("www-authenticate") ?? "";
    await this.#signIn(this.#authorization, out.signal);
    return this.#follow(out);
  }

  /**
   * Sends a request, and follows redirects. The credentials are sent only as long as none has led away from the registry,
   * and a 401 is the registry's only so long, too.
   */
  async #follow(out: Outgoing): Promise<Answer> {
    const reads = out.method === "GET" || out.method === "HEAD";
    let url = new URL(out.target, this.#base);
    let isHome = !this.#isElsewhere(out);
    for (let hops = 0; ; hops++) {
      const answer = await this.#sendOnce(out, url, isHome, reads);
      // A browser follows by itself, and takes the credentials off at another origin.
      if (answer.url !== url.href) this.#checkRedirect(url, new URL(answer.url));
      const from = new URL(answer.url);
      isHome &&= !this.#isElsewhere({ target: from.href });
      const location = REDIRECTS.has(answer.status) ? answer.headers.get("location") : null;
      if (location === null && (answer.status !== 401 || isHome)) return answer;
      await answer.body?.cancel();
      if (location === null) {
        // Another host may not have the registry's credentials by asking for some.
        const why = `${from.host} answers 401, and is not the registry: no credentials were sent there`;
        throw this.#final("UNAUTHORIZED", `${out.what}: ${why}`, { status: 401 });
      }
      if (!URL.canParse(location, from.href)) {
        throw this.#final("NETWORK", `${from.host} redirects to what is no URL, in ${out.what}`);
      }
      const next = new URL(location, from);
      if (hops === MAX_REDIRECTS) {
        const why = `${out.what} was redirected more than ${MAX_REDIRECTS} times`;
        throw this.#final("LIMIT_EXCEEDED", why, { status: answer.status });
      }
      if (!reads && answer.status !== 307 && answer.status !== 308) {
        const why = `${from.host} redirects ${out.what} to ${next.host} by ${answer.status}, which loses what is sent`;
        throw this.#final("NETWORK", why, { status: answer.status });
      }
      this.#checkRedirect(from, next);
      if (!reads && !this.#mayTake(next)) {
        throw this.#final(
          "NETWORK",
          `${from.host} redirects ${out.what} to ${next.host}, which may not take it`,
        );
      }
      isHome &&= !this.#isElsewhere({ target: next.href });
      url = next;
    }
  }

  /** As the reader has it: not from what is encrypted, or from this machine, to what is not. */
  #checkRedirect(from: URL, to: URL): void {
    const isInside = isLoopback(from.host) && isLoopback(to.host);
    const isPlain = this.#options.plainHttp === true && from.protocol === "http:" && to.protocol === "http:";
    if (to.protocol === "https:" || (to.protocol === "http:" && (isInside || isPlain))) return;
    throw this.#final("NETWORK", `${from.host} redirects to ${to.origin}, which is not https; refused`);
  }

  async #sendOnce(out: Outgoing, url: URL, isHome: boolean, reads: boolean): Promise<Answer> {
    const { method, headers = {}, body, signal, what, work } = out;
    const authorization = isHome ? this.#authorization : undefined;
    const { streamsBodies } = await ready();
    return transfer(
      {
        method,
        url: url.href,
        headers: { ...headers, ...(authorization ? { authorization } : {}) },
        redirect: reads && isBrowser() ? "follow" : "manual",
        body,
        signal,
        what,
        work,
        name: this.name,
      },
      { fetch: this.#fetch, maxIdleMs: this.#options.maxIdleMs, streams: streamsBodies },
    );
  }

  /** Whether a target is at another origin, which gets no credentials. */
  #isElsewhere({ target }: { target: string }): boolean {
    return new URL(target, this.#base).origin !== new URL(this.#base).origin;
  }

  async #signIn(used: string | undefined, signal: AbortSignal | undefined): Promise<void> {
    const { auth, plainHttp, tokenHosts } = this.#options;
    const mountFrom = [...this.#pulls];
    const options: AuthorizeOptions = { auth, plainHttp, tokenHosts, mountFrom, push: true, used, signal };
    if (this.#options.fetch) options.fetch = this.#options.fetch;
    if (this.#options.maxIdleMs !== undefined) options.limits = { maxIdleMs: this.#options.maxIdleMs };
    const found = await authorize(this.name, this.#challenge ?? "", options);
    this.#authorization = found.authorization;
    this.#withheld = found.withheld;
    this.#renewAt = found.renewAt ?? Number.POSITIVE_INFINITY;
  }

  /** An error after which another try gives the same. */
  #final(...args: Parameters<Connection["error"]>): OcipeekError {
    const error = this.error(...args);
    FINAL.add(error);
    return error;
  }

  async #failure(out: Outgoing, answer: Answer): Promise<OcipeekError> {
    const { status } = answer;
    const said = reasonOf(await shortText(answer, this.#options.maxIdleMs));
    const isElsewhere = this.#isElsewhere({ target: answer.url });
    const who = isElsewhere ? new URL(answer.url).host : "the registry";
    const withheld = !isElsewhere && [401, 403, 404].includes(status) && this.#withheld;
    const why =
      `${out.what}: ${who} answers ${status}${said ? `, ${said}` : ""}` +
      `${withheld ? `; credentials: ${withheld}` : ""}`;
    const wait = retryAfter(answer);
    const code = said.startsWith("DIGEST_INVALID") ? "DIGEST_MISMATCH" : codeOf(status);
    return new OcipeekError(code, `${code}: ${this.name}: ${why}`, {
      reference: this.name,
      status,
      ...(wait === undefined ? {} : { retryAfter: wait }),
    });
  }
}

function codeOf(status: number): ErrorCode {
  if (status === 401) return "UNAUTHORIZED";
  if (status === 403) return "FORBIDDEN";
  if (status === 404) return "NOT_FOUND";
  if (status === 413) return "LIMIT_EXCEEDED";
  if (status === 429) return "RATE_LIMITED";
  if (status === 405 || status === 501) return "UNSUPPORTED";
  return "NETWORK";
}

function retryAfter(answer: Answer): number | undefined {
  const text = answer.headers.get("retry-after") ?? "";
  return /^\d{1,6}$/.test(text) ? Number(text) : undefined;
}

/** The start of an error's text: as much as comes while one piece of anything else would be waited for. */
async function shortText(answer: Answer, maxMs: number = MAX_IDLE_MS): Promise<string> {
  const reader = answer.body?.getReader();
  let text = "";
  const decoder = new TextDecoder();
  const watch = new Watch(maxMs, () => new Error("too slow"));
  try {
    while (reader && text.length < MAX_ERROR_BODY) {
      const { done, value } = await watch.over(reader.read());
      if (done) break;
      text += decoder.decode(value, { stream: true });
    }
  } catch {
    // What came is what is told.
  }
  await reader?.cancel().catch(() => {});
  return text;
}

/** The code and message of the distribution specification's error, without controls. */
function reasonOf(text: string): string {
  try {
    const { errors } = JSON.parse(text) as { errors?: { code?: unknown; message?: unknown }[] };
    const first = errors?.[0];
    const said = [first?.code, first?.message].filter((it) => typeof it === "string" && it !== "").join(": ");
    return said.replace(/[\p{Cc}\p{Cf}]/gu, "\ufffd").slice(0, 300);
  } catch {
    return "";
  }
}

/** Waits; a stop ends it. */
export function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer);
      reject(new OcipeekError("ABORTED", "ABORTED: stopped by the caller", { cause: signal?.reason }));
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, ms);
    if (signal?.aborted) stop();
    else signal?.addEventListener("abort", stop, { once: true });
  });
}
