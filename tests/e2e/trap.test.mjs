// A trap in the middle of something: whoever waits is told, and the next call is served by a new instance. Planted by
// taking all memory that wasm can have, so that the next allocation traps.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { serveLayout } from "../../scripts/lib/layout-registry.mjs";
import { openBrowser, serveStatic } from "../lib/chromium.mjs";
import { DEMO, REPOSITORY } from "../lib/docker-registry.mjs";
import { browserPackage, workerdPackage } from "../lib/package.mjs";
import { startWorkerd } from "../lib/workerd.mjs";

/**
 * What is done, in each runtime. Gives what was seen as a value of JSON.
 * @param {string} reference of the demo image
 * @param {() => Promise<any>} load imports the package
 */
async function scenario(reference, load) {
  // Memories of the instances, in the order in which they are made.
  const memories = [];
  const seen = (instance) => {
    // Platforms have modules of their own.
    if (instance.exports.parseReference) memories.push(instance.exports.memory);
    return instance;
  };
  const { Instance, instantiate, instantiateStreaming } = WebAssembly;
  WebAssembly.Instance = new Proxy(Instance, {
    construct: (to, args) => seen(new to(.../** @type {[any]} */ (args))),
  });
  const watched =
    (before) =>
    async (...args) => {
      const made = await before.apply(WebAssembly, args);
      seen(made.instance ?? made);
      return made;
    };
  WebAssembly.instantiate = watched(instantiate);
  if (instantiateStreaming) WebAssembly.instantiateStreaming = watched(instantiateStreaming);
  const { open, parseReference, memoryHeld } = await load();
  const exhaust = () => {
    const memory = memories.at(-1);
    for (let pages = 1 << 14; pages > 0; ) {
      try {
        memory.grow(pages);
      } catch {
        pages >>= 1;
      }
    }
  };
  /** How a call ends; one that does not is told, too. */
  const ends = async (call) => {
    let timer;
    const late = new Promise((resolve) => {
      timer = setTimeout(resolve, 10_000, "never settled");
    });
    const done = Promise.resolve(call).then(
      () => "done",
      ({ name, code, message }) => ({ name, code, message }),
    );
    return Promise.race([done, late]).finally(() => clearTimeout(timer));
  };
  const options = { platform: "linux/amd64", plainHttp: true };
  const first = await open(reference, options);
  await first.stat("/etc/hostname");
  // Two that wait for the registry when it happens, and a stream in the middle.
  let release;
  const hanging = new Promise((resolve) => {
    release = resolve;
  });
  const aborted = [];
  const hangs = (_url, { signal }) => {
    signal.addEventListener("abort", () => aborted.push(true));
    return hanging;
  };
  // Each with a `fetch` of its own: else their opening would be one.
  const waiting = [1, 2].map(() => open(reference, { ...options, fetch: (...args) => hangs(...args) }));
  const ended = waiting.map(ends);
  const reader = first.createReadStream("/opt/app/bin/bundle.bin").getReader();
  await reader.read();
  exhaust();
  const out = { instances: memories.length };
  // In a microtask, with nothing of ours on the stack: what the cache gives is copied into memory that is not there.
  const cache = { get: async () => new Uint8Array(128 << 20), put: () => {} };
  out.read = await ends(open(reference, { ...options, cache }));
  out.waiting = await Promise.all(ended);
  out.stream = await ends(
    (async () => {
      while (!(await reader.read()).done);
    })(),
  );
  out.aborted = aborted.length;
  out.isOpen = first.isOpen;
  out.later = await ends(first.stat("/etc"));
  out.view = await ends((async () => first.layer(0))());
  out.layers = first.layers.length;
  await first.close();
  // Answers for the dead come late.
  release(new Response("late"));
  await new Promise((resolve) => setTimeout(resolve, 20));
  // The next call is served, several at a time.
  const [again, other, name] = await Promise.all([
    open(reference, options),
    open(reference, options),
    parseReference("alpine"),
  ]);
  out.name = name.repository;
  out.text = await again.readFile("/etc/hostname", "utf8");
  out.size = (await other.readFile("/opt/app/bin/bundle.bin")).length;
  out.after = memories.length;
  // And once more, by a call that traps before it gives a promise.
  exhaust();
  out.sync = await ends(parseReference("a".repeat(64 << 20)));
  out.still = await (await open(reference, options)).readFile("/etc/hostname", "utf8");
  out.lost = again.isOpen;
  await again.close();
  await other.close();
  out.held = memoryHeld() > 0;
  return out;
}

