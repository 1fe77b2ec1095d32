// The text of a wasm module, for places without files: base64 of gzip, in two halves, as bundlers warn of chunks over 500 kB.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

/** Writes both halves beside the module `name` in `folder`. */
export function writeInline(folder, name) {
  const text = gzipSync(readFileSync(join(folder, `${name}_bg.wasm`)), { level: 9 }).toString("base64");
  const middle = text.length >> 1;
  for (const [i, half] of [text.slice(0, middle), text.slice(middle)].entries())
    writeFileSync(join(folder, `${name}_inline_${i + 1}.js`), `export default "${half}";\n`);
}
