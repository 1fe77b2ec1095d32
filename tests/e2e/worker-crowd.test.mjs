// Many on one server: callers that read nothing keep nobody from an image, and one that leaves in the middle nobody from its file.
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { request } from "node:http";
import { test } from "node:test";
import { serveSlowly } from "../../scripts/lib/slow-registry.mjs";
import { measureCrowd } from "../lib/crowd.mjs";
import { tempFolder } from "../lib/processes.mjs";
import { RUNTIMES, startServe } from "../lib/serve.mjs";
import { writeSyntheticLayout } from "../lib/synthetic-image.mjs";
import { startBundle } from "../lib/worker.mjs";

const SERVERS = {
  workerd: (env) => startBundle(env),
  "serve in Node": (env) => startServe(RUNTIMES.node, [], env),
};

test("cold images while 64 callers read nothing", async () => {
  for (const { server, idle, beside, slowest } of await measureCrowd(SERVERS, { images: 12 })) {
    for (const { status, isRight } of [...idle, ...beside]) assert.ok(isRight, `${server}: ${status}`);
    const times = `${slowest.idle.toFixed(0)} ms alone, ${slowest.beside.toFixed(0)} ms beside 64`;
    console.log(`measured: ${server}, slowest of ${idle.length} cold images: ${times}`);
  }
});

/** Asks, and gives what ends it in the middle. */
function asking(url) {
  const asked = request(url);
  asked.on("error", () => {});
  asked.end();
  return () => asked.destroy();
}

for (const [name, start] of Object.entries(SERVERS)) {
  test(`two want one cold image, and the first leaves in the middle: ${name}`, async () => {
    const folder = tempFolder("leaving");
    const content = randomBytes(3 << 20);
    await writeSyntheticLayout(folder.path, [["srv/file", content]]);
    const registry = await serveSlowly({ dir: folder.path, repository: "slow", ms: 150 });
    // It leaves while the image is opened, and while the file is read.
    for (const ms of [100, 700]) {
      const server = await start({ OCIPEEK_INSECURE_REGISTRIES: registry.host });
      try {
        const url = `${server.url}/${registry.host}/slow:latest/-/srv/file`;
        const leave = asking(url);
        await new Promise((resolve) => setTimeout(resolve, 50));
        const second = fetch(url);
        await new Promise((resolve) => setTimeout(resolve, ms - 50));
        leave();
        const response = await second;
        assert.equal(response.status, 200, `after ${ms} ms`);
        const body = Buffer.from(await response.arrayBuffer());
        const hash = (bytes) => createHash("sha256").update(bytes).digest("hex");
        assert.equal(hash(body), hash(content), `after ${ms} ms`);
      } finally {
        await server.stop();
      }
    }
    await registry.close();
    folder.remove();
  });
}
