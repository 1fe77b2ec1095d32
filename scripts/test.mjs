// `npm test`: everything, against the real parts. A step is quiet when it passes and tells all when it fails.
//   npm test -- --only rust --only e2e     some steps; a name's first word names them all
//   npm test -- tests/js/tar.test.mjs      one file of tests; with `--name holes` those of them that are called so
//   npm test -- --list                     the steps' names
// It installs what the chosen steps need, and nothing else, and builds what they need if it is not up to date;
// `--as-built` takes dist/ as it is.
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { basename, join, relative, resolve } from "node:path";
import { isBuilt } from "./lib/build-stamp.mjs";
import { programsOf } from "./lib/program-needs.mjs";
import { duration, ROOT, run } from "./lib/run.mjs";
import { chromedriver, chromium } from "./lib/tools.mjs";
import { setup } from "./setup.mjs";

const WASM = "wasm32-unknown-unknown";
const CLIPPY = "cargo clippy --quiet";
const DENY = "-- -D warnings";
const TEST_WASM = `cargo test --target ${WASM} --test wasm --features js-reader,js-builder`;
const RUNNER = { CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER: "wasm-bindgen-test-runner" };

/**
 * @typedef {"rust" | "wasm-bindgen" | "npm"} Part
 * @typedef {(typeof chromium)[]} Programs
 * @typedef {{ needs?: string, parts?: Part[], programs?: () => Programs }} StepNeeds
 * @typedef {StepNeeds & { name: string, command: [string, string[], any], files?: string[], counted?: boolean }} Step
 * @typedef {StepNeeds & { env?: any, flags?: string[] }} StepOptions
 */

