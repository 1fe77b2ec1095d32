import { type Args, options } from "../args.js";
import type { Command } from "../command.js";
import { UsageError } from "../exit.js";
import { networkOptions, type Session } from "../session.js";

/** Interface of the worker's server, worker/src/serve/serve.ts, which is built apart. */
interface ServeModule {
  serve(options: {
    hostname: string | undefined;
    port: number | undefined;
    cacheDir: string | undefined;
    cacheBytes: number | undefined;
    env: Record<string, unknown>;
    caFile?: string;
    insecureSkipTlsVerify: boolean;
    log: ((line: string) => void) | undefined;
  }): Promise<{ url: string; close(): Promise<void> }>;
  ConfigError: new (message: string) => Error;
}

/** Options of all commands that mean nothing here. */
const NOT_HERE =
  "json stats soci-index no-soci reader insecure-unverified username password-stdin plain-http no-build-index no-cache";

async function run(session: Session): Promise<void> {
  const { args, out, signal } = session;
  const port = args.number("port");
  if (port !== undefined && port > 65_535) throw new UsageError("--port must be 0 to 65535");
  const file = new URL("../../worker/serve.js", import.meta.url).href;
  const { serve, ConfigError } = (await import(file)) as ServeModule;
  const settings = {
    hostname: args.text("host"),
    port,
    cacheDir: args.text("cache-dir"),
    cacheBytes: args.number("cache-bytes"),
    env: { ...process.env, ...settingsOf(args) },
    ...networkOptions(args),
    log: args.flag("quiet") ? () => {} : undefined,
  };
  const server = await serve(settings).catch((error: Error) => {
    throw error instanceof ConfigError ? new UsageError(error.message) : error;
  });
  await out.line(`${server.url}/`);
  await out.flush();
  if (!signal.aborted) {
    await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
  }
  await server.close();
}

/** The worker's settings that the options are for. */
function settingsOf(args: Args): Record<string, unknown> {
  const settings: Record<string, unknown> = {};
  const set = (name: string, value: unknown): void => {
    if (value !== undefined && !(Array.isArray(value) && value.length === 0)) settings[name] = value;
  };
  set("OCIPEEK_REGISTRIES", args.texts("registry"));
  set("OCIPEEK_INSECURE_REGISTRIES", args.texts("insecure-registry"));
  set("OCIPEEK_ALLOWED_ORIGINS", args.texts("allow-origin"));
  set("OCIPEEK_ALLOWED_HOSTS", args.texts("allow-host"));
  set("OCIPEEK_DEFAULT_PLATFORM", args.text("platform"));
  set("OCIPEEK_TOKEN_HOSTS", args.texts("token-host"));
  set("OCIPEEK_MAX_MEMORY", args.text("max-memory"));
  if (args.flag("attached-index")) set("OCIPEEK_ATTACHED_INDEX", true);
  if (args.flag("build-index")) set("OCIPEEK_INDEX", "build");
  if (args.texts("limit").length > 0) set("OCIPEEK_LIBRARY_LIMITS", args.limits());
  return settings;
}

export const serve: Command = {
  name: "serve",
  summary: "serve every file of every image at a URL",
  usage: "[--port N] [--registry NAME]...",
  details: `Answers GET /REGISTRY/REPOSITORY[:TAG|@DIGEST]/-/PATH with the file, a folder's listing or an archive, as the
edge worker does, until it is interrupted. Prints its URL; logs JSON lines on standard error.

All settings of the worker can be given as environment variables too: OCIPEEK_DOCKER_CONFIG (the text of a
Docker config.json, for private registries), OCIPEEK_TAG_TTL, OCIPEEK_LIMITS and others. Docker's own credentials
are not used unless you give them that way, since whoever reaches the server reads with them.

On an address that is not public it answers only requests whose Host is an address, localhost, the --host or an
--allow-host. Pages of other origins read nothing without --allow-origin. What your credentials open is for origins that you
name, never for *. HTTPS_PROXY, HTTP_PROXY and NO_PROXY are honoured.

With OCIPEEK_HOOK_SECRET it accepts registries' notifications of pushes (POST /hooks/distribution, ecr, ghcr, dockerhub
and harbor) and pushes SOCI indexes; OCIPEEK_HOOKS says for which images. See worker/README.md.`,
  options: options(`
    --port N                       listen on this port (default: 8788; 0 takes a free one)
    --host ADDRESS                 listen on this address (default: 127.0.0.1)
    --registry NAME...             serve this registry, or what of it matches REGISTRY/PATTERN (default: the large public ones)
    --insecure-registry HOST:PORT...  also serve this registry, on any address; by http, or by TLS if given as https://HOST:PORT
    --allow-origin ORIGIN...       let pages of this origin read answers: https://app.example.com, or * for any page
    --allow-host NAME...           answer to this name too, besides addresses, localhost and the --host
    --cache-bytes N                keep at most N bytes in --cache-dir (default: 1 GiB); only files that ocipeek made are deleted
    --max-memory N                 let all images together take at most N bytes of memory (default: 1 GiB)
    --platform OS/ARCH             the platform of requests that name none (default: linux/amd64, else the only one)
    --build-index                  build indexes of layers too large to fetch whole; the default (OCIPEEK_INDEX=kept: do not)
    -q, --quiet                    log nothing
  `),
  refuses: NOT_HERE.split(" "),
  arity: [0, 0],
  run,
};
