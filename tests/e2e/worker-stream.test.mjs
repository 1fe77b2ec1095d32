// A 200 MB file through the built worker in workerd: whole, in bounded memory, with back-pressure, and stopped when
// its caller leaves.
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { serveLayout } from "../../scripts/lib/layout-registry.mjs";
import { resetPeak } from "../lib/process-memory.mjs";
import { tempFolder } from "../lib/processes.mjs";
import { writeSyntheticLayout } from "../lib/synthetic-image.mjs";
import { startBundle } from "../lib/worker.mjs";

const MIB = 1 << 20;
const SIZE = 200_000_000;
const SPAN = 4 * MIB;

/** One part in four is random, so that the layer is neither tiny nor stored. */
function content() {
  const out = Buffer.alloc(SIZE, "a line of a long text that deflate makes short\n");
  for (let at = 0; at + 1024 <= SIZE; at += 4096) randomBytes(1024).copy(out, at);
  return out;
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

describe("a 200 MB file", () => {
  let folder;
  let registry;
  let worker;
  let big;
  let expected;
  let seen = [];
  let url;

  before(async () => {
    folder = tempFolder("big");
    big = content();
    expected = createHash("sha256").update(big).digest("hex");
    /** @type {[string, Buffer][]} */
    const files = [
      ["etc/small", Buffer.from("small\n")],
      ["big.bin", big],
    ];
    await writeSyntheticLayout(folder.path, files, { spanSize: SPAN });
    const onRequest = (request) => seen.push(request);
    registry = await serveLayout({ dir: folder.path, repository: "big", onRequest });
    worker = await startBundle({ OCIPEEK_INSECURE_REGISTRIES: registry.host });
    url = `${worker.url}/${registry.host}/big:latest/-`;
  });
  after(async () => {
    await worker?.stop();
    await registry?.close();
    folder?.remove();
  });

  const ranges = () => seen.filter((r) => r.range).length;

  test("streams whole, in bounded memory", async () => {
    const small = await fetch(`${url}/etc/small`);
    assert.equal(await small.text(), "small\n");
    const before = worker.memory();
    resetPeak(before.pid);
    const answer = await fetch(`${url}/big.bin`);
    assert.equal(answer.status, 200, worker.output());
    assert.equal(answer.headers.get("content-length"), String(SIZE));
    const hash = createHash("sha256");
    let length = 0;
    for await (const chunk of answer.body) {
      hash.update(chunk);
      length += chunk.length;
    }
    assert.equal(length, SIZE);
    assert.equal(hash.digest("hex"), expected);
    const { peak } = worker.memory();
    const mib = (n) => (n / MIB).toFixed(0);
    console.log(
      `measured: 200 MB through workerd: ${mib(before.now)} MiB before, ${mib(peak)} MiB at the peak`,
    );
    // An isolate may have 128 MB; the process counts sockets and what the allocator keeps too.
    assert.ok(peak - before.now < 128 * MIB, `${mib(peak - before.now)} MiB more`);
  });

  test("is read no faster than it is taken, and no further when the caller leaves", async () => {
    seen = [];
    const leave = new AbortController();
    const answer = await fetch(`${url}/big.bin`, { signal: leave.signal });
    const reader = answer.body.getReader();
    const { value } = await reader.read();
    assert.ok(big.subarray(0, value.length).equals(value));
    await sleep(1500);
    const waiting = ranges();
    await sleep(1000);
    assert.equal(ranges(), waiting, "ranges asked for while nobody reads");
    assert.ok(waiting <= 16, `${waiting} ranges ahead of a reader that waits`);
    leave.abort();
    await sleep(500);
    const left = ranges();
    await sleep(1000);
    assert.equal(ranges(), left);
    const again = await fetch(`${url}/etc/small`);
    assert.equal(await again.text(), "small\n");
  });

  test("gives any part of it", async () => {
    for (const [start, end] of [
      [0, 0],
      [SPAN - 1, SPAN],
      [SPAN, 2 * SPAN],
      [SIZE - 10, SIZE - 1],
      [150_000_000, 150_000_999],
    ]) {
      const answer = await fetch(`${url}/big.bin`, { headers: { range: `bytes=${start}-${end}` } });
      assert.equal(answer.status, 206);
      assert.equal(answer.headers.get("content-range"), `bytes ${start}-${end}/${SIZE}`);
      assert.ok(big.subarray(start, end + 1).equals(Buffer.from(await answer.arrayBuffer())));
    }
  });
});
