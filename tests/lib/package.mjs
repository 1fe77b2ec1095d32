// Where the built package's entries are, read from its own exports map.
import { readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { ROOT } from "../../scripts/lib/run.mjs";
import { filesBelow } from "./workerd.mjs";

const manifest = () => JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));

/** What `exports["."]` gives under these conditions. */
function resolve(...conditions) {
  const pick = (node) => {
    if (typeof node === "string") return node;
    for (const [key, value] of Object.entries(node)) {
      const found = (key === "default" || conditions.includes(key)) && pick(value);
      if (found) return found;
    }
    return undefined;
  };
  return pick(manifest().exports["."]);
}

const dist = (entry) => {
  const [top] = relative(".", entry).split("/");
  const folder = join(ROOT, top);
  return { folder, entry: relative(folder, join(ROOT, entry)) };
};

/** The folder to serve, and the browser's entry in it. */
export const browserPackage = () => dist(resolve("browser", "import"));

/** The files of the package, by the names that workerd's entry imports them by. */
export function workerdPackage() {
  const { folder, entry } = dist(resolve("workerd", "worker", "import"));
  return { files: filesBelow(folder), entry };
}

/** The command's file, from `bin`. */
export const cliFile = () => join(ROOT, Object.values(manifest().bin)[0]);

/** A built .wasm: `ocipeek` reads, `ocipeek_build` makes indexes. */
export const wasmFile = (name = "ocipeek") => join(ROOT, "dist", "wasm", `${name}_bg.wasm`);
