/**
 * The worker's configuration, out of the platform's environment: variables and secrets are strings (or, in
 * `wrangler.jsonc`, JSON values), bindings are objects. Every name is in {@link parseConfig}.
 * @module
 */

import { hostProblem } from "../../../web/host.ts";
import { HOOKS_LIMITS, type HooksConfig, type HooksLimits, parseHooks } from "./hooks.ts";
import {
  boolean,
  ConfigError,
  type Env,
  formed,
  list,
  numbers,
  object,
  oneOf,
  PLATFORM,
  secretJson,
  text,
  whole,
} from "./settings.ts";

export { ConfigError, type Env } from "./settings.ts";

/** In the list of origins: any page, of answers that are for everybody. */
export const ANY_ORIGIN = "*";

/** One line of the allow list. */
export interface RegistryRule {
  /** The registry as image names write it: `ghcr.io`, `localhost:5000`. Lower case, no wildcards. */
  readonly registry: string;
  /**
   * Which of its repositories: segments of names, of which `*` is any run of characters within one segment and a
   * segment `**` is any number of segments. `**` alone is all.
   */
  readonly repository: string;
}

/** Limits of one request. Over one of them the error is `LIMIT_EXCEEDED` and names it. */
export interface RequestLimits {
  /** Bytes that come from registries and their storage. Default 256 MiB. */
  readonly maxFetchedBytes: number;
  /** Bytes inflated, read or not. Default 1 GiB. */
  readonly maxInflatedBytes: number;
  /** Entries of one subtree or archive, which are streamed. Default 500,000. */
  readonly maxEntries: number;
  /** Entries of one folder's listing, which is made in memory. Default 20,000. */
  readonly maxListing: number;
  /** Requests to registries, token services and storage. Default 45: the platform's free plan allows 50. */
  readonly maxSubrequests: number;
  /** Seconds until the head of the answer is known; over it the answer is 504 `TIMEOUT`. Default 25. */
  readonly maxSecondsToHead: number;
  /** Seconds until the whole answer has been taken. Default 900. */
  readonly maxSeconds: number;
  /** Images that an isolate keeps open between requests. Default 4. */
  readonly maxOpenImages: number;
  /** Images that requests have open at a time, whatever the number of requests; others wait. Default 16. */
  readonly maxImagesInUse: number;
  /**
   * Bytes that a caller takes in a second at least, while there is something to take; over 30 s it may be slower. What it
   * falls behind ends the answer. 0 waits as long as `maxSeconds` says. Default 1,024.
   */
  readonly minBytesPerSecond: number;
  /** Answers that callers of one address (or network of version 6) leave standing; over it the oldest ends. Default 128. */
  readonly maxStalledPerClient: number;
  /**
   * Milliseconds that a tier of the cache may take to answer; then it is as if it had nothing, and after two such times
   * in a row it is left alone for half a minute. 0 waits for ever. Default 2,000.
   */
  readonly maxCacheMs: number;
}

/** How answers of registries are kept. */
export interface CacheConfig {
  /** Bytes kept in the isolate's memory. Default 16 MiB; 0 keeps none. */
  readonly memoryBytes: number;
  /** Bytes of files that are kept as they were answered, in the isolate's memory. Default 12 MiB; 0 keeps none. */
  readonly answerBytes: number;
  /** Use the platform's Cache API where there is one. Default yes. */
  readonly cacheApi: boolean;
  /** Key prefix in the Cache API and in R2; another one is another cache. Default `v1`. */
  readonly generation: string;
}

/** Keys for Amazon ECR. */
export interface AwsKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string | undefined;
}

