// Takes the hashes off the names by which a .wasm and its glue call each other: sixteen random digits in each are what no
// compression makes smaller. wasm-bindgen puts them there so that several crates can be linked; the module is linked.
import { leb, Reader, sections } from "./wasm-sections.mjs";

const [IMPORTS, EXPORTS] = [2, 7];
const FUNCTION = 0;
const HASH = /_h?[0-9a-f]{16}$/;

/** A .wasm and its glue, with short names. */
export function shortNames(bytes, glue) {
  const names = new Map();
  const taken = new Set();
  const short = (name) => {
    const known = names.get(name);
    if (known !== undefined || !HASH.test(name)) return known ?? name;
    const base = name.replace(HASH, "");
    let free = base;
    for (let i = 2; taken.has(free) || glue.includes(`${free}(`) || glue.includes(`${free}:`); i++)
      free = `${base}_${i}`;
    taken.add(free);
    names.set(name, free);
    return free;
  };
  const parts = [bytes.subarray(0, 8)];
  for (const { id, body } of sections(bytes)) {
    const renamed = id === IMPORTS || id === EXPORTS ? renameIn(body, id, short) : body;
    parts.push(Buffer.from([id]), leb(renamed.length), renamed);
  }
  if (names.size < 10)
    throw new Error("few names of the .wasm have a hash; does wasm-bindgen call them otherwise now?");
  const ours = glue.replace(/\w+/g, (word) => names.get(word) ?? word);
  return { bytes: Buffer.concat(parts), glue: ours };
}

/** The section of imports or exports, with other names. */
function renameIn(body, id, short) {
  const reader = new Reader(body);
  const count = reader.number();
  const parts = [leb(count)];
  const text = () => reader.take(reader.number()).toString();
  const put = (name) => parts.push(leb(Buffer.byteLength(name)), Buffer.from(name));
  for (let i = 0; i < count; i++) {
    if (id === IMPORTS) put(text());
    put(short(text()));
    const kind = reader.take(1)[0];
    if (id === IMPORTS && kind !== FUNCTION) throw new Error("the .wasm imports more than functions");
    parts.push(Buffer.from([kind]), leb(reader.number()));
  }
  return Buffer.concat(parts);
}