let registry;
let expected;
before(async () => {
  registry = await serveLayout({ dir: DEMO, repository: REPOSITORY });
  expected = `${registry.host}/${REPOSITORY}:latest-soci`;
});
after(() => registry?.close());

function check(out) {
  const isLoss = (seen) => {
    assert.equal(seen.code, "INTERNAL", JSON.stringify(seen));
    assert.equal(seen.name, "OcipeekError");
    assert.match(seen.message, /open it again/);
  };
  for (const seen of [out.read, ...out.waiting, out.stream, out.later, out.view, out.sync]) isLoss(seen);
  assert.equal(out.instances, 1);
  assert.equal(out.aborted, 2, "their requests go on");
  assert.equal(out.isOpen, false);
  assert.ok(out.layers > 1, "what is known of an image stays");
  assert.equal(out.name, "library/alpine");
  assert.equal(out.after, 2, "one new instance for all");
  assert.equal(out.text, "from layer 4\n");
  assert.equal(out.still, out.text);
  assert.ok(out.size > 1 << 20);
  assert.equal(out.lost, false);
  assert.equal(out.held, true);
}

describe("a trap", () => {
  test("in Node", async () => {
    const uncaught = [];
    const note = (error) => uncaught.push(error);
    process.on("uncaughtException", note).on("unhandledRejection", note);
    const timers = () => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
    const before = timers();
    check(await scenario(expected, () => import("ocipeek")));
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.equal(timers(), before, "timers of the lost instance keep the process alive");
    process.off("uncaughtException", note).off("unhandledRejection", note);
    assert.deepEqual(uncaught, []);
  });

  test("in Chromium", async () => {
    const { folder, entry } = browserPackage();
    const importMap = JSON.stringify({ imports: { ocipeek: `/pkg/${entry}` } });
    const html = `<!doctype html><script type="importmap">${importMap}</script><title>test</title>`;
    const site = await serveStatic({ "/": Buffer.from(html), "/pkg/": folder });
    const browser = await openBrowser();
    try {
      await browser.page.goto(site.url);
      const call = `(${scenario})(${JSON.stringify(expected)}, () => import("ocipeek"))`;
      check(await browser.page.evaluate(call));
      assert.deepEqual(
        browser.messages.filter((text) => !/Failed to load resource/.test(text)),
        [],
      );
    } finally {
      await browser.close();
      await site.close();
    }
  });

  test("in workerd", async () => {
    const { files, entry } = workerdPackage();
    const worker = `
      ${scenario}
      export default {
        async fetch(request) {
          if (request.method !== "POST") return new Response("ready");
          try {
            return Response.json(await scenario(await request.text(), () => import("./pkg/${entry}")));
          } catch (error) {
            return new Response(error.stack, { status: 500 });
          }
        },
      };`;
    const workerd = await startWorkerd([
      ["worker.mjs", worker],
      ...files.map(([name, content]) => /** @type {[string, Buffer]} */ ([`pkg/${name}`, content])),
    ]);
    try {
      const answer = await fetch(workerd.url, { method: "POST", body: expected });
      const text = await answer.text();
      assert.equal(answer.status, 200, `${text}\n${workerd.output()}`);
      check(JSON.parse(text));
    } finally {
      await workerd.stop();
    }
  });
});
