// The step `lint floors`: imports go down and never in circles; see lib/floors.mjs.
import { breaches, RUST, TYPESCRIPT } from "./lib/floors.mjs";
import { rustImports } from "./lib/floors-rust.mjs";
import { typescriptImports } from "./lib/floors-typescript.mjs";
import { ROOT } from "./lib/run.mjs";

const houses = [
  { name: "Rust", imports: rustImports(ROOT), house: RUST },
  { name: "TypeScript", imports: typescriptImports(ROOT), house: TYPESCRIPT },
];
for (const { name, imports, house } of houses) {
  const found = breaches(imports, house);
  for (const breach of found) console.error(breach);
  console.log(`${name}: ${imports.size} files, ${found.length} imports that run up, across or in a circle`);
  if (found.length > 0) process.exitCode = 1;
}