/** The parsed configuration. Never logged: it holds secrets. */
export interface Config {
  /** What may be reached; nothing else is. */
  readonly registries: readonly RegistryRule[];
  /**
   * Registries (`host:port`) for development: reached by plain HTTP and on private addresses, and their redirects may
   * lead to themselves. They are allowed with all their repositories.
   */
  readonly insecureRegistries: readonly string[];
  /** Those of them that are reached by TLS. */
  readonly tlsRegistries: readonly string[];
  /** The platform of requests that name none. */
  readonly defaultPlatform: string;
  /** Whether a caller's Basic `Authorization` goes to the registry, for that request alone. */
  readonly passAuthorization: boolean;
  /** Hosts besides a registry's own that may get its credentials as its token service. */
  readonly tokenHosts: readonly string[];
  /** Seconds for which what a tag names is remembered here and by caches on the way. */
  readonly tagTtl: number;
  /**
   * Origins (`https://app.example.com`) of the pages that may read answers by CORS. `*`: any page may read what was
   * answered without the operator's credentials; what was answered with them is only for those that are named.
   */
  readonly allowedOrigins: readonly string[];
  /**
   * Names under which a server of one's own is reached, besides addresses and `localhost`. `*`: any. Counts where it listens
   * on an address that is not public; see `hostCheck`.
   */
  readonly allowedHosts: readonly string[];
  /** Images that the page suggests. */
  readonly demo: readonly string[];
  /** Bounds on one request. */
  readonly limits: RequestLimits;
  /**
   * What to do for layers that have no index and are too large to be fetched whole. `build`: their index is built by the
   * first request, within the limits, and kept in the cache. `kept`: only indexes that the cache keeps are used. Default
   * `build`.
   */
  readonly index: "build" | "kept";
  /**
   * Whether what is merely attached to an image is used: a SOCI index of version 1. Whoever may write to the repository
   * vouches for that. Default no.
   */
  readonly attachedIndex: boolean;
  /**
   * What to do with images in a format that has no digests for parts of layers (OverlayBD, TurboOCI). `refuse`: layers are
   * fetched whole and verified, and what is over the limit is an error. `crc`: they are read by ranges, and nothing but
   * checksums vouches for what is answered. Default `refuse`.
   */
  readonly unverified: "refuse" | "crc";
  /**
   * Bytes that images take together. Over it, what is idle is given up, then a request is refused (`LIMIT_EXCEEDED`). An
   * isolate of 128 MB needs the rest for wasm's own buffers and for JavaScript. Default 52 MiB.
   */
  readonly maxMemory: number;
  /** Limits of the library, by its names; sized for an isolate of 128 MB. */
  readonly libraryLimits: Readonly<Record<string, number>>;
  /** Caches. */
  readonly cache: CacheConfig;
  /** Text in the format of Docker's `config.json`; a secret. */
  readonly dockerConfig: string | undefined;
  /** Keys for ECR; secrets. */
  readonly aws: AwsKeys | undefined;
  /** Notifications of registries; nothing where they are off. */
  readonly hooks: HooksConfig | undefined;
}

/** Names of the bindings. Each is optional. */
export const BINDINGS = {
  /** An R2 bucket: the durable cache tier. */
  bucket: "OCIPEEK_BUCKET",
  /** The page's files. */
  assets: "OCIPEEK_ASSETS",
  /** An Analytics Engine dataset: one data point a request. */
  analytics: "OCIPEEK_ANALYTICS",
  /** A queue of Cloudflare Queues: images that are to be indexed. */
  queue: "OCIPEEK_QUEUE",
} as const;

/** The registries of the default allow list. */
export const DEFAULT_REGISTRIES = [
  ...["docker.io", "ghcr.io", "quay.io", "public.ecr.aws", "gcr.io", "registry.k8s.io"],
  ...["mcr.microsoft.com", "registry.gitlab.com"],
];

const GENERATION = /^[A-Za-z0-9_-]{1,32}$/;
const MIB = 1 << 20;

const REQUEST_LIMITS: RequestLimits = {
  maxFetchedBytes: 256 * MIB,
  maxInflatedBytes: 1024 * MIB,
  maxEntries: 500_000,
  maxListing: 20_000,
  maxSubrequests: 45,
  maxSecondsToHead: 25,
  maxSeconds: 900,
  maxOpenImages: 4,
  maxImagesInUse: 16,
  minBytesPerSecond: 1024,
  maxStalledPerClient: 128,
  maxCacheMs: 2_000,
};

/** Limits of one image, in parts; all images together are bounded by {@link Config.maxMemory}. */
const LIBRARY_LIMITS: Readonly<Record<string, number>> = {
  maxZtocSize: 24 * MIB,
  maxMetadataSize: 24 * MIB,
  maxDirectorySize: 4 * MIB,
  maxZfileBlocks: 1 << 20,
  maxEntries: 300_000,
  maxNameBytes: 24 * MIB,
  // Time of the one thread.
  maxLookupSteps: 250_000,
  maxGlobSteps: 100_000_000,
  maxSpanSize: 8 * MIB,
  maxWholeLayerSize: 24 * MIB,
  maxWholeLayerInflated: 48 * MIB,
  // They pass by: what they cost is time, for each read.
  maxStreamedLayerSize: 64 * MIB,
  maxStreamedLayerInflated: 256 * MIB,
  maxBuildLayerSize: 256 * MIB,
  maxBuildInflated: 1024 * MIB,
  maxZstdWindow: 8 * MIB,
  spanCacheSize: 8 * MIB,
  maxRangeRequest: 4 * MIB,
  maxAttempts: 3,
  maxRetryAfter: 5,
};

