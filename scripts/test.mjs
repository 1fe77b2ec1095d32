// `npm test`: everything, against the real parts. A step is quiet when it passes and tells all when it fails.
//   npm test -- --only rust --only e2e     some steps; a name's first word names them all
//   npm test -- tests/js/tar.test.mjs      one file of tests; with `--name holes` those of them that are called so
//   npm test -- --list                     the steps' names
// It installs what the chosen steps need, and nothing else, and builds what they need if it is not up to date;
// `--as-built` takes dist/ as it is.
import { spawnSync } from "node:child_process";
import { availableParallelism } from "node:os";
import { join, relative, resolve } from "node:path";
import { isBuilt } from "./lib/build-stamp.mjs";
import { duration, ROOT, run } from "./lib/run.mjs";
import { setup } from "./setup.mjs";
import { inLanes } from "./test/lanes.mjs";
import { narrowed, steps } from "./test/steps.mjs";

/** Steps that run at once: with two on two processors a third of the time is nobody's, as browsers and servers are waited for. */
const LANES = Math.min(3, availableParallelism() + 1);

/** @typedef {import("./test/steps.mjs").Step} Step */

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

/** Several steps at a time, as far as test/steps.mjs lets them; each tells when it has ended. @param {Step[]} steps */
async function main(steps) {
  const start = Date.now();
  const total = { passed: 0, failed: 0, skipped: 0 };
  const skip = (step) => {
    total.skipped += 1;
    console.log(`skip  ${step.name} (${step.needs} failed)`);
  };
  const work = async (step) => {
    const from = Date.now();
    const result = await runStep(step);
    total.passed += result.passed;
    total.failed += result.failed;
    const counts = step.counted
      ? `, ${result.passed} passed${result.failed ? `, ${result.failed} failed` : ""}`
      : "";
    console.log(`${result.failed ? "FAIL" : "ok  "}  ${step.name} (${duration(Date.now() - from)}${counts})`);
    const facts = result.output.match(/^(?:ℹ )?(?:size|measured): .*$/gm) ?? [];
    if (result.failed) console.log(result.output.replace(/^/gm, "      "));
    else for (const line of facts) console.log(`      ${line.replace("ℹ ", "")}`);
    return result.failed === 0;
  };
  await inLanes(steps, LANES, { work, skip });
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
