// The steps of `npm test`: what each runs, what it needs, and which of them may not have a neighbour.
import { readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { programsOf } from "../lib/program-needs.mjs";
import { ROOT } from "../lib/run.mjs";
import { chromedriver, chromium } from "../lib/tools.mjs";

const WASM = "wasm32-unknown-unknown";
const CLIPPY = "cargo clippy --quiet";
const DENY = "-- -D warnings";
const TEST_WASM = `cargo test --target ${WASM} --test wasm --features js-reader,js-builder`;
/** What cargo locks, so that two steps with the same would only wait for each other. */
const DEBUG = "target/debug";
const RUNNER = { CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER: "wasm-bindgen-test-runner" };

/** Steps that judge time, memory or load: a neighbour would be judged with them. */
const ALONE = new Set([
  // The time that a caller waits, or a page stands still.
  ...["worker-turns", "www-large"],
  // Requests in a second, and what many of them leave behind.
  ...["worker-load", "soak"],
  // Memory of a process at its peak: a collector that gets no processor comes late.
  ...["hooks-memory", "memory", "stream", "worker-hostile", "worker-stream"],
]);

/**
 * @typedef {"rust" | "wasm-bindgen" | "npm"} Part
 * @typedef {(typeof chromium)[]} Programs
 * @typedef {{ parts?: Part[], programs?: () => Programs }} StepNeeds `parts`, `programs`: what must be installed
 * @typedef {import("./lanes.mjs").Placed} Placed
 * @typedef {StepNeeds & Placed & { command: [string, string[], any], files?: string[], counted?: boolean }} Step
 * @typedef {StepNeeds & Omit<Placed, "name"> & { env?: any, flags?: string[] }} StepOptions
 */

/** A step that is one check. @type {(name: string, command: string, options?: StepOptions) => Step} */
const check = (name, command, { env, flags: _, ...needs } = {}) => {
  const [file = "", ...args] = command.split(" ");
  const own = file === "cargo" ? { parts: ["rust"], uses: DEBUG } : { parts: ["npm"] };
  return { name, .../** @type {StepNeeds} */ (own), ...needs, command: [file, args, env] };
};
/** A step whose runner says how many tests it ran; none is a failure. @type {typeof check} */
const tests = (name, command, options = {}) => ({ ...check(name, command, options), counted: true });
/** @type {(name: string, files: string[], options?: StepOptions) => Step} */
const nodeTests = (name, files, options = {}) => {
  const flags = ["--test --test-reporter=spec --test-timeout=600000", ...(options.flags ?? [])];
  const needs = { needs: "build", programs: () => programsOf(files) };
  return { ...tests(name, ["node", ...flags, ...files].join(" "), { ...options, ...needs }), files };
};

/** Every step, the long ones that others wait for first. @returns {Step[]} */
export function steps() {
  const testFiles = (dir) =>
    readdirSync(join(ROOT, dir))
      .filter((f) => /\.test\.(mjs|ts)$/.test(f))
      .sort()
      .map((f) => `${dir}/${f}`);
  const list = [
    check("build", "node scripts/build.mjs", {
      parts: ["rust", "wasm-bindgen", "npm"],
      uses: "target/release",
    }),
    check("format", "cargo fmt --all --check"),
    check("format bench", "cargo fmt --check --manifest-path bench/Cargo.toml"),
    check("format fuzz", "cargo fmt --check --manifest-path fuzz/Cargo.toml"),
    check("lint rust", `${CLIPPY} --workspace --all-targets --all-features ${DENY}`),
    check("lint fuzz", `${CLIPPY} --all-targets --manifest-path fuzz/Cargo.toml ${DENY}`, {
      uses: "fuzz/target",
    }),
    // For dependents, and as the modules of the package.
    check("lint wasm", `${CLIPPY} --target ${WASM} --lib ${DENY}`),
    check("lint wasm all", `${CLIPPY} --target ${WASM} --lib --features build,formats ${DENY}`),
    check("lint wasm reader", `${CLIPPY} --target ${WASM} --lib --features js-reader ${DENY}`),
    check("lint wasm formats", `${CLIPPY} --target ${WASM} --lib --features js-reader,formats ${DENY}`),
    check("lint wasm builder", `${CLIPPY} --target ${WASM} --lib --features js-builder ${DENY}`),
    check(
      "lint wasm build",
      `${CLIPPY} --target ${WASM} --lib --test wasm --features js-reader,js-builder ${DENY}`,
    ),
    // The documentation has no warnings, and shows the API that is agreed upon.
    check("lint docs", "node scripts/api.mjs crate", { parts: ["rust"], uses: DEBUG }),
    check("lint js", "biome ci --colors=off --error-on-warnings ."),
    check("lint floors", "node scripts/floors.mjs"),
    // No 20 lines stand twice outside tests. See .jscpd.json; its minLines are exclusive.
    check("lint clones", "jscpd --no-colors --fail-on-empty"),
    tests("rust native", "cargo test --quiet --workspace --all-features"),
    tests("rust node", TEST_WASM, { env: RUNNER, parts: ["rust", "wasm-bindgen"] }),
    tests("rust chromium", TEST_WASM, {
      parts: ["rust", "wasm-bindgen"],
      programs: () => [chromium, chromedriver],
      env: () => {
        const browser = { CHROMEDRIVER: chromedriver(), CHROME_BIN: chromium() };
        return { ...RUNNER, ...browser, WASM_BINDGEN_USE_BROWSER: "1" };
      },
    }),
    check("build worker", "node scripts/worker-build.mjs", { needs: "build" }),
    check("lint api", "node scripts/api.mjs package", { needs: "build" }),
    check("types", "tsc --noEmit -p .", { needs: "build" }),
    check("types scripts", "tsc --noEmit -p tests", { needs: "build" }),
    check("types worker", "tsc --noEmit -p worker/test", { needs: "build" }),
    check("types www", "tsc --noEmit -p tests/www", { needs: "build" }),
  ];
  const e2e = testFiles("tests/e2e").map((file) => {
    const name = basename(file).replace(/\.test\..*$/, "");
    // The oracle has the crate's tests write what it compares. Two pages with their browsers would wait for each other.
    const [, used] =
      [
        ["build-oracle", DEBUG],
        ["www-", "a page"],
      ].find(([it]) => name.startsWith(it)) ?? [];
    const uses = used ? { uses: used } : {};
    return nodeTests(`e2e ${name}`, [file], { ...uses, flags: ["--expose-gc"], alone: ALONE.has(name) });
  });
  // One page after the other takes longest, beside all else.
  list.push(...e2e.filter(({ uses }) => uses === "a page"));
  list.push(nodeTests("js units", testFiles("tests/js")));
  list.push(nodeTests("worker units", testFiles("worker/test")));
  list.push(nodeTests("www units", testFiles("tests/www")));
  list.push(...e2e.filter(({ uses }) => uses !== "a page"));
  return list;
}

/** Of a step that runs test files: only this file, and of this only the tests with such a name, if one is given. */
export function narrowed(step, file, name) {
  const [node, args, env] = step.command;
  const flags = args.filter((arg) => !step.files.includes(arg));
  if (name) flags.push(`--test-name-pattern=${name}`);
  const command = [node, [...flags, file], env];
  return { ...step, name: file, command, files: [file], programs: () => programsOf([file]) };
}
