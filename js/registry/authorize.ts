import { type Host, type RawOptions, authorize as rawAuthorize } from "../../wasm/ocipeek.js";
import { isBrowser, ready } from "../runtime.js";
import { Scope } from "../scope.js";
import type { Auth, Authorization, OpenOptions } from "../types/index.js";

/** Options of {@link authorize}. */
export interface AuthorizeOptions
  extends Pick<OpenOptions, "auth" | "fetch" | "plainHttp" | "tokenHosts" | "limits" | "signal"> {
  /** The `Authorization` that the registry has refused, if one was sent. */
  used?: string | undefined;
  /** Ask for the right to push to the repository too. */
  push?: boolean | undefined;
  /** Repositories of the same registry to ask the right to pull from, for mounting their blobs. */
  mountFrom?: string[] | undefined;
}

/**
 * Answers a registry's `WWW-Authenticate` for pulling from one repository (`ghcr.io/owner/app`), by the rules of
 * `open`: for programs that send requests to a registry themselves. A challenge may be answered again later
 * without another 401.
 *
 * @example
 * ```js
 * import { authorize } from "ocipeek";
 *
 * const challenge = 'Basic realm="registry"'; // the `WWW-Authenticate` of a 401
 * const auth = { username: "user", password: "secret" };
 * const { authorization } = await authorize("ghcr.io/owner/app", challenge, { auth });
 * console.log(authorization); // Basic dXNlcjpzZWNyZXQ=
 * ```
 *
 * @throws {@link OcipeekError} `UNAUTHORIZED` where nothing else than `used` is known or the token service refuses.
 */
export async function authorize(
  repository: string,
  challenge: string,
  options: AuthorizeOptions = {},
): Promise<Authorization> {
  await ready();
  const host: Host = { browser: isBrowser() };
  if (options.fetch) host.fetch = options.fetch;
  if (options.auth) host.credentials = finder(options.auth);
  const raw: RawOptions = {};
  if (options.limits !== undefined) raw.limits = options.limits;
  if (options.plainHttp !== undefined) raw.plainHttp = options.plainHttp;
  if (options.tokenHosts !== undefined) raw.tokenHosts = options.tokenHosts;
  if (options.push !== undefined) raw.push = options.push;
  if (options.mountFrom !== undefined) raw.mountFrom = options.mountFrom;
  return new Scope().run(options.signal, (stop) =>
    rawAuthorize(repository, challenge, options.used, raw, host, stop),
  );
}

/** Credentials as wasm asks for them. @internal */
export function finder(auth: Auth): { get(registry: string, repository: string): unknown } {
  if (typeof auth === "function") return { get: (registry, repository) => auth(registry, repository) };
  return { get: () => auth };
}
