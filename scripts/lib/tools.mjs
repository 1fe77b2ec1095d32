// The pinned tools, where they are kept, and the environment that puts them first.
import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { ROOT } from "./run.mjs";

/** What a pattern's group finds in a file of ours. */
function pinned(file, pattern) {
  const [, version] = pattern.exec(readFileSync(join(ROOT, file), "utf8")) ?? [];
  if (!version) throw new Error(`${file} names no version as ${pattern}`);
  return version;
}

/** The one version that the crate's lock file, the glue and the test runner must share. */
export const WASM_BINDGEN = pinned("Cargo.lock", /^name = "wasm-bindgen"\nversion = "([\d.]+)"$/m);

/** The Rust version of rust-toolchain.toml. */
export const RUST = pinned("rust-toolchain.toml", /channel = "([\d.]+)"/);

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

/**
 * A program of the tests: gives its path, which a variable of the environment can name; `debian` is the package of it.
 * @param {string} variable
 * @param {string} debian
 * @param {string[]} names
 */
function testProgram(variable, debian, ...names) {
  const find = () => findProgram(...[process.env[variable] ?? [], names].flat());
  return Object.assign(find, { variable, debian });
}

export const chromium = testProgram("CHROMIUM", "chromium", "chromium", "chromium-browser", "google-chrome");
export const chromedriver = testProgram("CHROMEDRIVER", "chromium-driver", "chromedriver");
export const firefox = testProgram("FIREFOX", "firefox-esr", "firefox-esr", "firefox");
export const webkitDriver = testProgram("WEBKIT_DRIVER", "webkit2gtk-driver", "WebKitWebDriver");
/** Its package comes with the driver's. */
export const miniBrowser = testProgram(
  "MINIBROWSER",
  "webkit2gtk-driver",
  ...["x86_64", "aarch64"].map((it) => `/usr/lib/${it}-linux-gnu/webkit2gtk-4.1/MiniBrowser`),
);
export const xvfb = testProgram("XVFB", "xvfb", "Xvfb");
export const dockerRegistry = testProgram("DOCKER_REGISTRY", "docker-registry", "docker-registry");
export const skopeo = testProgram("SKOPEO", "skopeo", "skopeo");
export const wrk = testProgram("WRK", "wrk", "wrk");
export const nginx = testProgram("NGINX", "nginx-light", "nginx", "/usr/sbin/nginx");

/** All that the tests need besides what is installed with npm and cargo. */
export const TEST_PROGRAMS = [
  ...[chromium, chromedriver, firefox, webkitDriver, miniBrowser, xvfb],
  ...[dockerRegistry, skopeo, wrk, nginx],
];
