// Every file of the demo image from a real docker-registry, in workerd.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { startDemoRegistry } from "../lib/docker-registry.mjs";
import { layers, merged } from "../lib/expected.mjs";
import { workerdPackage } from "../lib/package.mjs";
import { forReaders, variants } from "../lib/variants.mjs";
import { startWorkerd } from "../lib/workerd.mjs";

const worker = (entry) => `
import { open } from "./pkg/${entry}";
import { checkImage } from "./check-image.mjs";
import { checkReaders, sha256, stopping } from "./check-readers.mjs";
import merged from "./merged.json";
import layers from "./layers.json";
// Of all requests.
let image;
let isStopped = false;
const ways = {
  "/image": (what) => checkImage(open, { ...what, merged, layers }),
  "/readers": (what) => checkReaders(open, { ...what, isIsolated: true }),
  "/open": async ({ reference, options }) => {
    image = await open(reference, options);
    return {};
  },
  "/stop": async ({ files: [[path]] }) => {
    const stop = stopping();
    const reader = image.reader({ fetch: stop.fetch });
    void stop.reached.then(() => {
      isStopped = true;
    });
    await reader.readFile(path);
    return {};
  },
  "/read": async ({ files: [[path]] }) => {
    const reader = image.reader();
    const digest = await sha256(await reader.readFile(path));
    return { digest, requests: reader.stats.requests, log: reader.stats.log.map((r) => r.purpose) };
  },
};
export default {
  async fetch(request) {
    if (request.method !== "POST") return new Response(isStopped ? "stopped" : "ready");
    try {
      return Response.json(await ways[new URL(request.url).pathname](await request.json()));
    } catch (error) {
      return new Response(error.stack, { status: 500 });
    }
  },
};
`;

describe("the whole demo image in workerd", () => {
  let registry;
  let workerd;
  before(async () => {
    registry = await startDemoRegistry();
    const { files, entry } = workerdPackage();
    workerd = await startWorkerd([
      ["worker.mjs", worker(entry)],
      ...["check-image.mjs", "check-readers.mjs"].map(
        (name) =>
          /** @type {[string, Buffer]} */ ([
            name,
            readFileSync(new URL(`../shared/${name}`, import.meta.url)),
          ]),
      ),
      ["merged.json", JSON.stringify(merged())],
      ["layers.json", JSON.stringify(layers())],
      ...files.map(([name, content]) => [`pkg/${name}`, content]),
    ]);
  });
  after(async () => {
    await workerd?.stop();
    await registry?.stop();
  });

  const ask = async (path, what, signal) => {
    const body = JSON.stringify(what);
    const answer = await fetch(`${workerd.url}${path}`, { method: "POST", body, signal });
    const text = await answer.text();
    assert.equal(answer.status, 200, `${text}\n${workerd.output()}`);
    return JSON.parse(text);
  };

  for (const [i, { name }] of variants("").entries()) {
    test(name, async () => {
      const { reference, options } = variants(registry.host)[i];
      const report = await ask("/image", { reference, options });
      assert.deepEqual(report.problems, []);
      assert.ok(report.files > 4000, `${report.files} files`);
    });
  }

  test("several readers in one request", async () => {
    const report = await ask("/readers", forReaders(registry.host, merged()));
    assert.deepEqual(report, { problems: [] }, workerd.output());
  });

  test("readers of several requests on one image", async () => {
    const what = forReaders(registry.host, merged());
    const [[, digest]] = what.files;
    await ask("/open", what);
    const client = new AbortController();
    // One hangs in the middle of a span.
    const stopped = ask("/stop", what, client.signal).catch((error) => error.name);
    while ((await (await fetch(workerd.url)).text()) !== "stopped") await setTimeout(10);
    // Another one waits for nothing that it began: the zTOC's values are shared, the span is fetched anew.
    const [second, third] = await Promise.all([ask("/read", what), ask("/read", what)]);
    assert.deepEqual([second.digest, third.digest], [digest, digest]);
    assert.deepEqual(second.log, ["range"]);
    assert.ok(third.requests <= 1, JSON.stringify(third));
    client.abort();
    assert.equal(await stopped, "AbortError");
    // What is verified and in memory is everybody's.
    const { requests, ...last } = await ask("/read", what);
    assert.deepEqual([last.digest, requests], [digest, 0]);
  });
});
