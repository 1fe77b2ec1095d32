/** The tags of a repository. @module */
import { authorize, type FetchInit, type FetchResponse } from "ocipeek";
import { type Reference, referenceOf } from "../../../../web/reference.ts";
import { EngineError } from "../../protocol/api.ts";
import type { CallContext } from "../../protocol/rpc.ts";
import { explained } from "../failure.ts";
import { watched } from "./idle.ts";
import type { Registries } from "./registries.ts";
import { Transport } from "./transport.ts";

const PER_PAGE = 1000;
/** Registries that give less than what is asked for give at least so many. */
const SMALLEST_PAGE = 50;
/** More are not listed: nobody looks through them. */
const MAX_TAGS = 10_000;
const MAX_ANSWER_BYTES = 4 << 20;

/** Tags of the repository of a reference, as its registry lists them; the first 10,000. */
export async function tags(context: CallContext, registries: Registries, text: string): Promise<string[]> {
  const reference = referenceOf(text);
  if (!reference) {
    throw new EngineError({
      code: "INVALID_REFERENCE",
      message: `INVALID_REFERENCE: ${text} names no image`,
    });
  }
  const transport = new Transport(registries, reference.registry);
  const list = new TagList(context, registries, transport, reference);
  try {
    return await list.all();
  } catch (error) {
    if (!(error instanceof TypeError) || context.signal.aborted) throw explained(error, transport);
    const message = `NETWORK: no answer from ${reference.registry}`;
    throw new EngineError({ code: "NETWORK", message });
  }
}

/** What of an answer is looked at. */
interface Page {
  readonly status: number;
  readonly challenge: string | null;
  readonly link: string | null;
  readonly retryAfter: number;
  /** Whether headers may be hidden. */
  readonly isForeign: boolean;
  readonly json: unknown;
}

class TagList {
  readonly #context: CallContext;
  readonly #registries: Registries;
  readonly #transport: Transport;
  readonly #reference: Reference;
  #authorization: string | undefined;

  constructor(context: CallContext, registries: Registries, transport: Transport, reference: Reference) {
    this.#context = context;
    this.#registries = registries;
    this.#transport = transport;
    this.#reference = reference;
  }

  async all(): Promise<string[]> {
    const found = new Set<string>();
    let after: string | undefined;
    for (let more = true; more && found.size < MAX_TAGS; ) {
      const before = found.size;
      const page = await this.#page(after);
      for (const tag of page.tags) found.add(tag);
      after = page.tags.at(-1);
      // Who does not understand `last` gives the same again.
      more = page.more && found.size > before;
    }
    return [...found].slice(0, MAX_TAGS);
  }

  async #page(after: string | undefined): Promise<{ tags: string[]; more: boolean }> {
    const { registry, repository } = this.#reference;
    const last = after === undefined ? "" : `&last=${encodeURIComponent(after)}`;
    const url = `${this.#registries.origin(registry)}/v2/${repository}/tags/list?n=${PER_PAGE}${last}`;
    let answer = await this.#get(url);
    const { challenge } = answer;
    if (answer.status === 401 && challenge !== null) {
      const found = await authorize(`${registry}/${repository}`, challenge, {
        auth: (host) => this.#registries.credentials(host),
        fetch: this.#transport.fetch,
        used: this.#authorization,
        signal: this.#context.signal,
      });
      this.#authorization = found.authorization;
      answer = await this.#get(url);
    }
    if (answer.status !== 200) throw this.#failure(answer);
    const tags = tagsOf(answer.json);
    const { link } = answer;
    // Pages of other origins may not see it: then what looks like a full page is followed by one more request.
    const isHidden = link === null && answer.isForeign && tags.length >= SMALLEST_PAGE;
    return { tags, more: isHidden || (link !== null && /rel="?next\b/.test(link)) };
  }

  #get(url: string): Promise<Page> {
    const headers: Record<string, string> = {};
    if (this.#authorization !== undefined) headers.authorization = this.#authorization;
    const ask = ({ signal }: Pick<FetchInit, "signal">): Promise<FetchResponse> =>
      this.#transport.fetch(url, { method: "GET", headers, redirect: "follow", signal, credentials: "omit" });
    return watched(ask, this.#context.signal, async (answer) => {
      const { status } = answer;
      if (status !== 200) await (answer.body as ReadableStream | null)?.cancel();
      return {
        status,
        challenge: header(answer, "www-authenticate"),
        link: header(answer, "link"),
        retryAfter: Number(header(answer, "retry-after") ?? Number.NaN),
        isForeign: answer.type === "cors",
        json: status === 200 ? await readJson(answer) : undefined,
      };
    });
  }

  #failure({ status, retryAfter }: Page): EngineError {
    const { registry, repository } = this.#reference;
    const codes: Record<number, string> = {
      401: "UNAUTHORIZED",
      403: "FORBIDDEN",
      404: "NOT_FOUND",
      429: "RATE_LIMITED",
    };
    const code = codes[status] ?? "NETWORK";
    const message = `${code}: ${registry} does not list the tags of ${repository} (HTTP ${status})`;
    return new EngineError({
      code,
      message,
      status,
      ...(Number.isNaN(retryAfter) ? {} : { retryAfter }),
      ...this.#transport.explain(status),
    });
  }
}

function header(answer: FetchResponse, name: string): string | null {
  return new Headers(answer.headers as HeadersInit).get(name);
}

async function readJson(answer: FetchResponse): Promise<unknown> {
  const text = await new Response(answer.body as ReadableStream | null).text();
  if (text.length > MAX_ANSWER_BYTES) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function tagsOf(json: unknown): string[] {
  const { tags } = Object(json) as { tags?: unknown };
  if (!Array.isArray(tags)) return [];
  return tags.filter((tag): tag is string => typeof tag === "string" && /^[\w][\w.-]{0,127}$/.test(tag));
}
