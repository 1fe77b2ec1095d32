// Builds the npm package into dist/: crate → wasm-bindgen → wasm-opt → TypeScript → the page. Writes only to dist/ and
// target/. Modules whose sources did not change stay.
//   node scripts/build.mjs [--dev]     --dev: without wasm-opt and with names, for a quick look
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { build } from "esbuild";
import { isWasmBuilt, noteBuilt, sources } from "./lib/build-stamp.mjs";
import { writeInline } from "./lib/inline.mjs";
import { forOlderTypes } from "./lib/older-types.mjs";
import { recoverable } from "./lib/recoverable.mjs";
import { ROOT, run } from "./lib/run.mjs";
import { shortNames } from "./lib/short-names.mjs";
import { silencePanics } from "./lib/silent-panics.mjs";
import { useTools, WASM_BINDGEN } from "./lib/tools.mjs";

const TARGET = "wasm32-unknown-unknown";
const DIST = join(ROOT, "dist");

/** Paths of this machine do not belong into what is published. */
function remapped() {
  const cargo = process.env.CARGO_HOME ?? join(homedir(), ".cargo");
  const flags = [`--remap-path-prefix=${cargo}=cargo`, `--remap-path-prefix=${ROOT}=.`];
  return [process.env.RUSTFLAGS, ...flags].filter(Boolean).join(" ");
}

async function targetFolder() {
  const { stdout } = await run("cargo", ["metadata", "--format-version=1", "--no-deps"]);
  return JSON.parse(stdout).target_directory;
}

/** The modules: `ocipeek` reads; loaded on demand, `ocipeek_formats` reads other lazy formats too, `ocipeek_build` makes indexes. */
const MODULES = [
  { name: "ocipeek", features: "js-reader" },
  { name: "ocipeek_formats", features: "js-reader,formats" },
  { name: "ocipeek_build", features: "js-builder" },
];

/**
 * What makes the .wasm small once brotli has packed it. Inlining and common subexpressions save 2 % of the raw size, but
 * what they leave differs each time: brotli then needs 3 % more. Functions of similar names are similar, and stand together.
 */
const SMALL = [
  // Of panics that are silent, the trap.
  ..."--inlining --always-inline-max-function-size=2 --flexible-inline-max-function-size=0".split(" "),
  "--one-caller-inline-max-function-size=0",
  // Nothing lies in the first kilobyte: it is the far end of the stack.
  "--low-memory-unused",
  // The second run finds what the first one made.
  ..."-Os -Os --skip-pass=inlining-optimizing --skip-pass=local-cse --reorder-functions-by-name".split(" "),
  ..."--strip-debug --strip-producers".split(" "),
];

async function buildWasm(out, dev) {
  const { stdout } = await run("wasm-bindgen", ["--version"]);
  if (!stdout.includes(WASM_BINDGEN)) {
    throw new Error(`wasm-bindgen ${WASM_BINDGEN} is wanted, found ${stdout.trim()}; run npm run setup`);
  }
  const built = join(await targetFolder(), TARGET, "release", "ocipeek.wasm");
  // The crate itself is none of these: its dependents would link one each, and without LTO, which Cargo leaves out of a
  // library that is an rlib as well; that alone made the modules 4 to 8 % larger.
  const cdylib = ["rustc", "--release", "--locked", "--lib", "--crate-type", "cdylib", "--target", TARGET];
  for (const { name, features } of MODULES) {
    await run("cargo", [...cdylib, "--features", features], { env: { RUSTFLAGS: remapped() } });
    const to = ["--out-dir", out, "--out-name", name];
    await run("wasm-bindgen", ["--target", "web", "--no-typescript", "--keep-debug", ...to, built]);
    const glue = join(out, `${name}.js`);
    writeFileSync(glue, recoverable(readFileSync(glue, "utf8")));
    const file = join(out, `${name}_bg.wasm`);
    if (!dev) {
      writeFileSync(file, silencePanics(readFileSync(file)));
      await run("wasm-opt", [...SMALL, "--output", `${file}.small`, file]);
      const short = shortNames(readFileSync(`${file}.small`), readFileSync(glue, "utf8"));
      writeFileSync(file, short.bytes);
      writeFileSync(glue, short.glue);
      rmSync(`${file}.small`);
    }
    writeInline(out, name);
  }
}

