// Declarations that TypeScript before 5.7 reads too: there `Uint8Array` takes no parameter.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export const GENERIC = "Uint8Array<ArrayBuffer>";
/** The same type for every version: what the method gives has a buffer of its own. */
export const PLAIN = 'ReturnType<Uint8Array["slice"]>';

/** Rewrites all declarations below a folder. */
export function forOlderTypes(folder) {
  for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
    const file = join(folder, name);
    if (!name.endsWith(".d.ts")) continue;
    const text = readFileSync(file, "utf8");
    if (text.includes(GENERIC)) writeFileSync(file, text.replaceAll(GENERIC, PLAIN));
  }
}
