// A 40 MB file: its first bytes come before its last span, and memory stays bounded.
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { open } from "ocipeek";
import { serveLayout } from "../../scripts/lib/layout-registry.mjs";
import { run } from "../../scripts/lib/run.mjs";
import { tempFolder } from "../lib/processes.mjs";
import { writeSyntheticLayout } from "../lib/synthetic-image.mjs";

const MIB = 1 << 20;
const SIZE = 40 * MIB;

/** Half random, half text, so that spans are neither tiny nor stored. */
function content() {
  const out = Buffer.alloc(SIZE);
  for (let at = 0; at < SIZE; at += 2048) {
    randomBytes(1024).copy(out, at);
    out.fill(`line ${at} of a long text\n`, at + 1024, at + 2048);
  }
  return out;
}

describe("a 40 MB file", () => {
  let folder;
  let registry;
  let big;
  let made;
  /** Ranges asked for, and what an answer waits for. */
  let ranges = [];
  /** @type {(range: string) => unknown} */
  let gate = () => undefined;

  before(async () => {
    folder = tempFolder("stream");
    big = content();
    made = await writeSyntheticLayout(folder.path, [
      ["etc/small", Buffer.from("small\n")],
      ["big.bin", big],
    ]);
    registry = await serveLayout({ dir: folder.path, repository: "big" });
  });
  after(async () => {
    await registry?.close();
    folder?.remove();
  });

  const openBig = (options) =>
    open(`${registry.host}/big:latest`, { platform: "linux/amd64", fetch: gated, ...options });
  const gated = async (input, init) => {
    const request = new Request(input, init);
    const range = request.headers.get("range");
    if (range) {
      ranges.push(range);
      await gate(range);
    }
    return fetch(request);
  };

  test("is read right, whole and in parts", async () => {
    const image = await openBig();
    assert.equal(made.spans, 41);
    const whole = await image.readFile("/big.bin");
    assert.equal(
      createHash("sha256").update(whole).digest("hex"),
      createHash("sha256").update(big).digest("hex"),
    );
    for (const [start, end] of [
      [0, 1],
      [MIB - 600, MIB + 600],
      [SIZE - 1, SIZE],
      [17 * MIB, 20 * MIB + 3],
    ]) {
      const part = await image.readFile("/big.bin", { start, end });
      assert.ok(big.subarray(start, end).equals(part), `${start}-${end}`);
    }
  });

  test("gives its first byte while the last span is still held back", async () => {
    ranges = [];
    let release;
    const held = new Promise((resolve) => (release = resolve));
    const last = made.layerSize - MIB;
    gate = async (range) => {
      const [, , end] = /bytes=(\d+)-(\d+)/.exec(range);
      if (Number(end) >= last) await held;
    };
    const image = await openBig();
    const reader = image.createReadStream("/big.bin").getReader();
    const first = await reader.read();
    assert.ok(first.value.length > 0);
    assert.ok(big.subarray(0, first.value.length).equals(first.value));
    release();
    gate = () => undefined;
    let length = first.value.length;
    for (let part = await reader.read(); !part.done; part = await reader.read()) length += part.value.length;
    assert.equal(length, SIZE);
  });

  test("stops asking when the reader stops", async () => {
    ranges = [];
    const image = await openBig();
    const reader = image.createReadStream("/big.bin").getReader();
    await reader.read();
    await new Promise((resolve) => setTimeout(resolve, 300));
    const before = image.stats.bytes;
    assert.ok(before < made.layerSize * 0.9, `${before} bytes fetched ahead of a reader that waits`);
    await reader.cancel();
    await new Promise((resolve) => setTimeout(resolve, 100));
    const after = image.stats.requests;
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.equal(image.stats.requests, after);
  });

  test("streams in bounded memory", async () => {
    // A process of its own, so that nothing before has grown it.
    const reader = new URL("../lib/stream-memory.mjs", import.meta.url).pathname;
    const { stdout } = await run(process.execPath, ["--expose-gc", reader, `${registry.host}/big:latest`]);
    const { length, sha256, grown, wasm } = JSON.parse(stdout);
    assert.equal(length, SIZE);
    assert.equal(sha256, createHash("sha256").update(big).digest("hex"));
    const mib = (n) => (n / MIB).toFixed(1);
    console.log(`measured: a stream of 40 MiB grew the process by ${mib(grown)} MiB at its peak`);
    assert.ok(grown < 32 * MIB, `${mib(grown)} MiB`);
    assert.ok(wasm < 24 * MIB, `${mib(wasm)} MiB of external memory`);
  });
});
