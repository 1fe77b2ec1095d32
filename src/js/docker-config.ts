/**
 * Docker's `config.json`, read as the docker command reads it, and the output of credential helpers. (The crate has
 * the same for Rust programs; here it would only make every browser's download larger.)
 * Format: docker/cli `cli/config/configfile`, docker/docker-credential-helpers.
 */
import { invalid } from "./errors.js";
import type { Credentials } from "./types.js";

/** Docker Hub's key in a config and for helpers. */
const HUB = "https://index.docker.io/v1/";
/** The user name that marks the secret as an identity token. */
const TOKEN_USER = "<token>";

/** What a `config.json` says of credentials. */
export class DockerConfig {
  readonly #auths = new Map<string, Credentials>();
  readonly #helpers = new Map<string, string>();
  readonly #store: string | undefined;

  /** Parses the text of a `config.json`. Errors do not quote it. */
  constructor(text: string) {
    const root = parseObject(text.replace(/^\ufeff/, "").trim() || "{}");
    if (!root) throw invalid("Docker's config.json is not a JSON object");
    for (const [server, entry] of entries(root.auths)) this.#auths.set(server, credentialsOf(entry));
    for (const [server, name] of entries(root.credHelpers)) {
      if (isHelperName(name)) this.#helpers.set(server, name);
    }
    if (isHelperName(root.credsStore)) this.#store = root.credsStore;
  }

  /** The helper that is asked for a registry's credentials: it wins over the file. */
  helper(registry: string): string | undefined {
    return this.#helpers.get(serverAddress(registry)) ?? this.#helpers.get(registry) ?? this.#store;
  }

  /** The credentials that the file itself holds for a registry. */
  stored(registry: string): Credentials | undefined {
    const address = serverAddress(registry);
    // Old entries have a scheme and a path: https://quay.io/v1/.
    const similar = [...this.#auths].find(([key]) => hostOf(key) === hostOf(address))?.[1];
    const found = this.#auths.get(address) ?? similar;
    return found && Object.values(found).some(Boolean) ? found : undefined;
  }
}

/**
 * Finds credentials in the text of a Docker `config.json`, where there is no file and no helper to run: on an edge.
 * Give it to `open(reference, { auth: dockerConfigAuth(text) })`.
 *
 * @throws {@link OcipeekError} `INVALID_ARGUMENT` where it is not such a text; without its content.
 */
export function dockerConfigAuth(text: string): (registry: string) => Credentials | undefined {
  const config = new DockerConfig(text);
  return (registry) => config.stored(registry);
}

/** How Docker names a registry in its config and to helpers. */
export function serverAddress(registry: string): string {
  return /^(index\.|registry-1\.)?docker\.io$/.test(registry) ? HUB : registry;
}

/** The credentials that `docker-credential-NAME get` printed, if it has some. Errors do not quote them. */
export function parseHelperOutput(text: string): Credentials | undefined {
  const output = text.trim();
  if (output === "" || output.startsWith("credentials not found")) return undefined;
  const value = parseObject(output);
  if (!value) throw invalid("the credential helper's output is not what helpers print");
  const username = string(value.Username);
  const password = string(value.Secret);
  if (!password) return undefined;
  return !username || username === TOKEN_USER ? { identityToken: password } : { username, password };
}

/** A helper's name becomes part of a program's name. */
export function isHelperName(name: unknown): name is string {
  return typeof name === "string" && /^[A-Za-z0-9._-]{1,128}$/.test(name);
}

function credentialsOf(entry: unknown): Credentials {
  const fields = isObject(entry) ? entry : {};
  const found: Credentials = {
    username: string(fields.username),
    password: string(fields.password),
    identityToken: string(fields.identitytoken),
    registryToken: string(fields.registrytoken),
  };
  const auth = string(fields.auth);
  return auth ? { ...found, ...decodeAuth(auth) } : found;
}

/** base64 of `user:password`. */
function decodeAuth(auth: string): Credentials {
  let text = "";
  try {
    text = new TextDecoder().decode(Uint8Array.from(atob(auth), (char) => char.charCodeAt(0)));
  } catch {
    // Told below, without quoting it.
  }
  const colon = text.indexOf(":");
  if (colon < 0) throw invalid('Docker\'s config.json: an "auth" is not base64 of user:password');
  const password = text.slice(colon + 1).replaceAll("\0", "");
  return { username: text.slice(0, colon) || undefined, password: password || undefined };
}

function hostOf(key: string): string {
  return key.replace(/^https?:\/\//, "").split("/")[0] ?? "";
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    // Its message quotes the text.
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function entries(value: unknown): [string, unknown][] {
  return isObject(value) ? Object.entries(value) : [];
}

function string(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
