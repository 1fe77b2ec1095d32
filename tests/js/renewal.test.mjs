// Memory of wasm never shrinks: an instance whose memory is far above its limit makes room for another.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { memoryHeld, open, setMemoryLimit } from "../../dist/js/entry/node.js";
import { serveLayout } from "../../scripts/lib/layout-registry.mjs";
import { writeImages } from "../lib/hostile-images.mjs";
import { tempFolder } from "../lib/processes.mjs";
import { tarOf } from "../lib/synthetic-image.mjs";

setFlagsFromString("--expose-gc");
const gc = runInNewContext("gc");
const MIB = 1 << 20;
/** Memories of the instances, in the order in which they are made. */
const memories = [];
const folder = tempFolder("renewal");
let registry;

before(async () => {
  const { Instance } = WebAssembly;
  WebAssembly.Instance = new Proxy(Instance, {
    construct: (to, args) => {
      const made = new to(.../** @type {[any]} */ (args));
      memories.push(made.exports.memory);
      return made;
    },
  });
  writeImages(folder.path, (writer) => {
    writer.addPlain("small", tarOf([["file", Buffer.from("contents")]]).tar);
  });
  registry = await serveLayout({ dir: folder.path, repository: "renewal" });
});

after(async () => {
  await registry.close();
  folder.remove();
});

test("a fragmented instance is retired, and what is open in it reads on", async () => {
  const small = () => open(`${registry.host}/renewal:small`, { plainHttp: true });
  let closes = 0;
  let idle;
  setMemoryLimit(4 * MIB, {
    onPressure: () => {
      closes += 1;
      idle?.close();
    },
  });
  const first = await small();
  idle = await small();
  await idle.readFile("file");
  assert.equal(memories.length, 1);
  memories[0].grow((32 * MIB) >> 16);

  const second = await small();
  assert.equal(memories.length, 2, "another instance");
  assert.ok(closes > 0, "what was idle in the first was given up");
  assert.deepEqual([idle.isOpen, first.isOpen, second.isOpen], [false, true, true]);
  assert.deepEqual([first.isRetired, second.isRetired], [true, false]);
  for (const image of [first, second]) {
    assert.equal(Buffer.from(await image.readFile("file")).toString(), "contents");
  }

  // While the old one is in use, there is no third.
  memories[1].grow((32 * MIB) >> 16);
  const third = await small();
  assert.equal(memories.length, 2);
  await first.close();
  // Whoever still holds what was closed does not hold its memory.
  const fourth = await small();
  assert.equal(memories.length, 3);
  assert.equal(second.isRetired, true);
  assert.equal(first.isOpen || idle.isOpen, false);
  await assert.rejects(first.readFile("file"), /was closed/);
  const gone = new WeakRef(memories[0]);
  memories.splice(0, 1, undefined);
  await new Promise((resolve) => setTimeout(resolve, 10));
  gc();
  assert.equal(gone.deref(), undefined);
  for (const image of [second, third, fourth]) await image.close();
  assert.equal(memoryHeld(), 0);
});
