// What dist/ was built from, so that what did not change is not built again.
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./run.mjs";

/** What the wasm modules are made of. */
const CRATE = [
  ...["inflate", "src", "Cargo.lock", "Cargo.toml", "rust-toolchain.toml"],
  ...["scripts/build.mjs", "scripts/lib"],
];
/** What all of dist/ is made of. */
const ALL = [
  ...CRATE,
  ...["cli", "js", "wasm", "web", "package.json", "package-lock.json", "tsconfig.json"],
  ...["worker/src", "worker/tsconfig.json", "www"],
];
const STAMP = join("node_modules", ".ocipeek-build");

/** Files below a path, by name; a path to a file is that file. */
function* filesBelow(root, path) {
  if (!statSync(join(root, path)).isDirectory()) yield path;
  else
    for (const name of readdirSync(join(root, path)).sort())
      if (name !== "node_modules") yield* filesBelow(root, join(path, name));
}

/** Digest of the names and contents of all files below these paths, and of `more`. */
function digest(root, paths, more = "") {
  const hash = createHash("sha256").update(more);
  for (const file of paths.flatMap((path) => [...filesBelow(root, path)])) {
    const bytes = readFileSync(join(root, file));
    hash.update(`${file}\0${bytes.length}\0`).update(bytes);
  }
  return hash.digest("hex");
}

/** How the modules are compiled, as far as the sources do not say. */
function settings(dev) {
  const env = Object.entries(process.env).filter(([name]) => /^(RUSTFLAGS|CARGO_PROFILE_)/.test(name));
  return JSON.stringify([dev, env.sort()]);
}

function stamp(root) {
  const file = join(root, STAMP);
  return existsSync(file) && existsSync(join(root, "dist", "js", "index.js"))
    ? JSON.parse(readFileSync(file, "utf8"))
    : {};
}

/** Whether dist/ is what a build would make, in whatever way the modules were compiled. */
export const isBuilt = (root = ROOT) => stamp(root).all === digest(root, ALL);

/** Whether dist/wasm is. */
export const isWasmBuilt = (dev, root = ROOT) => stamp(root).wasm === digest(root, CRATE, settings(dev));

/** The state of the sources, to be noted when they are built. */
export const sources = (dev, root = ROOT) => ({
  all: digest(root, ALL),
  wasm: digest(root, CRATE, settings(dev)),
});

/** Notes that dist/ was built from these sources, or, without them, that it is not what they make. */
export function noteBuilt(sources, root = ROOT) {
  const file = join(root, STAMP);
  if (!sources) return rmSync(file, { force: true });
  writeFileSync(`${file}.new`, JSON.stringify(sources));
  renameSync(`${file}.new`, file);
}