/** Adds up the closing lines of the runners that a step started. */
function count(output) {
  const sum = { passed: 0, failed: 0 };
  for (const m of output.matchAll(/^test result: \w+\. (\d+) passed; (\d+) failed/gm)) {
    sum.passed += Number(m[1]);
    sum.failed += Number(m[2]);
  }
  for (const m of output.matchAll(/^(?:ℹ|#) (pass|fail|cancelled) (\d+)$/gm)) {
    sum[m[1] === "pass" ? "passed" : "failed"] += Number(m[2]);
  }
  return sum;
}

/** A step that is one check. @type {(name: string, command: string, options?: StepOptions) => Step} */
const check = (name, command, { env, flags: _, ...needs } = {}) => {
  const [file = "", ...args] = command.split(" ");
  return { name, parts: [file === "cargo" ? "rust" : "npm"], ...needs, command: [file, args, env] };
};
/** A step whose runner says how many tests it ran; none is a failure. @type {typeof check} */
const tests = (name, command, options = {}) => ({ ...check(name, command, options), counted: true });
/** @type {(name: string, files: string[], options?: StepOptions) => Step} */
const nodeTests = (name, files, options = {}) => {
  const flags = ["--test --test-reporter=spec --test-timeout=600000", ...(options.flags ?? [])];
  const needs = { needs: "build", programs: () => programsOf(files) };
  return { ...tests(name, ["node", ...flags, ...files].join(" "), { ...options, ...needs }), files };
};

function steps() {
  const testFiles = (dir) =>
    readdirSync(join(ROOT, dir))
      .filter((f) => /\.test\.(mjs|ts)$/.test(f))
      .sort()
      .map((f) => `${dir}/${f}`);
  const list = [
    check("format", "cargo fmt --all --check"),
    check("format bench", "cargo fmt --check --manifest-path bench/Cargo.toml"),
    check("format fuzz", "cargo fmt --check --manifest-path fuzz/Cargo.toml"),
    check("lint rust", `${CLIPPY} --workspace --all-targets --all-features ${DENY}`),
    check("lint fuzz", `${CLIPPY} --all-targets --manifest-path fuzz/Cargo.toml ${DENY}`),
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
    check("lint docs", "node scripts/api.mjs crate", { parts: ["rust"] }),
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
    check("build", "node scripts/build.mjs", { parts: ["rust", "wasm-bindgen", "npm"] }),
    check("build worker", "node scripts/worker-build.mjs", { needs: "build" }),
    check("lint api", "node scripts/api.mjs package", { needs: "build" }),
    check("types", "tsc --noEmit -p .", { needs: "build" }),
    check("types scripts", "tsc --noEmit -p tests", { needs: "build" }),
    check("types worker", "tsc --noEmit -p worker/test", { needs: "build" }),
    check("types www", "tsc --noEmit -p tests/www", { needs: "build" }),
  ];
  list.push(nodeTests("js units", testFiles("tests/js")));
  list.push(nodeTests("worker units", testFiles("worker/test")));
  list.push(nodeTests("www units", testFiles("tests/www")));
  for (const file of testFiles("tests/e2e")) {
    const name = basename(file).replace(/\.test\..*$/, "");
    list.push(nodeTests(`e2e ${name}`, [file], { flags: ["--expose-gc"] }));
  }
  return list;
}

/** Of a step that runs test files: only this file, and of this only the tests with such a name, if one is given. */
function narrowed(step, file, name) {
  const [node, args, env] = step.command;
  const flags = args.filter((arg) => !step.files.includes(arg));
  if (name) flags.push(`--test-name-pattern=${name}`);
  const command = [node, [...flags, file], env];
  return { ...step, name: file, command, files: [file], programs: () => programsOf([file]) };
}

/**
 * The steps that the arguments ask for, in their order, with those that they need.
 * @param {string[]} args
 * @returns {Step[]}
 */
function chosen(args) {
  const all = steps();
  const values = (option) => args.flatMap((arg, i) => (args[i - 1] === option ? [arg] : []));
  const [only, names] = [values("--only"), values("--name")];
  const files = args.filter((arg, i) => !arg.startsWith("--") && !/^--(only|name)$/.test(args[i - 1] ?? ""));
  if (only.length + files.length === 0) return all;
  const wanted = all.filter((s) => only.some((o) => s.name === o || s.name.startsWith(`${o} `)));
  for (const file of files.map((it) => relative(ROOT, resolve(it)))) {
    const step = all.find((s) => s.files?.includes(file));
    if (!step) throw new Error(`${file} is no file of tests of any step`);
    wanted.push(narrowed(step, file, names[0]));
  }
  if (wanted.length === 0) throw new Error(`No step is named ${only.join(" or ")}. See npm test -- --list`);
  const built = args.includes("--as-built") || wanted.every((s) => s.needs !== "build") || isBuilt();
  return [...all.filter((s) => s.name === "build" && !built && !wanted.includes(s)), ...wanted];
}

async function runStep(step) {
  let output = "";
  try {
    const [file, args, env] = step.command;
    const result = await run(file, args, {
      env: { FORCE_COLOR: "0", NO_COLOR: "1", ...(typeof env === "function" ? env() : env) },
      timeout: 1500,
    });
    output = result.output;
  } catch (error) {
    output = error.output ?? "";
    const sum = step.counted ? count(output) : { passed: 0, failed: 0 };
    return { passed: sum.passed, failed: Math.max(1, sum.failed), output: `${output}\n${error.message}` };
  }
  if (!step.counted) return { passed: 1, failed: 0, output };
  const sum = count(output);
  if (sum.passed + sum.failed === 0) return { passed: 0, failed: 1, output: `${output}\nno test ran` };
  return { ...sum, output };
}

/** @param {Step[]} steps */
async function main(steps) {
  const start = Date.now();
  const total = { passed: 0, failed: 0, skipped: 0 };
  const broken = new Set();
  for (const step of steps) {
    if (broken.has(step.needs)) {
      total.skipped += 1;
      console.log(`skip  ${step.name} (${step.needs} failed)`);
      continue;
    }
    const from = Date.now();
    const result = await runStep(step);
    total.passed += result.passed;
    total.failed += result.failed;
    const counts = step.counted
      ? `, ${result.passed} passed${result.failed ? `, ${result.failed} failed` : ""}`
      : "";
    console.log(`${result.failed ? "FAIL" : "ok  "}  ${step.name} (${duration(Date.now() - from)}${counts})`);
    const facts = result.output.match(/^(?:ℹ )?(?:size|measured): .*$/gm) ?? [];
    if (result.failed) {
      broken.add(step.name);
      console.log(result.output.replace(/^/gm, "      "));
    } else for (const line of facts) console.log(`      ${line.replace("ℹ ", "")}`);
  }
  console.log(`in ${duration(Date.now() - start)}`);
  console.log(
    `${total.passed} passed, ${total.failed} failed${total.skipped ? `, ${total.skipped} skipped` : ""}`,
  );
  process.exitCode = total.failed || total.skipped ? 1 : 0;
}

try {
  const args = process.argv.slice(2);
  const list = args.includes("--list");
  const wanted = list ? steps() : chosen(args);
  const parts = new Set(wanted.flatMap((step) => step.parts ?? []));
  if (!list)
    await setup({ parts, programs: [...new Set(wanted.flatMap((step) => step.programs?.() ?? []))] });
  if (list) console.log(wanted.map((step) => step.name).join("\n"));
  else if (parts.has("npm") && Number(process.versions.node.split(".")[0]) < 22) {
    // The tools need Node 22, which `npm ci` has just brought.
    const { status } = spawnSync(join(ROOT, "node_modules", ".bin", "node"), process.argv.slice(1), {
      stdio: "inherit",
    });
    process.exitCode = status ?? 1;
  } else await main(wanted);
} catch (error) {
  console.error(error.message);
  console.log("0 passed, 1 failed");
  process.exitCode = 1;
}
