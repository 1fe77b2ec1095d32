// Many who open one image: what is known of it is shared, and each is told by the registry that it may read it.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { MemoryCache, memoryHeld, OcipeekError, open } from "ocipeek";
import { readLayout, registryHandler } from "../../scripts/lib/layout-registry.mjs";
import { ROOT } from "../../scripts/lib/run.mjs";
import { closeServer, listen } from "../../scripts/lib/servers.mjs";

const DEMO = join(ROOT, "tests", "fixtures", "demo");
const PATH = "/etc/services";
const platform = "linux/amd64";
const basic = (name) => `Basic ${Buffer.from(`${name}:secret`).toString("base64")}`;

let server;
let reference;
let layout;
/** Who may read; everybody where it is undefined. */
let user;
/** What was asked for. */
let asked = [];
/** Milliseconds before an answer. */
let wait = 0;

before(async () => {
  layout = readLayout(DEMO);
  const onRequest = (it) => {
    asked.push([it.status, it.url, it.range].join(" "));
  };
  const handler = registryHandler({ layout, repository: "demo", onRequest });
  server = createServer((request, response) => {
    if (user !== undefined && request.headers.authorization !== basic(user)) {
      asked.push(`401 ${request.url}`);
      response.writeHead(401, { "WWW-Authenticate": 'Basic realm="test"' }).end();
      return;
    }
    setTimeout(() => handler(request, response), wait);
  });
  reference = `127.0.0.1:${await listen(server, 0)}/demo:latest-soci`;
});
after(() => closeServer(server));
beforeEach(() => {
  [user, asked, wait] = [undefined, [], 0];
});

const sum = (images, field) => images.reduce((all, image) => all + image.stats[field], 0);
const closeAll = (images) => Promise.all(images.map((image) => image.close()));
/** What one reader asks for. */
const alone = async (options = {}) => {
  const image = await open(reference, { platform, ...options });
  const text = await image.readFile(PATH, "utf8");
  await image.close();
  const { requests, bytes } = image.stats;
  const cost = { text, requests, bytes, asked };
  asked = [];
  return cost;
};

test("fifty at once fetch what one does, and nothing twice", async () => {
  // The first of all asks whether the registry speaks TLS.
  await alone();
  const held = memoryHeld();
  const one = await alone();
  const images = [];
  const read = async () => {
    const image = await open(reference, { platform });
    images.push(image);
    return image.readFile(PATH, "utf8");
  };
  const texts = await Promise.all(Array.from({ length: 50 }, read));
  assert.deepEqual([...new Set(texts)], [one.text]);
  assert.deepEqual(asked.toSorted(), one.asked.toSorted());
  assert.equal(sum(images, "requests"), one.requests);
  assert.equal(sum(images, "bytes"), one.bytes);
  asked = [];
  await closeAll(images);
  assert.equal(memoryHeld(), held, "what was shared is gone");
  assert.deepEqual((await alone()).asked, one.asked);
});

test("who opens what is open asks for its manifest only", async () => {
  const first = await open(reference, { platform });
  const text = await first.readFile(PATH, "utf8");
  const second = await open(reference, { platform });
  // It goes on without the first.
  await first.close();
  assert.equal(await second.readFile(PATH, "utf8"), text);
  assert.equal(second.stats.requests, 1);
  // By other options it is another.
  const third = await open(reference, { platform, verify: false });
  assert.ok(third.stats.requests > 1);
  await closeAll([second, third]);
});

test("one that is stopped or closed disturbs nobody", async () => {
  wait = 20;
  const { text } = await alone();
  const stop = new AbortController();
  const reads = Array.from({ length: 12 }, async (_, i) => {
    const image = await open(reference, { platform, ...(i < 3 ? { signal: stop.signal } : {}) });
    try {
      if (i < 6) setTimeout(() => image.close(), 10);
      return await image.readFile(PATH, "utf8");
    } finally {
      await image.close();
    }
  });
  setTimeout(() => stop.abort(), 30);
  const ends = await Promise.allSettled(reads);
  assert.deepEqual(
    ends.map(({ status, ...end }) => ("value" in end ? end.value === text : (end.reason?.code ?? status))),
    [...Array(6).fill("ABORTED"), ...Array(6).fill(true)],
  );
});