/** Defaults of a platform that is not the edge's. */
export interface Defaults {
  readonly maxMemory?: number;
  readonly answerBytes?: number;
  readonly limits?: Partial<RequestLimits>;
  readonly allowedOrigins?: readonly string[];
  readonly hooks?: Partial<HooksLimits>;
}

/**
 * Reads the configuration:
 *
 * | name | meaning | default |
 * |---|---|---|
 * | `OCIPEEK_REGISTRIES` | list of `registry` or `registry/pattern` | the large public ones |
 * | `OCIPEEK_INSECURE_REGISTRIES` | list of `host:port`, or `https://host:port`, for development | none |
 * | `OCIPEEK_DEFAULT_PLATFORM` | `os/arch[/variant]` | `linux/amd64` |
 * | `OCIPEEK_PASS_AUTHORIZATION` | pass the caller's Basic credentials on | `false` |
 * | `OCIPEEK_TOKEN_HOSTS` | list of hosts that may get credentials as a token service | none |
 * | `OCIPEEK_TAG_TTL` | seconds | `60` |
 * | `OCIPEEK_ALLOWED_ORIGINS` | list of origins whose pages may read answers; `*` is any | `*` |
 * | `OCIPEEK_ALLOWED_HOSTS` | list of names that a server of one's own has; `*` is any | none |
 * | `OCIPEEK_DEMO` | list of images that the page suggests | none |
 * | `OCIPEEK_INDEX` | `build` or `kept`: layers without an index, over `maxWholeLayerSize` | `build` |
 * | `OCIPEEK_ATTACHED_INDEX` | use indexes that are merely attached to images | `false` |
 * | `OCIPEEK_UNVERIFIED` | `refuse` or `crc`: OverlayBD and TurboOCI by ranges, which have no digests | `refuse` |
 * | `OCIPEEK_LIMITS` | object, see {@link RequestLimits} | |
 * | `OCIPEEK_MAX_MEMORY` | bytes that images take together | 52 MiB |
 * | `OCIPEEK_LIBRARY_LIMITS` | object, the library's limits in camel case | |
 * | `OCIPEEK_CACHE` | object, see {@link CacheConfig} | |
 * | `OCIPEEK_DOCKER_CONFIG` | secret: text of a Docker `config.json` | none |
 * | `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN` | secrets, for ECR | none |
 * | `OCIPEEK_HOOKS` | object, see {@link HooksConfig} and {@link HooksLimits} | |
 * | `OCIPEEK_HOOK_SECRET` | secret, or a list of them; without it there are no hooks | none |
 * | `OCIPEEK_ASSETS`, `OCIPEEK_BUCKET`, `OCIPEEK_ANALYTICS`, `OCIPEEK_QUEUE` | bindings: the page, R2, Analytics Engine, Queues | none |
 *
 * Lists are JSON arrays, or text with commas or spaces between. `defaults` are other ones than the edge platform's.
 * @throws {@link ConfigError}
 */
