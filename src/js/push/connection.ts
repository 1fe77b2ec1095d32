/** Requests to one repository of a registry: signed in, sent again where that may help. @module */
import { type AuthorizeOptions, authorize } from "../authorize.js";
import { OcipeekError } from "../errors.js";
import type { Reference } from "../reference.js";
import type { Auth, ErrorCode, Fetch } from "../types.js";

/** Options of a connection. */
export interface ConnectionOptions {
  /** Credentials; they go to this registry and its token service only. */
  auth?: Auth | undefined;
  /** Used in place of the global `fetch`. */
  fetch?: Fetch | undefined;
  /** Allow plain `http` to this registry although it is not loopback. */
  plainHttp?: boolean | undefined;
  /** Hosts besides the registry's own that may get the credentials as its token service. */
  tokenHosts?: string[] | undefined;
  /** Repositories of the registry that blobs will be mounted from: known before, they cost no further token. */
  mountFrom?: string[] | undefined;
  /** Tries of a request that fails on the way or with a status that may pass; 5 by default. */
  maxAttempts?: number | undefined;
  /** Seconds that the registry may ask to wait, at most; 60 by default. */
  maxRetryAfter?: number | undefined;
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
  /** What messages say it was for: `the upload of sha256:…`. */
  what: string;
}

/** An answer whose status was expected. The body is read by the caller, or cancelled. */
export type Answer = Response;

const AGAIN = new Set([408, 425, 429, 500, 502, 503, 504]);
const FIRST_WAIT_MS = 250;
const MAX_ERROR_BODY = 16_384;

/** One repository. Requests share a token. */
export class Connection {
  /** How messages name it: `ghcr.io/owner/app`. */
  readonly name: string;
  readonly #base: string;
  readonly #options: ConnectionOptions;
  readonly #fetch: Fetch;
  #challenge: string | undefined;
  #authorization: string | undefined;
  #renewAt = Number.POSITIVE_INFINITY;
  readonly #pulls: Set<string>;

  constructor(reference: Reference, options: ConnectionOptions = {}) {
    const { host, registry, repository } = reference;
    const scheme = options.plainHttp || isLoopback(host) ? "http" : "https";
    this.name = `${registry}/${repository}`;
    this.#base = `${scheme}://${host}/v2/${repository}/`;
    this.#options = options;
    this.#pulls = new Set(options.mountFrom);
    this.#fetch = options.fetch ?? ((url, init) => fetch(url, init as RequestInit));
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
    const base = new URL(this.#base);
    const url = location !== null && URL.canParse(location, this.#base) ? new URL(location, base) : null;
    // Only what is on this machine itself may lead to others here.
    const isNear = url !== null && isLoopback(url.host) && isLoopback(base.host);
    if (
      !url ||
      !(url.origin === base.origin || isNear || (url.protocol === "https:" && !isLoopback(url.host)))
    ) {
      throw this.error("NETWORK", "the registry names no place for the upload that may be used");
    }
    return url.href;
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
      throw this.error("NETWORK", "the registry continues a list at another place");
    }
    return new URL(link, from).href;
  }

  /** Sends a request; tries again where that may help. */
  async send(out: Outgoing): Promise<Answer> {
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
    const first = await this.#sendOnce(out);
    if (first.status !== 401 || this.#isElsewhere(out)) return first;
    await first.body?.cancel();
    this.#challenge = first.headers.get("www-authenticate") ?? "";
    await this.#signIn(this.#authorization, out.signal);
    return this.#sendOnce(out);
  }

  async #sendOnce({ method, target, headers = {}, body, signal, what }: Outgoing): Promise<Answer> {
    const url = new URL(target, this.#base).href;
    const isOwn = !this.#isElsewhere({ target });
    const authorization = isOwn ? this.#authorization : undefined;
    try {
      return (await this.#fetch(url, {
        method,
        headers: { ...headers, ...(authorization ? { authorization } : {}) },
        redirect: method === "GET" || method === "HEAD" ? "follow" : "manual",
        signal: signal ?? new AbortController().signal,
        credentials: "omit",
        cache: "no-store",
        ...(body ? { body } : {}),
      })) as Response;
    } catch (cause) {
      if (signal?.aborted)
        throw new OcipeekError("ABORTED", "ABORTED: stopped by the caller", { cause: signal.reason });
      const { host } = new URL(url);
      throw new OcipeekError("NETWORK", `NETWORK: ${this.name}: no answer from ${host} to ${what}`, {
        reference: this.name,
        cause,
      });
    }
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
    const found = await authorize(this.name, this.#challenge ?? "", options);
    this.#authorization = found.authorization;
    this.#renewAt = found.renewAt ?? Number.POSITIVE_INFINITY;
  }

  async #failure(out: Outgoing, answer: Answer): Promise<OcipeekError> {
    const { status } = answer;
    const said = reasonOf(await shortText(answer));
    const why = `${out.what}: the registry answers ${status}${said ? `, ${said}` : ""}`;
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

function isPassing(error: unknown): boolean {
  return error instanceof OcipeekError && error.code === "NETWORK";
}

function retryAfter(answer: Answer): number | undefined {
  const text = answer.headers.get("retry-after") ?? "";
  return /^\d{1,6}$/.test(text) ? Number(text) : undefined;
}

/** The start of an error's text. */
async function shortText(answer: Answer): Promise<string> {
  const reader = answer.body?.getReader();
  let text = "";
  const decoder = new TextDecoder();
  try {
    while (reader && text.length < MAX_ERROR_BODY) {
      const { done, value } = await reader.read();
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

function isLoopback(host: string): boolean {
  const name = host.replace(/:\d+$/, "");
  return name === "localhost" || name === "[::1]" || /^127(?:\.\d{1,3}){3}$/.test(name);
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
