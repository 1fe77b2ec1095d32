// Leaves out of a .wasm what its panics would say. Nobody hears it: without a hook a panic of wasm is a trap, which
// `recoverable` reports; the sentences, and the places in the source, are a fortieth of what is downloaded.
import binaryen from "binaryen";
import { Reader, sections } from "./wasm-sections.mjs";

/** The section of data. */
const DATA = 11;

/** Functions that end in a panic, by their names. */
const PANICS = new RegExp(
  [
    /^core(\[\w+\])?::(panicking::|str::slice_error_fail|slice::(index::slice_index_fail|copy_from_slice_impl::len_mismatch))/,
    /^core(\[\w+\])?::(option::(expect|unwrap)_failed|result::unwrap_failed|cell::panic_)/,
    /::assert_failed|::capacity_overflow|panic_on_ord_violation|thread::local::panic_access_error/,
  ]
    .map((part) => part.source)
    .join("|"),
);

/** The .wasm `bytes`, which has names, with panics that are traps at once. */
export function silencePanics(bytes) {
  const module = binaryen.readBinary(bytes);
  const panics = [];
  for (let i = 0; i < module.getNumFunctions(); i++) {
    const { name, params, results } = binaryen.getFunctionInfo(module.getFunctionByIndex(i));
    if (PANICS.test(name)) panics.push({ name, params, results });
  }
  for (const { name, params, results } of panics) {
    module.removeFunction(name);
    module.addFunction(name, params, results, [], module.unreachable());
  }
  if (panics.length < 10) throw new Error("the .wasm has few panics; are these called otherwise now?");
  binaryen.setDebugInfo(true);
  const silent = Buffer.from(module.emitBinary());
  module.dispose();
  return withoutLocations(silent);
}

/** Zeros in place of each \`core::panic::Location\`, which only panics read: address and length of a path, line, column. */
function withoutLocations(bytes) {
  const segments = [...dataSegments(bytes)];
  const paths = new Map();
  for (const { address, data } of segments) {
    for (const { 0: path, index } of data
      .toString("latin1")
      .matchAll(/(?:cargo\/registry|\/rustc?|src|inflate)\/[\w\-./]*?\.rs/g)) {
      paths.set(address + index, data.subarray(index, index + path.length));
    }
  }
  for (const { data } of segments) {
    for (let at = 0; at + 16 <= data.length; at += 4) {
      const [path, line, column] = [
        paths.get(data.readUInt32LE(at)),
        data.readUInt32LE(at + 8),
        data.readUInt32LE(at + 12),
      ];
      const isLocation =
        path && Math.abs(path.length - data.readUInt32LE(at + 4)) < 2 && line < 1e5 && column < 1e3;
      if (isLocation) data.fill(0, at, at + 16);
    }
  }
  for (const path of paths.values()) path.fill(0);
  return bytes;
}

/** The data segments of a .wasm: where each lies in memory, and its bytes. */
function* dataSegments(bytes) {
  for (const { id, body } of sections(bytes)) {
    if (id !== DATA) continue;
    const reader = new Reader(body);
    for (let left = reader.number(); left > 0; left--) {
      // Of memory 0, at `i32.const ADDRESS; end`.
      reader.take(2);
      const address = reader.number();
      reader.take(1);
      yield { address, data: reader.take(reader.number()) };
    }
  }
}
