// The step `lint floors`: imports go down and never in circles; see lib/floors.mjs.
import { breaches, TYPESCRIPT } from "./lib/floors.mjs";
import { typescriptImports } from "./lib/floors-typescript.mjs";
import { ROOT } from "./lib/run.mjs";

const imports = typescriptImports(ROOT);
const found = breaches(imports, TYPESCRIPT);
for (const breach of found) console.error(breach);
console.log(`${imports.size} files, ${found.length} imports that run up, across or in a circle`);
process.exitCode = found.length > 0 ? 1 : 0;
