// Where Node keeps checkpoints while a zTOC is built, and how it reads layers.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileBytes, spillFile } from "ocipeek/node";
import { tempFolder } from "../lib/processes.mjs";

const MIB = 1 << 20;

test("a store gives back what it was given, from memory and from its file", async () => {
  const folder = tempFolder("spill");
  try {
    const data = randomBytes(9 * MIB + 77);
    const store = spillFile(folder.path);
    let at = 0;
    for (let size = 1; at < data.length; size = Math.min(size * 3 + 7, 3 * MIB)) {
      // The store may not keep these bytes: they are used again.
      const piece = new Uint8Array(data.subarray(at, at + size));
      await store.append(piece);
      piece.fill(0);
      at += size;
    }
    // The file, where it has a name at all.
    assert.ok(readdirSync(folder.path).length <= 1);
    const ranges = [
      [0, data.length],
      [0, 1],
      [4 * MIB - 5, 4 * MIB + 5],
      [2 * MIB, 8 * MIB],
      [data.length - 1, data.length],
      [data.length, data.length],
    ];
    // All at once.
    const parts = await Promise.all(ranges.map(([start, end]) => store.read(start, end)));
    for (const [i, [start, end]] of ranges.entries())
      assert.ok(data.subarray(start, end).equals(parts[i]), `${start}-${end}`);
    const into = new Uint8Array(3 * MIB);
    for (const start of [0, 3 * MIB, 5 * MIB + 3]) {
      await store.readInto(start, into);
      assert.ok(data.subarray(start, start + into.length).equals(into), `${start}`);
    }
    await assert.rejects(async () => store.read(data.length - 1, data.length + 1), /ends at/);
    await store.close();
    assert.deepEqual(readdirSync(folder.path), []);
  } finally {
    folder.remove();
  }
});

test("a store that stays small has no file", async () => {
  const store = spillFile("/no/such/folder");
  await store.append(new Uint8Array([1, 2, 3]));
  assert.deepEqual(await store.read(1, 3), new Uint8Array([2, 3]));
  await store.close();
});

test("a file's bytes come in order, and the file is closed when they are left", async () => {
  const folder = tempFolder("bytes");
  try {
    const data = randomBytes(MIB + 12_345);
    const file = join(folder.path, "file");
    writeFileSync(file, data);
    const parts = [];
    for await (const piece of fileBytes(file)) parts.push(Buffer.from(piece));
    assert.ok(Buffer.concat(parts).equals(data));
    for await (const piece of fileBytes(file)) {
      assert.ok(data.subarray(0, piece.length).equals(piece));
      break;
    }
    writeFileSync(file, "");
    for await (const piece of fileBytes(file)) assert.fail(`${piece.length}`);
    await assert.rejects(fileBytes(join(folder.path, "none")).next(), { code: "ENOENT" });
  } finally {
    folder.remove();
  }
});