export function parseConfig(env: Env, defaults: Defaults = {}): Config {
  const rules = list(env, "OCIPEEK_REGISTRIES") ?? DEFAULT_REGISTRIES;
  const insecure = (list(env, "OCIPEEK_INSECURE_REGISTRIES") ?? []).map(insecureOf);
  const cache = object(env, "OCIPEEK_CACHE");
  const origins = list(env, "OCIPEEK_ALLOWED_ORIGINS") ?? defaults.allowedOrigins ?? [ANY_ORIGIN];
  const platform = text(env, "OCIPEEK_DEFAULT_PLATFORM") ?? "linux/amd64";
  const limits = numbers(env, "OCIPEEK_LIMITS", { ...REQUEST_LIMITS, ...defaults.limits });
  return {
    registries: rules.map(ruleOf),
    insecureRegistries: insecure.map(({ name }) => name),
    tlsRegistries: insecure.flatMap(({ name, isTls }) => (isTls ? [name] : [])),
    defaultPlatform: formed("OCIPEEK_DEFAULT_PLATFORM", platform, PLATFORM, "os/arch or os/arch/variant"),
    passAuthorization: boolean("OCIPEEK_PASS_AUTHORIZATION", env.OCIPEEK_PASS_AUTHORIZATION, false),
    tokenHosts: list(env, "OCIPEEK_TOKEN_HOSTS") ?? [],
    tagTtl: whole("OCIPEEK_TAG_TTL", env.OCIPEEK_TAG_TTL ?? 60),
    allowedOrigins: origins.map(originOf),
    allowedHosts: (list(env, "OCIPEEK_ALLOWED_HOSTS") ?? []).map(allowedHost),
    demo: (list(env, "OCIPEEK_DEMO") ?? []).map(imageOf),
    limits,
    index: oneOf("OCIPEEK_INDEX", text(env, "OCIPEEK_INDEX") ?? "build", "build", "kept"),
    attachedIndex: boolean("OCIPEEK_ATTACHED_INDEX", env.OCIPEEK_ATTACHED_INDEX, false),
    unverified: oneOf("OCIPEEK_UNVERIFIED", text(env, "OCIPEEK_UNVERIFIED") ?? "refuse", "refuse", "crc"),
    maxMemory: whole("OCIPEEK_MAX_MEMORY", env.OCIPEEK_MAX_MEMORY ?? defaults.maxMemory ?? 52 * MIB),
    libraryLimits: numbers(env, "OCIPEEK_LIBRARY_LIMITS", LIBRARY_LIMITS, true),
    cache: {
      memoryBytes: whole("OCIPEEK_CACHE.memoryBytes", cache.memoryBytes ?? 16 * MIB),
      answerBytes: whole("OCIPEEK_CACHE.answerBytes", cache.answerBytes ?? defaults.answerBytes ?? 12 * MIB),
      cacheApi: boolean("OCIPEEK_CACHE.cacheApi", cache.cacheApi, true),
      generation: formed(
        "OCIPEEK_CACHE.generation",
        cache.generation ?? "v1",
        GENERATION,
        "1 to 32 letters, digits, - and _",
      ),
    },
    dockerConfig: secretJson(env.OCIPEEK_DOCKER_CONFIG),
    aws: aws(env),
    hooks: parseHooks(env, { ...HOOKS_LIMITS, maxSubrequests: limits.maxSubrequests, ...defaults.hooks }),
  };
}

function ruleOf(line: string): RegistryRule {
  const slash = line.indexOf("/");
  const registry = slash < 0 ? line : line.slice(0, slash);
  const repository = slash < 0 ? "**" : line.slice(slash + 1);
  checkHost("OCIPEEK_REGISTRIES", registry);
  if (!/^[a-z0-9._*-]+(?:\/[a-z0-9._*-]+)*$/.test(repository)) {
    throw new ConfigError(`OCIPEEK_REGISTRIES: ${line}: repositories are lower-case names with * and **`);
  }
  return { registry, repository };
}

/** Whether a registry is reached by plain http. */
export function isPlain(
  { insecureRegistries, tlsRegistries }: Pick<Config, "insecureRegistries" | "tlsRegistries">,
  registry: string,
): boolean {
  return insecureRegistries.includes(registry) && !tlsRegistries.includes(registry);
}

/** `host:port`, by plain http; or with the scheme that it is reached by. */
function insecureOf(text: string): { name: string; isTls: boolean } {
  const [, scheme, name = text] = /^(https?):\/\/(.*)$/.exec(text) ?? [];
  checkHost("OCIPEEK_INSECURE_REGISTRIES", name);
  return { name, isTls: scheme === "https" };
}

function checkHost(name: string, host: string): void {
  const problem = hostProblem(host);
  if (problem) throw new ConfigError(`${name}: ${host}: ${problem}`);
}

function originOf(text: string): string {
  // As a browser writes it: `null` is the origin of every page that has none, and there are no patterns.
  const isOne =
    /^https?:\/\/[a-z0-9.:[\]-]+$/.test(text) && URL.canParse(text) && new URL(text).origin === text;
  if (text === ANY_ORIGIN || isOne) return text;
  throw new ConfigError(`OCIPEEK_ALLOWED_ORIGINS: ${text}: must be https://host, https://host:port or *`);
}

function allowedHost(text: string): string {
  const host = text.toLowerCase();
  if (host === "*" || hostProblem(host) === undefined || /^[a-z0-9-]+$/.test(host)) return host;
  throw new ConfigError(`OCIPEEK_ALLOWED_HOSTS: ${text}: must be a host, host:port or *`);
}

function imageOf(name: string): string {
  if (/^[\x21-\x7e]{1,512}$/.test(name) && name.includes("/")) return name;
  throw new ConfigError("OCIPEEK_DEMO: must be images, registry/repository:tag");
}

function aws(env: Env): AwsKeys | undefined {
  const accessKeyId = text(env, "AWS_ACCESS_KEY_ID");
  const secretAccessKey = text(env, "AWS_SECRET_ACCESS_KEY");
  if (!accessKeyId || !secretAccessKey) return undefined;
  return { accessKeyId, secretAccessKey, sessionToken: text(env, "AWS_SESSION_TOKEN") };
}
