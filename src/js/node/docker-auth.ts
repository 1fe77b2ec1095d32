import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { DockerConfig, parseHelperOutput, serverAddress } from "../docker-config.js";
import { OcipeekError } from "../errors.js";
import type { Credentials } from "../types.js";

const HELPER_TIMEOUT_MS = 30_000;
const HELPER_MAX_OUTPUT = 1 << 20;

/** Options of {@link dockerAuth}. */
export interface DockerAuthOptions {
  /** The file; by default `config.json` in `$DOCKER_CONFIG`, else in `~/.docker`. */
  configFile?: string | undefined;
}

/**
 * Finds credentials as Docker does: in its `config.json` (`auths`, `identitytoken`) and by the credential helpers
 * that it names (`credHelpers`, `credsStore`), which are run without a shell.
 *
 * Give it to `open(reference, { auth: dockerAuth() })`.
 */
export function dockerAuth(
  options: DockerAuthOptions = {},
): (registry: string) => Promise<Credentials | undefined> {
  const file =
    options.configFile ?? join(process.env.DOCKER_CONFIG || join(homedir(), ".docker"), "config.json");
  return async (registry) => {
    const text = await readConfig(file);
    if (text === undefined) return undefined;
    const config = new DockerConfig(text);
    const helper = config.helper(registry);
    if (helper === undefined) return config.stored(registry);
    const output = await runHelper(helper, serverAddress(registry));
    return parseHelperOutput(output) ?? config.stored(registry);
  };
}

async function readConfig(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    const code = (error as { code?: string }).code;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw error;
  }
}

/** What `docker-credential-NAME get` prints; nothing where it says that it knows none. */
function runHelper(name: string, server: string): Promise<string> {
  const fail = (why: string): OcipeekError =>
    new OcipeekError("UNAUTHORIZED", `UNAUTHORIZED: the credential helper ${JSON.stringify(name)} ${why}`);
  return new Promise((resolve, reject) => {
    const child = spawn(`docker-credential-${name}`, ["get"], {
      shell: false,
      stdio: ["pipe", "pipe", "ignore"],
      windowsHide: true,
    });
    // Not the option `timeout` of `spawn`: that goes on where the program cannot be started.
    const timer = setTimeout(() => child.kill(), HELPER_TIMEOUT_MS);
    const chunks: Buffer[] = [];
    let length = 0;
    child.stdout.on("data", (chunk: Buffer) => {
      length += chunk.length;
      if (length > HELPER_MAX_OUTPUT) child.kill();
      else chunks.push(chunk);
    });
    child.stdin.on("error", () => {});
    child.stdin.end(`${server}\n`);
    child.on("error", () => {
      clearTimeout(timer);
      reject(fail("cannot be run; is it on the PATH?"));
    });
    child.on("close", (code) => {
      clearTimeout(timer);
      const output = Buffer.concat(chunks).toString("utf8");
      if (code === 0 && length <= HELPER_MAX_OUTPUT) resolve(output);
      else if (/credentials not found/i.test(output)) resolve("");
      else reject(fail(code === null ? "took too long or said too much" : `failed with exit code ${code}`));
    });
  });
}
