/**
 * Docker's `config.json` and podman's `auth.json`, read as those read them, and the output of credential helpers. (The
 * crate has the same for Rust programs; here it would only make every browser's download larger. One table of cases is for
 * both: `tests/fixtures/credentials`.)
 * Formats: docker/cli `cli/config/configfile`, docker/docker-credential-helpers, `containers-auth.json(5)`.
 */
import { unpackBasic } from "../common/basic.js";
import { isObject, textOf } from "../common/json.js";
import { invalid, OcipeekError } from "../errors.js";
import type { Credentials } from "../types/index.js";

/** Docker Hub's key in a config and for helpers. */
const HUB = "https://index.docker.io/v1/";
/** The user name that marks the secret as an identity token. */
const TOKEN_USER = "<token>";
/** Lines of a helper's output that are tried as the beginning of its JSON, and as its end. */
const MAX_LINES = 16;

/** Credentials of a `config.json` or `auth.json`. */
export class DockerConfig {
  /** By what they are for: `ghcr.io`, `ghcr.io/owner`. Nothing where the `auth` cannot be read: it does no harm to others. */
  readonly #auths = new Map<string, Credentials | undefined>();
  readonly #helpers = new Map<string, string>();
  readonly #store: string | undefined;

  /** Parses the text of a `config.json` or `auth.json`. Errors do not quote it. */
  constructor(text: string) {
    const root = parseObject(text.replace(/^\ufeff/, "").trim() || "{}");
    // In one order, whatever that of the file: another parser has to find the same.
    for (const [key, entry] of entries(root.auths).sort(([a], [b]) => (a < b ? -1 : 1))) {
      const found = credentialsOf(entry);
      if (found && !Object.values(found).some(Boolean)) continue;
      // Of several keys for one place, the one that Docker writes, else the first.
      const place = placeOf(key);
      if (key === serverAddress(place) || !this.#auths.has(place)) this.#auths.set(place, found);
    }
    for (const [server, name] of entries(root.credHelpers)) {
      if (isHelperName(name)) this.#helpers.set(server, name);
    }
    if (isHelperName(root.credsStore)) this.#store = root.credsStore;
  }

  /** The helper that is asked for a registry's credentials: it wins over the file. */
  helper(registry: string): string | undefined {
    return this.#helpers.get(serverAddress(registry)) ?? this.#helpers.get(registry) ?? this.#store;
  }

  /**
   * The credentials that the file itself holds for a repository of a registry: those of the longest of
   * `registry/owner/name`, `registry/owner`, `registry` that it has.
   *
   * @throws {@link OcipeekError} `INVALID_ARGUMENT` where that entry cannot be read
   */
  stored(registry: string, repository = ""): Credentials | undefined {
    let place = repository === "" ? registry : `${registry}/${repository}`;
    for (;;) {
      if (this.#auths.has(place)) {
        const found = this.#auths.get(place);
        if (found) return found;
        throw new BadDockerConfig(`the "auth" of ${place} is not base64 of user:password`);
      }
      if (place.length <= registry.length) return undefined;
      place = place.slice(0, place.lastIndexOf("/"));
    }
  }
}

/**
 * Finds credentials in the text of a Docker `config.json` or podman's `auth.json`, where there is no file and no helper to
 * run: on an edge. Give it to `open(reference, { auth: dockerConfigAuth(text) })`.
 *
 * @example
 * ```js
 * import { dockerConfigAuth, open } from "ocipeek";
 *
 * const config = JSON.stringify({ auths: { "ghcr.io": { auth: btoa("user:secret") } } });
 * const auth = dockerConfigAuth(config);
 * console.log(auth("ghcr.io").username); // user
 * const image = await open("ghcr.io/owner/app:1", { auth });
 * ```
 *
 * @throws {@link OcipeekError} `INVALID_ARGUMENT` where it is not such a text; without its content.
 */
export function dockerConfigAuth(
  text: string,
): (registry: string, repository?: string) => Credentials | undefined {
  const config = new DockerConfig(text);
  return (registry, repository) => config.stored(registry, repository);
}

/** How Docker names a registry in its config and to helpers. */
export function serverAddress(registry: string): string {
  return isHub(registry) ? HUB : registry;
}

/**
 * The credentials that `docker-credential-NAME get` printed, if it has some. Lines before and behind the JSON, such as
 * warnings, are passed over. Errors do not quote them.
 */
export function parseHelperOutput(text: string): Credentials | undefined {
  if (text.trim() === "" || text.includes("credentials not found")) return undefined;
  const value = findObject(text);
  if (!value) throw invalid("the credential helper printed something else than credentials");
  const username = textOf(value.Username);
  const password = textOf(value.Secret);
  if (!password) return undefined;
  return !username || username === TOKEN_USER ? { identityToken: password } : { username, password };
}

/** The first object in a text that has a helper's fields, and whole lines for itself. */
function findObject(text: string): Record<string, unknown> | undefined {
  const lines = text.split("\n");
  const at = (is: (line: string) => boolean): number[] =>
    lines.flatMap((line, i) => (is(line) ? [i] : [])).slice(0, MAX_LINES);
  const ends = at((line) => line.trimEnd().endsWith("}"));
  for (const start of at((line) => line.startsWith("{"))) {
    for (const end of ends) {
      const value = end >= start ? json(lines.slice(start, end + 1).join("\n")) : undefined;
      if (isObject(value) && ("Username" in value || "Secret" in value)) return value;
    }
  }
  return undefined;
}

/** A helper's name becomes part of a program's name. */
export function isHelperName(name: unknown): name is string {
  return typeof name === "string" && /^[A-Za-z0-9._-]{1,128}$/.test(name);
}

function isHub(host: string): boolean {
  return /^(index\.|registry-1\.)?docker\.io$/.test(host);
}

/** Place that a key is for. With a scheme it is an old one, whose path says nothing: `https://quay.io/v1/`. */
function placeOf(key: string): string {
  const bare = key.replace(/^https?:\/\//, "");
  const slash = bare.indexOf("/");
  const host = slash < 0 ? bare : bare.slice(0, slash);
  const path = slash < 0 || bare !== key ? "" : bare.slice(slash).replace(/\/+$/, "");
  return `${isHub(host) ? "docker.io" : host}${path}`;
}

/** Credentials of an entry; nothing where its `auth` cannot be read. */
function credentialsOf(entry: unknown): Credentials | undefined {
  const fields = isObject(entry) ? entry : {};
  const found: Credentials = {
    username: textOf(fields.username),
    password: textOf(fields.password),
    identityToken: textOf(fields.identitytoken),
    registryToken: textOf(fields.registrytoken),
  };
  const auth = textOf(fields.auth);
  const decoded = auth === undefined ? {} : decodeAuth(auth.trim());
  return decoded && { ...found, ...decoded };
}

/** base64 of `user:password`. */
function decodeAuth(auth: string): Credentials | undefined {
  // `atob` would take it without its padding, too.
  if (auth.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(auth)) return undefined;
  const found = unpackBasic(auth);
  if (!found) return undefined;
  const password = found.password.replace(/^\0+|\0+$/g, "");
  return { username: found.username || undefined, password: password || undefined };
}

function parseObject(text: string): Record<string, unknown> {
  const value = json(text);
  if (value === undefined) throw new BadDockerConfig("it is not JSON");
  if (!isObject(value)) throw new BadDockerConfig("it is not a JSON object");
  return value;
}

/** `INVALID_ARGUMENT`: the file is not what Docker writes. */
export class BadDockerConfig extends OcipeekError {
  /** Why it is not. */
  readonly why: string;

  constructor(why: string) {
    super("INVALID_ARGUMENT", `the file with credentials: ${why}`);
    this.why = why;
  }
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Its message quotes the text.
    return undefined;
  }
}

function entries(value: unknown): [string, unknown][] {
  return isObject(value) ? Object.entries(value) : [];
}
