// Which programs of the system a test needs: those that it, or a file that it imports, takes from lib/tools.mjs.
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { ROOT } from "./run.mjs";
import * as tools from "./tools.mjs";

const IMPORT = /\b(?:import|export)\b(?:([^"';()]*?)\bfrom\b)?[\s(]*["'](\.[^"']+)["']/g;
const PROGRAMS = new Map(Object.entries(/** @type {Record<string, any>} */ (tools)));
const TOOLS = join("scripts", "lib", "tools.mjs");

/**
 * @param {string[]} files
 * @returns {(typeof tools.chromium)[]}
 */
export function programsOf(files) {
  const found = new Set();
  const seen = new Set(files.map((file) => resolve(ROOT, file)));
  for (const file of seen) {
    if (!existsSync(file)) continue;
    for (const [, names = "", to] of readFileSync(file, "utf8").matchAll(IMPORT)) {
      const path = resolve(dirname(file), to);
      if (relative(ROOT, path) !== TOOLS) seen.add(path);
      else for (const name of names.match(/\w+/g) ?? []) found.add(PROGRAMS.get(name));
    }
  }
  return [...found].filter((it) => it?.debian);
}
