// Images that nobody closes, signals that serve many reads, and functions of the caller that throw.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { open } from "../../dist/js/entry/node.js";
import { serveLayout } from "../../scripts/lib/layout-registry.mjs";
import { writeImages } from "../lib/hostile-images.mjs";
import { tempFolder } from "../lib/processes.mjs";
import { tarOf } from "../lib/synthetic-image.mjs";

const MIB = 1 << 20;
const ENTRY = new URL("../../dist/js/entry/node.js", import.meta.url).href;
const folder = tempFolder("lifetime");
let registry;
let base;

before(async () => {
  writeImages(folder.path, (writer) => {
    // It is kept unpacked: 8 MiB for each image that read a file of it.
    const files = [
      ["etc/name", Buffer.from("a name\n")],
      ["big", randomBytes(8 * MIB)],
    ];
    writer.addPlain("eight", gzipSync(tarOf(files).tar, { level: 1 }));
  });
  registry = await serveLayout({ dir: folder.path, repository: "lifetime" });
  base = `${registry.host}/lifetime`;
});

after(async () => {
  await registry.close();
  folder.remove();
});

/** Runs a program, by the flags that Node has by default, and gives what it prints. */
async function run(text, ...args) {
  const { stdout, stderr } = await promisify(execFile)(
    process.execPath,
    ["--input-type=module", "--eval", text, ...args],
    { maxBuffer: 1 << 24 },
  );
  assert.equal(stderr, "");
  return JSON.parse(stdout);
}

test("80 images of 8 MiB that nobody closes do not fill memory", async () => {
  const program = `
    import { memoryHeld, open } from ${JSON.stringify(ENTRY)};
    let [held, resident] = [0, 0];
    for (let i = 0; i < 80; i++) {
      const image = await open(process.argv[1]);
      if ((await image.readFile("/etc/name", "utf8")) !== "a name\\n") throw new Error("other bytes");
      held = Math.max(held, memoryHeld());
      resident = Math.max(resident, process.memoryUsage.rss());
    }
    console.log(JSON.stringify({ held, resident }));
  `;
  const { held, resident } = await run(program, `${base}:eight`);
  // All of them would hold 640 MiB.
  assert.ok(held < 256 * MIB, `${held / MIB} MiB reserved`);
  assert.ok(resident < 400 * MIB, `${resident / MIB} MiB resident`);
});

test("an image that nobody holds is there until what it was asked for is done", async () => {
  const program = `
    import { open } from ${JSON.stringify(ENTRY)};
    const collecting = setInterval(gc, 1);
    const texts = [];
    for (let i = 0; i < 2; i++) {
      const stream = (await open(process.argv[1])).createReadStream("/big");
      let length = 0;
      for await (const chunk of stream) length += chunk.length;
      const names = [];
      for await (const { path } of (await open(process.argv[1])).walk("/")) names.push(path);
      const view = (await open(process.argv[1], { index: "build", indexAbove: 0 })).layer(0);
      await new Promise((resolve) => setTimeout(resolve, 20));
      texts.push([length, names.join(), await view.readFile("/etc/name", "utf8")].join());
    }
    clearInterval(collecting);
    console.log(JSON.stringify(texts));
  `;
  const text = `import { setFlagsFromString } from "node:v8"; import { runInNewContext } from "node:vm";
    setFlagsFromString("--expose-gc"); const gc = runInNewContext("gc"); ${program}`;
  const lines = await run(text, `${base}:eight`);
  assert.deepEqual([...new Set(lines)], [`${8 * MIB},/big,/etc,/etc/name,a name\n`]);
});

test("one signal serves any number of reads, without a warning", async () => {
  const program = `
    import { open } from ${JSON.stringify(ENTRY)};
    const { signal } = new AbortController();
    const image = await open(process.argv[1], { signal });
    const one = () => image.readFile("/etc/name", { encoding: "utf8", signal });
    const texts = await Promise.all(Array.from({ length: 40 }, one));
    await image.close();
    console.log(JSON.stringify([...new Set(texts)]));
  `;
  assert.deepEqual(await run(program, `${base}:eight`), ["a name\n"]);
});

test("what onProgress throws rejects the call, and later ones go on", async () => {
  const mine = new Error("mine");
  let isThrowing = true;
  const onProgress = () => {
    if (isThrowing) throw mine;
  };
  await assert.rejects(open(`${base}:eight`, { onProgress }), mine);
  isThrowing = false;
  const image = await open(`${base}:eight`, { onProgress });
  isThrowing = true;
  await assert.rejects(image.readFile("/etc/name"), mine);
  isThrowing = false;
  assert.equal(await image.readFile("/etc/name", "utf8"), "a name\n");
  await image.close();
});
