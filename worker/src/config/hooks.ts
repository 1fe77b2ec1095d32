/** Settings of the hooks: `OCIPEEK_HOOKS` and the secret `OCIPEEK_HOOK_SECRET`. @module */

import { hostProblem } from "../../../web/host.ts";
import { filterProblem } from "./patterns.ts";
import { ConfigError, type Env, formed, list, object, oneOf, PLATFORM, text, whole } from "./settings.ts";

/** Version of indexes that the hooks make: a v1 index beside an image, or a converted image at a tag of its own (v2). */
export type Version = "V1" | "V2";

/** Bounds of notifications, and of the work that they cause. */
export interface HooksLimits {
  /** Bytes of a layer, compressed, that is indexed here; 0 is no bound. Default 256 MiB; `ocipeek serve` has none. */
  readonly maxLayerSize: number;
  /** Bytes of a notification. Default 1 MiB. */
  readonly maxBody: number;
  /** Seconds within which a notification's body has to be there. Default 10. */
  readonly maxBodySeconds: number;
  /**
   * Bytes of all bodies together whose senders have not proved yet that they know the secret: those that are signed.
   * Default 4 MiB.
   */
  readonly maxUnproven: number;
  /**
   * Images that wait, are done or are to be tried again in this process or isolate, where no queue is bound. Default 4; of
   * `ocipeek serve` 1000, of which one repository gets 875.
   */
  readonly maxWaiting: number;
  /** Images that are done at a time by `ocipeek serve`, each of another repository. Default 2. */
  readonly maxRunning: number;
  /**
   * Tries of an image whose registry fails in a way that may pass. Default 5. A queue counts for itself: by its
   * `max_retries`, one less.
   */
  readonly maxAttempts: number;
  /** Seconds that one try may take. Default 840; of `ocipeek serve` 7,200. */
  readonly maxSeconds: number;
  /** Bytes that the layers of one try may inflate to, all together. Default 8 GiB; of `ocipeek serve` 128 GiB. */
  readonly maxInflatedBytes: number;
  /** How many times its size a layer may inflate to, once that is more than 1 GiB. Default 200; 0 is no bound. */
  readonly maxInflation: number;
  /** Requests of one try. Default that of `OCIPEEK_LIMITS`. */
  readonly maxSubrequests: number;
}

/** How notifications are answered. Holds secrets: never logged. */
export interface HooksConfig {
  /** Each of them is good, so that one can be changed for another without a gap. */
  readonly secrets: readonly string[];
  readonly filters: readonly string[];
  readonly version: Version;
  /** Behind the tag of a converted image. */
  readonly suffix: string;
  /** `os/arch[/variant]`; all of an image's where there are none. */
  readonly platforms: readonly string[] | undefined;
  /** Bytes. */
  readonly spanSize: number;
  /** Bytes; smaller layers get no zTOC. */
  readonly minLayerSize: number;
  /** Names of registries by the kind of their notifications, where these say another. */
  readonly registries: { readonly distribution?: string; readonly harbor?: string };
  readonly limits: HooksLimits;
}

/** Bytes; those of the index builder, and of AWS's. */
export const DEFAULT_SPAN: number = 4 << 20;
/** Bytes; those of the index builder, and of AWS's. */
export const DEFAULT_MIN_LAYER: number = 10 << 20;

/** Defaults for an isolate of the edge. */
export const HOOKS_LIMITS: HooksLimits = {
  maxLayerSize: 256 << 20,
  maxBody: 1 << 20,
  maxBodySeconds: 10,
  maxUnproven: 4 << 20,
  maxWaiting: 4,
  maxRunning: 2,
  maxAttempts: 5,
  maxSeconds: 840,
  maxInflatedBytes: 8 * 2 ** 30,
  maxInflation: 200,
  maxSubrequests: 45,
};

const NAME = "OCIPEEK_HOOKS";
const SECRET = "OCIPEEK_HOOK_SECRET";
const MIN_SECRET = 16;
const MAX_SECRETS = 4;
const KNOWN = ["filters", "version", "suffix", "platforms", "spanSize", "minLayerSize", "registries"];

/**
 * Reads both. Nothing where there is no secret: then there are no hooks, whatever else is set.
 * @throws ConfigError
 */
export function parseHooks(env: Env, limits: HooksLimits = HOOKS_LIMITS): HooksConfig | undefined {
  const given = object(env, NAME);
  for (const name of Object.keys(given)) {
    if (!KNOWN.includes(name) && !(name in limits)) throw new ConfigError(`${NAME}: there is no ${name}`);
  }
  const own = Object.entries(given).filter(([name]) => name in limits);
  const config: HooksConfig = {
    secrets: secretsOf(env),
    filters: filtersOf(given),
    version: oneOf(`${NAME}.version`, given.version ?? "V2", "V1", "V2"),
    suffix: formed(
      `${NAME}.suffix`,
      given.suffix ?? "-soci",
      /^[A-Za-z0-9._-]{1,32}$/,
      "1 to 32 characters of a tag",
    ),
    platforms: platformsOf(given),
    spanSize: whole(`${NAME}.spanSize`, given.spanSize ?? DEFAULT_SPAN),
    minLayerSize: whole(`${NAME}.minLayerSize`, given.minLayerSize ?? DEFAULT_MIN_LAYER),
    registries: registriesOf(given),
    limits: {
      ...limits,
      ...Object.fromEntries(own.map(([name, it]) => [name, whole(`${NAME}.${name}`, it)])),
    },
  };
  if (config.spanSize === 0) throw new ConfigError(`${NAME}.spanSize: must be at least 1`);
  return config.secrets.length > 0 ? config : undefined;
}

function secretsOf(env: Env): string[] {
  const value = env[SECRET];
  const isList = Array.isArray(value) || (typeof value === "string" && value.trimStart().startsWith("["));
  const one = isList ? undefined : text(env, SECRET);
  const secrets = (isList ? list(env, SECRET) : one === undefined ? [] : [one]) ?? [];
  if (secrets.length > MAX_SECRETS) throw new ConfigError(`${SECRET}: ${MAX_SECRETS} at most`);
  for (const secret of secrets) {
    if (secret.length < MIN_SECRET || !/^[\x21-\x7e]{1,1024}$/.test(secret)) {
      throw new ConfigError(`${SECRET}: must have ${MIN_SECRET} characters or more, of ASCII without spaces`);
    }
  }
  return secrets;
}

function filtersOf(given: Env): string[] {
  const filters = list(given, "filters") ?? ["*:*"];
  for (const filter of filters) {
    const problem = filterProblem(filter);
    if (problem) throw new ConfigError(`${NAME}.filters: ${filter.slice(0, 100)} ${problem}`);
  }
  return filters;
}

function platformsOf(given: Env): string[] | undefined {
  const platforms = list(given, "platforms");
  for (const it of platforms ?? []) formed(`${NAME}.platforms`, it, PLATFORM, "os/arch or os/arch/variant");
  return platforms?.length ? platforms : undefined;
}

function registriesOf(given: Env): HooksConfig["registries"] {
  const registries = object(given, "registries");
  for (const [kind, name] of Object.entries(registries)) {
    if (kind !== "distribution" && kind !== "harbor") {
      throw new ConfigError(`${NAME}.registries: there is no ${kind.slice(0, 40)}`);
    }
    if (typeof name !== "string" || hostProblem(name)) {
      throw new ConfigError(`${NAME}.registries.${kind}: must be host or host:port`);
    }
  }
  return registries;
}
