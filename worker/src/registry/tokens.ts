/** Signs requests of the distribution API in: by what is known, or by what a 401 asks for. @module */

import { type Auth, authorize, type Fetch, type FetchInit, type FetchResponse } from "ocipeek";
import { BoundedMap } from "../../../js/common/bounded-map.ts";
import { HttpError, inTermsOfSettings } from "../errors.ts";
import type { Registry } from "./access.ts";

/** What a repository's registry asked for, and what answered it. */
interface Known {
  readonly challenge: string;
  readonly authorization: string;
  /** Why credentials that there may be were not used. */
  readonly withheld: string | undefined;
  /** Milliseconds since the epoch; infinite where it does not end. */
  readonly renewAt: number;
}

/** Who asks. */
export interface SignIn {
  readonly registry: Registry;
  readonly repository: string;
  /** The operator's credentials, or those of the caller. */
  readonly auth: Auth | undefined;
  /** They are the caller's: what they give is kept for nobody. */
  readonly isOwn: boolean;
  readonly fetch: Fetch;
}

const MAX_KNOWN = 1000;

/**
 * Tokens by repository, until shortly before they end. They are those of anonymous callers or of the operator's
 * credentials, the same for everybody. Only results are kept, never promises: on the edge's platform one request
 * must not wait for another's.
 */
export class Tokens {
  readonly #known = new BoundedMap<string, Known>(MAX_KNOWN);
  readonly #tokenHosts: readonly string[];
  readonly #now: () => number;

  constructor(tokenHosts: readonly string[], now: () => number) {
    this.#tokenHosts = tokenHosts;
    this.#now = now;
  }

  /**
   * Sends a request to the registry itself. Any status is an answer; a 401 only after signing in was tried.
   * @throws OcipeekError `UNAUTHORIZED` where the token service refuses or there are no credentials
   */
  async send(url: string, init: FetchInit, signIn: SignIn): Promise<FetchResponse> {
    const key = `${signIn.registry.name}/${signIn.repository}`;
    const known = signIn.isOwn ? undefined : this.#known.get(key);
    const used = known && (await this.#current(key, known, signIn, init.signal));
    const response = await signIn.fetch(url, used ? withAuthorization(init, used) : init);
    if (response.status !== 401) return granted(response, used);
    const challenge = new Headers(response.headers as HeadersInit).get("www-authenticate") ?? "";
    await discard(response);
    this.#known.delete(key);
    const found = await this.#authorize(key, challenge, used?.authorization, signIn, init.signal);
    return granted(await signIn.fetch(url, withAuthorization(init, found)), found);
  }

  /** What was kept, renewed where its time is over. */
  async #current(key: string, known: Known, signIn: SignIn, signal: AbortSignal): Promise<Known> {
    if (this.#now() < known.renewAt) return known;
    this.#known.delete(key);
    return this.#authorize(key, known.challenge, undefined, signIn, signal);
  }

  async #authorize(
    key: string,
    challenge: string,
    used: string | undefined,
    { registry, auth, isOwn, fetch }: SignIn,
    signal: AbortSignal,
  ): Promise<Known> {
    const tokenHosts = [...this.#tokenHosts];
    const plainHttp = registry.origin.startsWith("http:");
    const options = { auth, fetch, plainHttp, tokenHosts, signal, used };
    const { authorization, withheld, ...rest } = await authorize(key, challenge, options);
    const found = { challenge, authorization, withheld, renewAt: rest.renewAt ?? Number.POSITIVE_INFINITY };
    if (!isOwn) this.#known.set(key, found);
    return found;
  }
}

/** An answer; a refusal where credentials were withheld says so, and which setting allows it. */
async function granted(response: FetchResponse, by: Known | undefined): Promise<FetchResponse> {
  const { status } = response;
  if (by?.withheld === undefined || (status !== 401 && status !== 403)) return response;
  await discard(response);
  const why = inTermsOfSettings(by.withheld);
  const code = status === 401 ? "UNAUTHORIZED" : "FORBIDDEN";
  throw new HttpError(code, `the registry answers HTTP ${status}; credentials: ${why}`);
}

function withAuthorization(init: FetchInit, { authorization }: Known): FetchInit {
  return { ...init, headers: { ...init.headers, authorization } };
}

/** Lets a body go that nobody reads. */
export async function discard(response: FetchResponse): Promise<void> {
  await (response.body as ReadableStream | null)?.cancel().catch(() => {});
}
