// Streams of files where the platform has neither byte streams nor the iteration of streams, as WebKit.
import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { openStream } from "../../dist/js/image/stream.js";
import { Scope } from "../../dist/js/scope.js";

const native = globalThis.ReadableStream;
const iteration = Object.getOwnPropertyDescriptor(native.prototype, Symbol.asyncIterator);

beforeEach(() => {
  Reflect.deleteProperty(native.prototype, Symbol.asyncIterator);
  globalThis.ReadableStream = new Proxy(native, {
    construct(target, [source, strategy]) {
      if (source.type === "bytes") throw new TypeError("ReadableByteStreamController is not implemented");
      return new target(source, strategy);
    },
  });
});
afterEach(() => {
  globalThis.ReadableStream = native;
  Object.defineProperty(native.prototype, Symbol.asyncIterator, iteration);
});

/** A cursor that gives these pieces, and tells what was asked of it. @returns {any} */
function cursorOf(...pieces) {
  const said = [];
  const cursor = {
    next: async () => {
      said.push("next");
      return pieces.shift();
    },
    stat: () => ({}),
    free: () => void said.push("free"),
  };
  return { cursor, said };
}

const piece = (...bytes) => Uint8Array.from(bytes);

test("a stream gives all bytes, and ends", async () => {
  const { cursor, said } = cursorOf(piece(1, 2), piece(3));
  const bytes = [];
  for await (const chunk of openStream(new Scope(), undefined, async () => cursor)) bytes.push(...chunk);
  assert.deepEqual(bytes, [1, 2, 3]);
  assert.deepEqual(said, ["next", "next", "next", "free"]);
});

test("nothing is read before it is asked for, and leaving the iteration stops it", async () => {
  const { cursor, said } = cursorOf(piece(1), piece(2));
  const stream = openStream(new Scope(), undefined, async () => cursor);
  await new Promise((resolve) => setTimeout(resolve, 10));
  assert.deepEqual(said, []);
  for await (const _ of stream) break;
  assert.deepEqual(said, ["next", "free"]);
});

test("a failure reaches who reads", async () => {
  const failing = async () => {
    throw new Error("planted");
  };
  const stream = openStream(new Scope(), undefined, failing);
  await assert.rejects(stream.getReader().read(), /planted/);
});