test("a tag that was moved is another image", async () => {
  const first = await open(reference, { platform });
  const old = layout.tags.get("latest-soci");
  try {
    layout.tags.set("latest-soci", layout.tags.get("latest"));
    const second = await open(reference, { platform });
    assert.notEqual(second.indexDigest ?? second.digest, old);
    await second.close();
  } finally {
    layout.tags.set("latest-soci", old);
  }
  assert.equal(first.indexDigest ?? first.digest, old);
  await first.close();
});

test("nobody reads by what another signed in with", async () => {
  user = "alice";
  const of = (username) => ({ username, password: "secret" });
  const first = await open(reference, { platform, auth: of("alice") });
  const text = await first.readFile(PATH, "utf8");
  const isRefused = (error) => error instanceof OcipeekError && error.code === "UNAUTHORIZED";
  await assert.rejects(open(reference, { platform }), isRefused);
  await assert.rejects(open(reference, { platform, auth: of("bob") }), isRefused);
  // The same function, for another caller: also while the first one's opening is under way.
  const callers = ["alice", "bob", "alice", "bob"];
  const auth = () => of(callers.shift() ?? "bob");
  const ends = await Promise.allSettled(
    Array.from({ length: 4 }, async () => {
      const image = await open(reference, { platform, auth });
      return image.readFile(PATH, "utf8").finally(() => image.close());
    }),
  );
  assert.deepEqual(
    ends.map((end) => ("value" in end ? end.value === text : end.reason.code)).toSorted(),
    ["UNAUTHORIZED", "UNAUTHORIZED", true, true].toSorted(),
  );
  await first.close();
});

test("a read does not wait for the cache to keep what it fetched; closing does", async () => {
  const memory = new MemoryCache();
  let [kept, release] = [0, () => {}];
  const gate = new Promise((resolve) => {
    release = () => resolve(undefined);
  });
  const cache = {
    get: (key) => memory.get(key),
    getRange: (key, start, end) => memory.getRange(key, start, end),
    put: async (key, value) => {
      await gate;
      memory.put(key, value);
      kept += 1;
    },
  };
  const image = await open(reference, { platform, cache });
  const text = await image.readFile(PATH, "utf8");
  assert.equal(kept, 0);
  // What waits to be kept is found meanwhile.
  const second = await open(reference, { platform, cache, verify: false });
  assert.equal(await second.readFile(PATH, "utf8"), text);
  assert.ok(second.stats.cacheHits > 0);
  let isClosed = false;
  const closing = closeAll([image, second]).then(() => {
    isClosed = true;
  });
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(isClosed, false);
  release();
  await closing;
  assert.ok(kept > 2, `${kept} kept`);
  asked = [];
  const third = await alone({ cache: memory });
  assert.deepEqual([third.text, third.requests], [text, 1]);
});

test("an image for another platform than was asked for is refused, whether or not an index lists it", async () => {
  const single = reference.replace(/:[^:]*$/, ":latest");
  const isRefused = (error) =>
    error.code === "NOT_FOUND" &&
    error.message.includes("linux/arm64") &&
    error.message.includes("available: linux/amd64");
  await assert.rejects(open(single, { platform: "linux/arm64" }), isRefused);
  const image = await open(single, { platform });
  assert.equal(image.platform, "linux/amd64");
  const { requests } = image.stats;
  await image.config();
  assert.equal(image.stats.requests, requests, "its config is fetched once");
  await image.close();
  // Where none is asked for, nothing is fetched to find out.
  const any = await open(single, { defaultPlatform: "linux/arm64" });
  assert.equal(any.stats.requests, requests - 1);
  await any.close();
});
