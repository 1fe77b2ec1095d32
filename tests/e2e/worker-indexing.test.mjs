// The worker over an image without an index: it builds one within its limits, keeps it, and says which command to run else.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { startPlainRegistry } from "../lib/plain-registry.mjs";
import { tempFolder } from "../lib/processes.mjs";
import { startWorker } from "../lib/worker.mjs";

const LAST = "the last file of latest\n";

describe("the worker, an image without an index", () => {
  let registry;
  let folder;
  let worker;
  /** A worker whose library has these limits; a cold isolate over the same cache. */
  const restart = async (limits, vars = {}) => {
    await worker?.stop();
    worker = await startWorker({
      folder: folder.path,
      vars: {
        OCIPEEK_INSECURE_REGISTRIES: registry.host,
        OCIPEEK_LIBRARY_LIMITS: { maxWholeLayerSize: 1 << 20, ...limits },
        ...vars,
      },
    });
  };
  const get = async (path, tag = "latest") => {
    const answer = await fetch(`${worker.url}/${registry.host}/plain:${tag}/-${path}`);
    return { status: answer.status, body: Buffer.from(await answer.arrayBuffer()) };
  };
  before(async () => {
    registry = await startPlainRegistry();
    folder = tempFolder("worker-indexing");
  });
  after(async () => {
    await worker?.stop();
    await registry?.stop();
    folder?.remove();
  });

  test("over its limits, the answer names the limit and the command", async () => {
    await restart({ maxBuildLayerSize: 2 << 20 });
    const { status, body } = await get("/etc/last");
    assert.equal(status, 413);
    assert.match(String(body), /maxBuildLayerSize/);
    assert.match(String(body), /npx ocipeek soci convert/);
    assert.deepEqual(registry.asked(), []);
  });

  test("the first request builds it, the next are lazy; so is a cold isolate", async () => {
    await restart({});
    const first = await get("/etc/last");
    assert.deepEqual([first.status, String(first.body)], [200, LAST]);
    const asked = registry.asked();
    assert.equal(asked[0], "GET layer");
    assert.equal(asked.filter((line) => line === "GET layer").length, 1, asked.join("\n"));
    const path = "/data/file-002";
    assert.deepEqual((await get(path)).body, registry.content(path));
    assert.ok(registry.asked().every((line) => /^GET layer \d+-\d+$/.test(line)));
    // Writes to the cache may lag behind the answer.
    await new Promise((resolve) => setTimeout(resolve, 1500));
    await restart({}, { OCIPEEK_INDEX: "kept" });
    const other = "/data/file-040";
    assert.deepEqual((await get(other)).body, registry.content(other));
    const cold = registry.asked();
    assert.ok(cold.length > 0 && cold.every((line) => /^GET layer \d+-\d+$/.test(line)), cold.join("\n"));
  });

  test("small layers are fetched whole", async () => {
    const { status, body } = await get("/etc/last", "other");
    assert.deepEqual([status, String(body)], [200, "the last file of other\n"]);
    registry.asked();
  });

  test("without building, a large one is refused as before", async () => {
    await worker.stop();
    worker = undefined;
    folder.remove();
    folder = tempFolder("worker-indexing");
    await restart({}, { OCIPEEK_INDEX: "kept" });
    const { status, body } = await get("/etc/last");
    assert.equal(status, 413);
    assert.match(String(body), /maxWholeLayerSize/);
  });
});
