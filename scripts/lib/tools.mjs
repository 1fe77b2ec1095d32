// The pinned tools, where they are kept, and the environment that puts them first.
import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { ROOT } from "./run.mjs";

/** The one version that the crate's lock file, the glue and the test runner must share. */
export const WASM_BINDGEN =
  /wasm-bindgen = "=([\d.]+)"/.exec(readFileSync(join(ROOT, "Cargo.toml"), "utf8"))?.[1] ?? "";

/** The Rust version of rust-toolchain.toml. */
export const RUST =
  /channel = "([\d.]+)"/.exec(readFileSync(join(ROOT, "rust-toolchain.toml"), "utf8"))?.[1] ?? "";

/** Where tools that no package manager keeps for us are installed, per user. */
export const TOOLS =
  process.env.OCIPEEK_TOOLS ??
  join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "ocipeek", "tools");

export const WASM_BINDGEN_ROOT = join(TOOLS, `wasm-bindgen-${WASM_BINDGEN}`);

/** Puts our tools first on the path of this process and of all that it starts. */
export function useTools() {
  const first = [
    join(ROOT, "node_modules", ".bin"),
    join(WASM_BINDGEN_ROOT, "bin"),
    join(homedir(), ".cargo", "bin"),
  ];
  const rest = (process.env.PATH ?? "").split(delimiter).filter((p) => !first.includes(p));
  process.env.PATH = [...first, ...rest].join(delimiter);
  process.env.WRANGLER_SEND_METRICS = "false";
  process.env.CLOUDFLARE_CF_FETCH_ENABLED = "false";
}

/** The first of these programs that exists on the path, as a full path. */
export function findProgram(...names) {
  for (const name of names) {
    if (name.includes("/")) {
      if (existsSync(name)) return name;
      continue;
    }
    for (const dir of (process.env.PATH ?? "").split(delimiter)) {
      const path = join(dir, name);
      if (dir && existsSync(path)) return path;
    }
  }
  return undefined;
}

/** Chromium: `$CHROMIUM`, or what the system has. */
export const chromium = () =>
  findProgram(
    ...[process.env.CHROMIUM, "chromium", "chromium-browser", "google-chrome"].filter((p) => p !== undefined),
  );
export const chromedriver = () =>
  findProgram(...[process.env.CHROMEDRIVER, "chromedriver"].filter((p) => p !== undefined));
export const wrk = () => findProgram(...[process.env.WRK, "wrk"].filter((p) => p !== undefined));
export const nginx = () =>
  findProgram(...[process.env.NGINX, "nginx", "/usr/sbin/nginx"].filter((p) => p !== undefined));
export const dockerRegistry = () =>
  findProgram(...[process.env.DOCKER_REGISTRY, "docker-registry"].filter((p) => p !== undefined));
export const skopeo = () => findProgram(...[process.env.SKOPEO, "skopeo"].filter((p) => p !== undefined));
