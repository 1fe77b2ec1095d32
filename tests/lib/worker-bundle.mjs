// The worker as `npm run worker:build` makes it, once for each state of what it is made of.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../../scripts/lib/run.mjs";
import { buildWorker } from "../../scripts/worker-build.mjs";
import { filesBelow } from "./workerd.mjs";

const PLACE = join(ROOT, "target", "worker-bundle");
/** What it is made of. */
const FOLDERS = ["dist", "js", "web", "worker/src"];
const FILES = [
  "package-lock.json",
  "scripts/worker-build.mjs",
  "worker/tsconfig.json",
  "worker/wrangler.jsonc",
];

function digest() {
  const hash = createHash("sha256");
  const add = (name, bytes) => hash.update(`${name}\0${bytes.length}\0`).update(bytes);
  for (const file of FILES) add(file, readFileSync(join(ROOT, file)));
  for (const folder of FOLDERS)
    for (const [name, bytes] of filesBelow(join(ROOT, folder)).sort(([a], [b]) => (a < b ? -1 : 1)))
      add(`${folder}/${name}`, bytes);
  return hash.digest("hex");
}

/**
 * The worker's modules, its script first. Steps that run side by side may ask at the same time: what is there is whole.
 * @returns {Promise<[name: string, content: Buffer][]>}
 */
export async function workerBundle() {
  const folder = join(PLACE, digest());
  if (!existsSync(folder)) {
    const others = existsSync(PLACE) ? readdirSync(PLACE) : [];
    mkdirSync(PLACE, { recursive: true });
    const made = mkdtempSync(join(PLACE, "new-"));
    await buildWorker(made);
    try {
      renameSync(made, folder);
    } catch (error) {
      rmSync(made, { recursive: true });
      if (!existsSync(folder)) throw error;
    }
    // Those of earlier states, which nobody asks for any more; what others are making now is theirs.
    for (const name of others)
      if (!name.startsWith("new-")) rmSync(join(PLACE, name), { recursive: true, force: true });
  }
  const names = readdirSync(folder).filter((name) => /\.(js|wasm)$/.test(name));
  const modules = ["index.js", ...names.filter((name) => name !== "index.js")];
  return modules.map((name) => [name, readFileSync(join(folder, name))]);
}