/** The worker as a plain server, for `ocipeek serve`: one file, with what it needs besides the package. */
async function buildServer() {
  await run("tsc", ["-p", "worker"]);
  await build({
    entryPoints: [join(ROOT, "worker", "src", "serve", "serve.ts")],
    outfile: join(DIST, "worker", "serve.js"),
    bundle: true,
    format: "esm",
    platform: "node",
    target: "es2022",
    external: ["ocipeek", "ocipeek/*"],
    legalComments: "inline",
    logLevel: "error",
  });
}

/** The page, as static files; see www/vite.config.mjs. */
async function buildPage() {
  await run("tsc", ["-p", "www"]);
  await run("vite", ["build", "www", "--logLevel", "warn"]);
  // What is published holds each module once: the server takes the page's copy from beside it.
  const parts = readdirSync(join(DIST, "www", "-", "www")).filter((name) => name.endsWith(".wasm"));
  const shared = parts.map((name) => [`/-/www/${name}`, name.replace(/-[\w-]{8}\.wasm$/, ".wasm")]);
  writeFileSync(join(DIST, "worker", "page-modules.json"), JSON.stringify(Object.fromEntries(shared)));
}

/** Sizes of a file: raw, gzip -9, brotli -11. */
export function sizes(file) {
  const bytes = readFileSync(file);
  const params = {
    [constants.BROTLI_PARAM_QUALITY]: 11,
    [constants.BROTLI_PARAM_LGWIN]: 22,
    [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
  };
  const brotli = brotliCompressSync(bytes, { params }).length;
  return { raw: bytes.length, gzip: gzipSync(bytes, { level: 9 }).length, brotli };
}

async function main(dev) {
  useTools();
  const [from, reuse] = [sources(dev), isWasmBuilt(dev)];
  noteBuilt(undefined);
  const wasm = join(DIST, "wasm");
  for (const name of existsSync(DIST) ? readdirSync(DIST) : [])
    if (!reuse || name !== "wasm") rmSync(join(DIST, name), { recursive: true });
  if (!reuse) {
    mkdirSync(wasm, { recursive: true });
    await buildWasm(wasm, dev);
  }
  await run("tsc", ["-p", "tsconfig.json"]);
  // What TypeScript does not put out: files that it cannot read, see there, and declarations.
  const declarations = MODULES.flatMap(({ name }) => [`wasm/${name}.d.ts`, `wasm/${name}_bg.wasm.d.ts`]);
  const deno = ["js/entry/deno.js", "js/build/entry/deno.js", "js/formats/entry/deno.js"];
  for (const file of [...deno, ...declarations]) copyFileSync(join(ROOT, file), join(DIST, file));
  forOlderTypes(DIST);
  await buildServer();
  chmodSync(join(DIST, "cli/main.js"), 0o755);
  await buildPage();
  noteBuilt(from);
  const kb = (n) => `${(n / 1000).toFixed(1)} kB`;
  for (const { name } of MODULES) {
    const { raw, gzip, brotli } = sizes(join(wasm, `${name}_bg.wasm`));
    console.log(`size: ${name}_bg.wasm ${kb(raw)} raw, ${kb(gzip)} gzip, ${kb(brotli)} brotli`);
  }
}

if (import.meta.main ?? process.argv[1] === import.meta.filename) {
  try {
    await main(process.argv.includes("--dev"));
  } catch (error) {
    console.error(error.output ? `${error.message}\n${error.output}` : error.message);
    process.exitCode = 1;
  }
}
