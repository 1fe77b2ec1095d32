// The public API of the crate and of the package, as built, against what tests/snapshots says.
//   node scripts/api.mjs crate|package [--update]     --update: that is the API from now on
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { crateApi } from "./lib/crate-api.mjs";
import { packageApi } from "./lib/package-api.mjs";
import { ROOT, run } from "./lib/run.mjs";

const [name = ""] = process.argv.slice(2).filter((arg) => !arg.startsWith("--"));

async function now() {
  if (name === "package") return packageApi(ROOT);
  const doc = ["doc", "--quiet", "--no-deps", "--all-features"];
  await run("cargo", doc, { env: { RUSTDOCFLAGS: "-D warnings" } });
  const { stdout } = await run("cargo", ["metadata", "--format-version=1", "--no-deps"]);
  return crateApi(join(JSON.parse(stdout).target_directory, "doc", "ocipeek"));
}

const file = join(ROOT, "tests", "snapshots", `${name}-api.txt`);
const text = await now();
if (process.argv.includes("--update")) {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
} else if (!existsSync(file) || readFileSync(file, "utf8") !== text) {
  const { output } = await run("diff", ["-u", file, "-"], { input: text, allowFail: true });
  console.error(
    `${output}\nThe public API of the ${name} changed. On purpose? node scripts/api.mjs ${name} --update`,
  );
  process.exitCode = 1;
}
