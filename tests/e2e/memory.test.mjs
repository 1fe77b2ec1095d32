// One budget of memory for all images, against `ocipeek serve` and workerd with an isolate's 128 MB: an image of 21 layers
// of 47 MiB of zeros, which is 1 MB, asked for again and again, and good requests meanwhile.
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import { serveLayout } from "../../scripts/lib/layout-registry.mjs";
import { memoryOf, resetPeak } from "../lib/process-memory.mjs";
import { tempFolder } from "../lib/processes.mjs";
import { RUNTIMES, startServe } from "../lib/serve.mjs";
import { layoutWriter, tarOf } from "../lib/synthetic-image.mjs";
import { startBundle } from "../lib/worker.mjs";

const MIB = 1 << 20;
const LAYERS = 21;
const LAYER = 47 * MIB;
const BUDGET = 64 * MIB;

const good = randomBytes(300_000);
const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");
const ZEROS = Buffer.alloc(1 << 20);
/** Without a call for each byte, of which there are two thousand million. */
const isZero = (bytes) => {
  for (let at = 0; at < bytes.length; at += ZEROS.length) {
    const part = bytes.subarray(at, at + ZEROS.length);
    if (ZEROS.compare(part, 0, part.length, 0, part.length) !== 0) return false;
  }
  return true;
};
const gzipOf = (files) => gzipSync(tarOf(files).tar, { level: 1 });

let folder;
let registry;
before(async () => {
  folder = tempFolder("memory");
  const writer = layoutWriter(folder.path);
  writer.addPlain("good", gzipOf([["etc/good", good]]));
  // Each a layer of its own.
  const zeros = Array.from({ length: LAYERS }, (_, i) => gzipOf([[`f${i}`, Buffer.alloc(LAYER)]]));
  assert.ok(zeros.reduce((sum, layer) => sum + layer.length, 0) < 6 * MIB);
  writer.addPlain("zeros", zeros);
  // One that is over the budget alone.
  writer.addPlain("wide", [gzipOf([["f", Buffer.alloc(2 * BUDGET)]])]);
  writer.finish();
  registry = await serveLayout({ dir: folder.path, repository: "memory" });
});
after(async () => {
  await registry?.close();
  folder?.remove();
});

/**
 * @param {string} url
 * @param {number} pid
 * @param {{ wide: string, most: number }} expected `most`: MiB that the process may grow by.
 */
async function attack(url, pid, { wide, most }) {
  const get = (tag, path) =>
    fetch(`${url}/${registry.host}/memory:${tag}/-/${path}`, { headers: { accept: "application/json" } });
  const isGood = async () => {
    const answer = await get("good", "etc/good");
    assert.equal(answer.status, 200, answer.status === 200 ? "" : await answer.text());
    assert.equal(sha256(Buffer.from(await answer.arrayBuffer())), sha256(good));
  };
  /** Right bytes, or a named limit. */
  const isAnswered = async (tag, path, length) => {
    const answer = await get(tag, path);
    if (answer.status === 200) {
      let zeros = 0;
      for await (const chunk of answer.body) {
        assert.ok(isZero(chunk));
        zeros += chunk.length;
      }
      assert.equal(zeros, length);
      return "bytes";
    }
    const { error } = /** @type {any} */ (await answer.json());
    assert.equal(error.code, "LIMIT_EXCEEDED", error.message);
    return /\b(max\w+) = /.exec(error.message)?.[1];
  };
  await isGood();
  const start = memoryOf(pid).now;
  resetPeak(pid);
  const levels = [];
  for (let i = 0; i < 20; i++) {
    // The lowest layer is looked into last: now and then all of them, else three.
    const path = `f${i % 10 === 0 ? 0 : LAYERS - 3}`;
    const [how] = await Promise.all([isAnswered("zeros", path, LAYER), isGood()]);
    assert.ok(how === "bytes" || how === "maxInflatedBytes" || how === "maxMemory", how);
    levels.push(memoryOf(pid).now);
  }
  assert.equal(await isAnswered("wide", "f", 2 * BUDGET), wide);
  await isGood();
  const { now, peak } = memoryOf(pid);
  const mib = (bytes) => Math.round(bytes / MIB);
  console.log(
    `measured: MiB more than at the start, peak ${mib(peak - start)}, ` +
      `after 5 requests ${mib(levels[4] - start)}, after 20 ${mib(levels[19] - start)}, at the end ${mib(now - start)}`,
  );
  assert.ok(peak - start < most * MIB, `${mib(peak - start)} MiB more at the peak`);
  // Garbage that the collector has not seen to makes a level 30 MiB higher or lower: the middle ones of five are compared.
  const middle = (from) => levels.slice(from, from + 5).sort((a, b) => a - b)[2];
  assert.ok(middle(15) - middle(3) < 32 * MIB, `${levels.map(mib).join(" ")}: it grows`);
}

describe("layers of zeros", () => {
  test("in workerd with 128 MB", async () => {
    const worker = await startBundle({
      OCIPEEK_INSECURE_REGISTRIES: registry.host,
      // As it comes, but that a request may look into all of the layers.
      OCIPEEK_LIMITS: { maxInflatedBytes: 2048 * MIB, maxSecondsToHead: 200 },
    });
    try {
      await attack(worker.url, worker.pid, { wide: "maxWholeLayerInflated", most: 128 });
    } finally {
      await worker.stop();
    }
  });

  test("in ocipeek serve", async () => {
    const serve = await startServe(
      RUNTIMES.node,
      [
        "--insecure-registry",
        registry.host,
        "--max-memory",
        String(BUDGET),
        "--limit",
        `maxWholeLayerInflated=${4 * BUDGET}`,
      ],
      { OCIPEEK_LIMITS: JSON.stringify({ maxInflatedBytes: 2048 * MIB, maxSecondsToHead: 200 }) },
    );
    try {
      await attack(serve.url, serve.pid, { wide: "maxMemory", most: 256 });
      assert.doesNotMatch(serve.log(), /INTERNAL/);
    } finally {
      assert.equal(await serve.stop(), 0);
    }
  });
});
