// What a server in a network of its own adds to the worker.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, describe, test } from "node:test";
import { tempFolder } from "../../tests/lib/processes.mjs";
import { FolderTier } from "../src/serve/cache.ts";
import { publicFetch } from "../src/serve/fetch.ts";

describe("fetch in a network of one's own", () => {
  let server;
  let host;
  before(async () => {
    server = createServer((_request, answer) => answer.end("inside"));
    await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
    host = `127.0.0.1:${server.address().port}`;
  });
  after(() => server.close());

  /** A fetch for which names lead where the table says. */
  const asking = (names) => {
    const asked = [];
    const resolve = async (name) => {
      asked.push(name);
      if (!names[name]) throw new Error("ENOTFOUND");
      return names[name];
    };
    return { asked, fetch: publicFetch({ insecureRegistries: [host, "registry.test:80"] }, resolve) };
  };
  const refused = { name: "HttpError", code: "HOST_NOT_ALLOWED", status: 502 };

  for (const address of [
    "127.0.0.1",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.0.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "::1",
    "fd00::1",
    "fe80::1",
    "::ffff:127.0.0.1",
    "64:ff9b::7f00:1",
  ]) {
    test(`a public name that leads to ${address} is not asked`, async () => {
      const { fetch } = asking({ "evil.example": ["93.184.215.14", address] });
      await assert.rejects(fetch("https://evil.example/x", {}), refused);
    });
  }

  test("the registries that are listed as insecure are, without looking them up", async () => {
    const { fetch, asked } = asking({});
    assert.equal(await (await fetch(`http://${host}/v2/`, {})).text(), "inside");
    assert.deepEqual(asked, []);
  });

  test("another port of their host is another server", async () => {
    const { fetch } = asking({ "127.0.0.1": ["127.0.0.1"], "registry.test": ["10.0.0.1"] });
    await assert.rejects(fetch("http://127.0.0.1:1/", {}), refused);
    await assert.rejects(fetch("https://registry.test/", {}), refused);
  });

  test("a name is looked up once in a while, and one that is not found is not asked", async () => {
    const { fetch, asked } = asking({ "evil.example": ["10.0.0.1"] });
    for (let i = 0; i < 3; i++) await assert.rejects(fetch("https://evil.example/", {}), refused);
    assert.deepEqual(asked, ["evil.example"]);
    // Where the look-up fails, and the connection's own would not.
    for (const url of [`http://localhost:${host.split(":")[1]}/`, "https://nowhere.invalid/"]) {
      await assert.rejects(fetch(url, {}), { name: "TypeError", message: /cannot be looked up$/ });
    }
    await assert.rejects(asking({ "empty.example": [] }).fetch("https://empty.example/", {}), refused);
  });
});

describe("a folder as a tier", () => {
  const digest = `sha256:${"0f".repeat(32)}`;
  const bytes = (text) => new TextEncoder().encode(text);

  test("keeps content under all of its keys, apart, and nothing that may change", async () => {
    const folder = tempFolder("folder-tier");
    try {
      const tier = new FolderTier(folder.path);
      for (const key of [digest, `pack-v1:${digest}`, `holds-v1:${digest}`]) {
        assert.equal(await tier.get(key), undefined);
        await tier.put(key, bytes(key));
      }
      const fresh = new FolderTier(folder.path);
      for (const key of [digest, `pack-v1:${digest}`, `holds-v1:${digest}`]) {
        assert.deepEqual(Buffer.from(await fresh.get(key)).toString(), key);
        assert.deepEqual(Buffer.from(await fresh.getRange(key, 2, 6)).toString(), key.slice(2, 6));
      }
      await tier.put("tag-v1:ghcr.io/o/app:1", bytes("x"));
      assert.equal(await tier.get("tag-v1:ghcr.io/o/app:1"), undefined);
    } finally {
      folder.remove();
    }
  });
});
