// Installs what the build and the tests need, pinned. Run again, it only looks.
//   node scripts/setup.mjs           what `npm start` needs
//   node scripts/setup.mjs --tests   also the browsers, docker-registry, skopeo, wrk and nginx
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { duration, ROOT, run, succeeds } from "./lib/run.mjs";
import { findProgram, RUST, TEST_PROGRAMS, useTools, WASM_BINDGEN, WASM_BINDGEN_ROOT } from "./lib/tools.mjs";

/** Something that a person must do. */
class Missing extends Error {}

async function rust() {
  if (!findProgram("rustup")) {
    throw new Missing("rustup is missing. Install it as https://rustup.rs says, then run this again.");
  }
  const toolchain = process.env.RUSTUP_TOOLCHAIN ?? RUST;
  const install = ["toolchain", "install", RUST, "--profile", "minimal", "--no-self-update"];
  const works = await succeeds("rustup", ["run", toolchain, "rustc", "--version"]);
  const isThere = works || (await succeeds("rustup", install));
  // Without the toolchain's server, another name of the same version will do.
  process.env.RUSTUP_TOOLCHAIN = isThere ? toolchain : await sameVersion();
  const sysroot = (await run("rustc", ["--print", "sysroot"])).stdout.trim();
  if (!existsSync(join(sysroot, "lib", "rustlib", "wasm32-unknown-unknown"))) {
    await run("rustup", ["target", "add", "wasm32-unknown-unknown"]);
  }
  for (const [component, program] of Object.entries({ rustfmt: "rustfmt", clippy: "cargo-clippy" })) {
    if (!existsSync(join(sysroot, "bin", program))) await run("rustup", ["component", "add", component]);
  }
}

async function sameVersion() {
  const { stdout } = await run("rustup", ["toolchain", "list"]);
  for (const line of stdout.split("\n")) {
    const name = line.split(" ")[0];
    if (!name) continue;
    const { stdout: version } = await run("rustup", ["run", name, "rustc", "--version"], { allowFail: true });
    if (version.startsWith(`rustc ${RUST} `)) return name;
  }
  const how = `run "rustup toolchain install ${RUST}" to see why.`;
  throw new Missing(`Rust ${RUST} is missing and could not be installed: ${how}`);
}

async function wasmBindgen() {
  const program = join(WASM_BINDGEN_ROOT, "bin", "wasm-bindgen");
  if (existsSync(program)) return;
  const place = ["--locked", "--root", WASM_BINDGEN_ROOT];
  // It runs for a second, and is compiled for minutes.
  const env = { CARGO_PROFILE_RELEASE_OPT_LEVEL: "1" };
  await run("cargo", ["install", "wasm-bindgen-cli", "--version", WASM_BINDGEN, ...place], { env });
}

async function npmPackages() {
  const hash = createHash("sha256");
  for (const file of ["package.json", "package-lock.json"]) hash.update(readFileSync(join(ROOT, file)));
  const wanted = hash.digest("hex");
  const stamp = join(ROOT, "node_modules", ".ocipeek-lock");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return;
  await run("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"]);
  writeFileSync(stamp, wanted);
}

/** @param {(typeof TEST_PROGRAMS)} programs */
async function testPrograms(programs) {
  const missing = () => programs.filter((program) => !program());
  const packages = [...new Set(missing().map(({ debian }) => debian))];
  if (packages.length === 0) return;
  const command = `apt-get install --no-install-recommends ${packages.join(" ")}`;
  const prefix = process.getuid?.() === 0 ? [] : ["sudo", "-n"];
  const names = missing().map(({ variable }) => variable);
  const how = `The tests need ${packages.join(", ")}. On Debian or Ubuntu: sudo ${command}. Elsewhere install them and name their programs in ${names.join(", ")}.`;
  if (!findProgram("apt-get") || (prefix.length > 0 && !(await succeeds("sudo", ["-n", "true"]))))
    throw new Missing(how);
  const apt = async (...args) => {
    const [file, ...rest] = [...prefix, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", ...args];
    await run(file, rest);
  };
  try {
    await apt("update", "-qq");
    await apt("install", "-y", "-qq", "--no-install-recommends", ...packages);
  } catch (error) {
    throw new Missing(`${how}\n${error.output ?? error.message}`);
  }
  if (missing().length > 0) throw new Missing(how);
}

/** What the build needs. @type {Record<"rust" | "wasm-bindgen" | "npm", [string, () => Promise<void>]>} */
const PARTS = {
  rust: [`Rust ${RUST} with wasm32`, rust],
  "wasm-bindgen": [`wasm-bindgen ${WASM_BINDGEN}`, wasmBindgen],
  npm: ["npm packages", npmPackages],
};

/**
 * Makes ready what is asked for, all that the build needs if nothing is said, or throws with a sentence that says what to do.
 * @param {{ parts?: Iterable<keyof typeof PARTS>, programs?: typeof TEST_PROGRAMS, log?: (line: string) => void }} [options]
 */
export async function setup({
  parts = ["rust", "wasm-bindgen", "npm"],
  programs = [],
  log = console.log,
} = {}) {
  useTools();
  const wanted = new Set(parts);
  const make = async ([name, step]) => {
    const start = Date.now();
    try {
      await step();
    } catch (error) {
      if (error instanceof Missing) throw error;
      throw new Error(`Setting up ${name} failed: ${error.message}\n${error.output ?? ""}`);
    }
    if (Date.now() - start > 2000) log(`set up ${name} (${duration(Date.now() - start)})`);
  };
  const inTurn = async (steps) => {
    for (const step of steps) await make(step);
  };
  const of = (...names) => names.filter((name) => wanted.has(name)).map((name) => PARTS[name]);
  // One compiles while the other downloads.
  const both = await Promise.allSettled([
    inTurn(of("rust", "wasm-bindgen")),
    inTurn([...of("npm"), ["the programs of the tests", () => testPrograms(programs)]]),
  ]);
  for (const one of both) if (one.status === "rejected") throw one.reason;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  try {
    await setup({ programs: process.argv.includes("--tests") ? TEST_PROGRAMS : [] });
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
}
