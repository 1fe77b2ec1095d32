// `npm test`: everything, against the real parts. A step is quiet when it passes and tells all when it fails.
//   npm test -- --only rust --only e2e     some steps; a name's first word names them all
//   npm test -- --list                     their names
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { duration, ROOT, run } from "./lib/run.mjs";
import { chromedriver, chromium } from "./lib/tools.mjs";
import { setup } from "./setup.mjs";

const WASM = "wasm32-unknown-unknown";
const DENY = ["--", "-D", "warnings"];
const CLIPPY_WASM = ["clippy", "--quiet", "--target", WASM, "--lib", "--test", "wasm"];
const RUNNER = { CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER: "wasm-bindgen-test-runner" };

/**
 * @typedef {{ name: string, commands: any[][], needs?: string, counted?: boolean }} Step
 * @typedef {{ env?: any, needs?: string, flags?: string[] }} StepOptions
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

/** A step that is one check. @type {(name: string, file: string, args: string[], options?: StepOptions) => Step} */
const check = (name, file, args, options = {}) => ({
  name,
  needs: options.needs,
  commands: [[file, args, options.env]],
});
/** A step whose runner says how many tests it ran; none is a failure. @type {typeof check} */
const tests = (name, file, args, options = {}) => ({ ...check(name, file, args, options), counted: true });
/** @type {(name: string, files: string[], options?: StepOptions) => Step} */
const nodeTests = (name, files, options = {}) =>
  tests(
    name,
    "node",
    ["--test", "--test-reporter=spec", "--test-timeout=600000", ...(options.flags ?? []), ...files],
    options,
  );

function steps() {
  const testFiles = (dir) =>
    (existsSync(join(ROOT, dir)) ? readdirSync(join(ROOT, dir)) : [])
      .filter((f) => /\.test\.(mjs|ts)$/.test(f))
      .sort();
  const list = [
    check("format", "cargo", ["fmt", "--all", "--check"]),
    check("format bench", "cargo", ["fmt", "--check", "--manifest-path", "bench/Cargo.toml"]),
    check("format fuzz", "cargo", ["fmt", "--check", "--manifest-path", "fuzz/Cargo.toml"]),
    check("lint rust", "cargo", [
      "clippy",
      "--quiet",
      "--workspace",
      "--all-targets",
      "--all-features",
      ...DENY,
    ]),
    check("lint fuzz", "cargo", [
      "clippy",
      "--quiet",
      "--all-targets",
      "--manifest-path",
      "fuzz/Cargo.toml",
      ...DENY,
    ]),
    check("lint wasm", "cargo", ["clippy", "--quiet", "--target", WASM, "--lib", ...DENY]),
    check("lint wasm build", "cargo", [...CLIPPY_WASM, "--features", "build", ...DENY]),
    check("lint wasm builder", "cargo", [
      "clippy",
      "--quiet",
      "--target",
      WASM,
      "--lib",
      "--no-default-features",
      "--features",
      "build",
      ...DENY,
    ]),
    check("lint docs", "cargo", ["doc", "--quiet", "--no-deps", "--all-features"], {
      env: { RUSTDOCFLAGS: "-D warnings" },
    }),
    check("lint js", "biome", ["ci", "--colors=off", "--error-on-warnings", "."]),
    check("lint floors", "node", ["scripts/floors.mjs"]),
    // No 20 lines stand twice outside tests. See .jscpd.json; its minLines are exclusive.
    check("lint clones", "jscpd", ["--no-colors", "--fail-on-empty"]),
    tests("rust native", "cargo", ["test", "--quiet", "--workspace", "--all-features"]),
    tests("rust node", "cargo", ["test", "--target", WASM, "--test", "wasm", "--features", "build"], {
      env: RUNNER,
    }),
    tests("rust chromium", "cargo", ["test", "--target", WASM, "--test", "wasm", "--features", "build"], {
      env: () => ({
        ...RUNNER,
        WASM_BINDGEN_USE_BROWSER: "1",
        CHROMEDRIVER: chromedriver(),
        CHROME_BIN: chromium(),
      }),
    }),
    check("build", "node", ["scripts/build.mjs"]),
    check("build worker", "node", ["scripts/worker-build.mjs"], { needs: "build" }),
    check("types", "tsc", ["--noEmit", "-p", "."], { needs: "build" }),
    check("types scripts", "tsc", ["--noEmit", "-p", "tests"], { needs: "build" }),
    check("types worker", "tsc", ["--noEmit", "-p", "worker/test"], { needs: "build" }),
    check("types www", "tsc", ["--noEmit", "-p", "tests/www"], { needs: "build" }),
  ];
  const units = testFiles("tests/js").map((f) => `tests/js/${f}`);
  if (units.length > 0) list.push(nodeTests("js units", units, { needs: "build" }));
  const worker = testFiles("worker/test").map((f) => `worker/test/${f}`);
  if (worker.length > 0) list.push(nodeTests("worker units", worker, { needs: "build" }));
  const www = testFiles("tests/www").map((f) => `tests/www/${f}`);
  if (www.length > 0) list.push(nodeTests("www units", www, { needs: "build" }));
  for (const file of testFiles("tests/e2e")) {
    list.push(
      nodeTests(`e2e ${file.replace(/\.test\..*$/, "")}`, [`tests/e2e/${file}`], {
        needs: "build",
        flags: ["--expose-gc"],
      }),
    );
  }
  return list;
}

async function runStep(step) {
  let output = "";
  try {
    for (const [file, args, env] of step.commands) {
      const result = await run(file, args, {
        env: { FORCE_COLOR: "0", NO_COLOR: "1", ...(typeof env === "function" ? env() : env) },
        timeout: 1500,
      });
      output += result.output;
    }
  } catch (error) {
    output += error.output ?? "";
    const sum = step.counted ? count(output) : { passed: 0, failed: 0 };
    return { passed: sum.passed, failed: Math.max(1, sum.failed), output: `${output}\n${error.message}` };
  }
  if (!step.counted) return { passed: 1, failed: 0, output };
  const sum = count(output);
  if (sum.passed + sum.failed === 0) return { passed: 0, failed: 1, output: `${output}\nno test ran` };
  return { ...sum, output };
}

async function main(args) {
  const only = args.flatMap((a, i) => (args[i - 1] === "--only" ? [a] : []));
  const chosen = steps().filter(
    (s) => only.length === 0 || only.some((o) => s.name === o || s.name.startsWith(`${o} `)),
  );
  if (args.includes("--list"))
    return console.log(
      steps()
        .map((s) => s.name)
        .join("\n"),
    );
  if (chosen.length === 0) throw new Error(`No step is named ${only.join(" or ")}. See npm test -- --list`);

  const start = Date.now();
  const total = { passed: 0, failed: 0, skipped: 0 };
  const broken = new Set();
  for (const step of chosen) {
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
  await setup({ tests: true });
  if (Number(process.versions.node.split(".")[0]) < 22) {
    // The tools need Node 22, which `npm ci` has just brought.
    const { status } = spawnSync(join(ROOT, "node_modules", ".bin", "node"), process.argv.slice(1), {
      stdio: "inherit",
    });
    process.exitCode = status ?? 1;
  } else await main(process.argv.slice(2));
} catch (error) {
  console.error(error.message);
  console.log("0 passed, 1 failed");
  process.exitCode = 1;
}
