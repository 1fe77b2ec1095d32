/** Other readers of an answer: pages of other origins, and caches on the way. @module */
import { ANY_ORIGIN, type Config } from "../config/config.ts";

/** Whose rights an answer was made with: anybody's, the operator's credentials, or the caller's own. */
export type Audience = "everybody" | "operator" | "caller";

const YEAR = 31_536_000;

const EXPOSED = [
  "accept-ranges, content-disposition, content-length, content-location, content-range, etag, retry-after",
  "server-timing, x-ocipeek-bytes, x-ocipeek-cache-hits, x-ocipeek-digest, x-ocipeek-layer",
  "x-ocipeek-error, x-ocipeek-reader, x-ocipeek-requests, x-ocipeek-verified, x-request-id",
].join(", ");

/** What the answers to one request say of it. */
export class Sharing {
  /** Known with the route: until then an answer holds nothing but words of our own. */
  audience: Audience = "everybody";
  readonly #config: Pick<Config, "allowedOrigins" | "passAuthorization" | "tagTtl">;
  /** The page that asks, where a browser names it. */
  readonly #origin: string | null;

  constructor(
    config: Pick<Config, "allowedOrigins" | "passAuthorization" | "tagTtl">,
    request: Pick<Request, "headers">,
  ) {
    this.#config = config;
    this.#origin = request.headers.get("origin");
  }

  /**
   * Who may read it. What anybody may read from anywhere is for all pages where the configuration says so; all else is
   * for the origins that it lists, and no other page can have it shown either. `varies`: request headers besides that it
   * depends on. `exposed`: what pages may see of its head.
   */
  headers(varies: readonly string[] = [], exposed = EXPOSED): Record<string, string> {
    const open = this.#isForAnyPage();
    const { passAuthorization } = this.#config;
    const vary = [...varies, ...(passAuthorization ? ["authorization"] : []), ...(open ? [] : ["origin"])];
    return {
      "cross-origin-resource-policy": open && this.audience === "everybody" ? "cross-origin" : "same-origin",
      ...(vary.length > 0 ? { vary: vary.join(", ") } : {}),
      ...this.#allowed((origin) => ({
        "access-control-expose-headers": exposed,
        "timing-allow-origin": origin,
      })),
    };
  }

  /** Whether every page and every caller gets the same answer, with the same headers. */
  get isSameForAll(): boolean {
    return this.audience !== "caller" && (this.#isForAnyPage() || this.#origin === null);
  }

  /**
   * How long an answer holds, and for whom. `pinned`: a digest that the URL names vouches for all of it. `seconds`: of what
   * is not pinned.
   */
  cacheControl(pinned: boolean, seconds = this.#config.tagTtl): string {
    // Kept by the caller alone, and asked for again: whether it may still be read is the registry's to say.
    if (this.audience === "caller") return "private, no-cache";
    const scope = this.audience === "everybody" ? "public" : "private";
    return pinned ? `${scope}, max-age=${YEAR}, immutable` : `${scope}, max-age=${seconds}`;
  }

  /** The answer to a CORS preflight. */
  preflight(): Response {
    const allowed = ["accept", "range", "if-match", "if-none-match", "if-modified-since", "if-range"];
    if (this.#config.passAuthorization) allowed.push("authorization");
    const headers = {
      allow: "GET, HEAD, OPTIONS",
      ...(this.#isForAnyPage() ? {} : { vary: "origin" }),
      ...this.#allowed(() => ({
        "access-control-allow-methods": "GET, HEAD, OPTIONS",
        "access-control-allow-headers": allowed.join(", "),
        "access-control-max-age": "86400",
      })),
    };
    return new Response(null, { status: 204, headers });
  }

  /** What a caller's own credentials opened, its page has sent them for: no browser adds them by itself to such a request. */
  #isForAnyPage(): boolean {
    return this.audience !== "operator" && this.#config.allowedOrigins.includes(ANY_ORIGIN);
  }

  /** Headers for the origin that may read the answer, if one may. */
  #allowed(more: (origin: string) => Record<string, string>): Record<string, string> {
    const open = this.#isForAnyPage();
    const origin = open ? ANY_ORIGIN : this.#origin;
    // No page is called so.
    const isListed = origin !== null && (open || origin !== ANY_ORIGIN);
    if (!isListed || !this.#config.allowedOrigins.includes(origin)) return {};
    return { "access-control-allow-origin": origin, ...more(origin) };
  }
}
