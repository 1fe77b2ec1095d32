import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";
import { OcipeekError } from "../errors.js";
import {
  BadDockerConfig,
  DockerConfig,
  parseHelperOutput,
  serverAddress,
} from "../registry/docker-config.js";
import type { Credentials } from "../types/index.js";

const HELPER_TIMEOUT_MS = 30_000;
const HELPER_MAX_OUTPUT = 1 << 20;

/** Options of {@link dockerAuth}. */
export interface DockerAuthOptions {
  /** The one file to look into. By default those that {@link credentialFiles} names. */
  configFile?: string | undefined;
}

/**
 * Finds credentials as Docker and podman do: in the files that {@link credentialFiles} names (`auths`, also for paths such
 * as `ghcr.io/owner`) and by the credential helpers that they name (`credHelpers`, `credsStore`), which are run without a
 * shell. The first that has some counts.
 *
 * Give it to `open(reference, { auth: dockerAuth() })`. It throws where none has any, and one could not be read or one
 * helper failed: what is open to everybody is read all the same, and what is not says why.
 *
 * @example
 * ```js
 * import { open } from "ocipeek";
 * import { dockerAuth } from "ocipeek/node";
 *
 * const image = await open("ghcr.io/owner/app:1", { auth: dockerAuth() });
 * console.log(image.layers.length); // 6
 * ```
 */
export function dockerAuth(
  options: DockerAuthOptions = {},
): (registry: string, repository?: string) => Promise<Credentials | undefined> {
  const files = options.configFile === undefined ? credentialFiles() : [options.configFile];
  return async (registry, repository) => {
    let failure: unknown;
    for (const file of files) {
      try {
        const found = await findIn(file, registry, repository);
        if (found) return found;
      } catch (error) {
        failure ??= error;
      }
    }
    if (failure !== undefined) throw failure;
    return undefined;
  };
}

/**
 * Where credentials may lie, as skopeo and podman look for them: `$REGISTRY_AUTH_FILE` alone where it is set; else
 * `containers/auth.json` in `$XDG_RUNTIME_DIR` (without it, `/run/containers/UID`) and in the user's folder of
 * configurations, then Docker's `config.json`, in `$DOCKER_CONFIG` or `~/.docker`.
 *
 * @example
 * ```js
 * import { credentialFiles } from "ocipeek/node";
 *
 * console.log(credentialFiles({ REGISTRY_AUTH_FILE: "/run/auth.json" })[0]); // /run/auth.json
 * ```
 */
export function credentialFiles(env: Record<string, string | undefined> = process.env): string[] {
  if (env.REGISTRY_AUTH_FILE) return [env.REGISTRY_AUTH_FILE];
  const absolute = (folder: string | undefined): string | undefined =>
    folder && isAbsolute(folder) ? folder : undefined;
  const home = homedir();
  const uid = process.getuid?.();
  const runtime = absolute(env.XDG_RUNTIME_DIR);
  const running = runtime ? join(runtime, "containers") : uid !== undefined && `/run/containers/${uid}`;
  return [
    ...(running ? [join(running, "auth.json")] : []),
    join(absolute(env.XDG_CONFIG_HOME) ?? join(home, ".config"), "containers", "auth.json"),
    join(env.DOCKER_CONFIG || join(home, ".docker"), "config.json"),
  ];
}

async function findIn(
  file: string,
  registry: string,
  repository: string | undefined,
): Promise<Credentials | undefined> {
  const text = await readConfig(file);
  if (text === undefined) return undefined;
  const config = named(file, () => new DockerConfig(text));
  const stored = (): Credentials | undefined => named(file, () => config.stored(registry, repository));
  const helper = config.helper(registry);
  if (helper === undefined) return stored();
  try {
    return (await askHelper(helper, serverAddress(registry))) ?? stored();
  } catch (error) {
    const found = stored();
    if (found) return found;
    throw error;
  }
}

/** Says which file it is that cannot be read. */
function named<T>(file: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof BadDockerConfig)) throw error;
    throw unauthorized(`${JSON.stringify(file)}: ${error.why}`);
  }
}

async function readConfig(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    const { code = "unknown" } = error as { code?: string };
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw unauthorized(`${JSON.stringify(file)} cannot be read (${code})`);
  }
}

async function askHelper(name: string, server: string): Promise<Credentials | undefined> {
  const output = await runHelper(name, server);
  try {
    return parseHelperOutput(output);
  } catch {
    throw helperFailed(name, server, "printed something else than credentials");
  }
}

/** Output of `docker-credential-NAME get`; empty where it says that it knows none. */
function runHelper(name: string, server: string): Promise<string> {
  const fail = (why: string): OcipeekError => helperFailed(name, server, why);
  return new Promise((resolve, reject) => {
    const child = spawn(`docker-credential-${name}`, ["get"], {
      shell: false,
      stdio: ["pipe", "pipe", "ignore"],
      windowsHide: true,
    });
    let late = false;
    // Not the option `timeout` of `spawn`: that goes on where the program cannot be started.
    const timer = setTimeout(() => {
      late = true;
      child.kill();
    }, HELPER_TIMEOUT_MS);
    const chunks: Buffer[] = [];
    let length = 0;
    child.stdout.on("data", (chunk: Buffer) => {
      length += chunk.length;
      if (length > HELPER_MAX_OUTPUT) child.kill();
      else chunks.push(chunk);
    });
    child.stdin.on("error", () => {});
    child.stdin.end(`${server}\n`);
    child.on("error", (error: { code?: string }) => {
      clearTimeout(timer);
      const missing = error.code === "ENOENT";
      const program = `docker-credential-${name}`;
      reject(
        unauthorized(
          missing
            ? `there is no program ${program} on the PATH, which the configuration names as credential helper`
            : `the credential helper ${program} cannot be run (${error.code ?? "unknown"})`,
        ),
      );
    });
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      const output = Buffer.concat(chunks).toString("utf8");
      if (length > HELPER_MAX_OUTPUT) reject(fail(`printed more than ${HELPER_MAX_OUTPUT} bytes`));
      else if (late) reject(fail(`gave no answer within ${HELPER_TIMEOUT_MS / 1000} seconds`));
      else if (code === 0) resolve(output);
      else if (/credentials not found/i.test(output)) resolve("");
      else reject(fail(code === null ? `was ended by ${signal}` : `failed with exit code ${code}`));
    });
  });
}

/** Failure of a helper; without its output, which may be the secret. */
function helperFailed(name: string, server: string, why: string): OcipeekError {
  return unauthorized(
    `the credential helper docker-credential-${name} ${why}; try: echo ${server} | docker-credential-${name} get`,
  );
}

function unauthorized(why: string): OcipeekError {
  return new OcipeekError("UNAUTHORIZED", `${why}`);
}
