// Who vouches for the index that an image is read by, and what a registry's answers about attached ones cannot do.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { MemoryCache, open } from "ocipeek";
import { readLayout, registryHandler } from "../../scripts/lib/layout-registry.mjs";
import { ROOT } from "../../scripts/lib/run.mjs";
import { closeServer, listen } from "../../scripts/lib/servers.mjs";
import { ocipeek } from "../lib/cli.mjs";
import { DEMO, REPOSITORY } from "../lib/docker-registry.mjs";
import { tempFolder } from "../lib/processes.mjs";
import { FALLBACK_TAG, IMAGE, layout, v1Indexes } from "../lib/variants.mjs";

const platform = "linux/amd64";
const REF_NAME = "org.opencontainers.image.ref.name";
const LAYER = "com.amazon.soci.image-layer-digest";
const sha256 = (bytes) => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

/** All files of a tree, by path: their digests, or the codes with which they cannot be read; and all vouchers. */
async function contents(image) {
  const files = new Map();
  const vouchers = new Set();
  for await (const entry of image.walk("/")) {
    vouchers.add(entry.verified.index);
    if (entry.type !== "file") continue;
    const read = image.readFile(entry.pathBytes).then(sha256, ({ code }) => code);
    files.set(entry.path, await read);
  }
  return { files, vouchers: [...vouchers] };
}

/** A copy of the demo's layout that can be written to. */
function copyOf(folder) {
  cpSync(DEMO, folder, { recursive: true });
  const blob = (digest) => join(folder, "blobs", "sha256", digest.slice(7));
  const put = (bytes) => {
    const digest = sha256(bytes);
    writeFileSync(blob(digest), bytes);
    return { digest, size: bytes.length };
  };
  const json = (digest) => JSON.parse(readFileSync(blob(digest), "utf8"));
  /** Changes what a tag names. */
  const tag = (name, digest, size) => {
    const file = join(folder, "index.json");
    const index = JSON.parse(readFileSync(file, "utf8"));
    const entry = index.manifests.find((it) => it.annotations?.[REF_NAME] === name);
    Object.assign(entry, { digest, size });
    writeFileSync(file, JSON.stringify(index));
  };
  return { blob, put, json, tag };
}

/** Attaches an index of which the zTOC of the image's layer `number` is what `forge` makes of it. */
function attach(copy, number, forge) {
  const layer = copy.json(IMAGE).layers[number].digest;
  const index = copy.json(v1Indexes[0]);
  const listed = index.layers.find((it) => it.annotations[LAYER] === layer);
  const bytes = readFileSync(copy.blob(listed.digest));
  forge(bytes);
  Object.assign(listed, copy.put(bytes));
  const forged = copy.put(Buffer.from(JSON.stringify(index)));
  const list = copy.json(layout.tags.get(FALLBACK_TAG));
  list.manifests = [{ ...list.manifests[0], ...forged }];
  const { digest, size } = copy.put(Buffer.from(JSON.stringify(list)));
  copy.tag(FALLBACK_TAG, digest, size);
  return forged.digest;
}

/** Changes every byte of the windows but the first in a zTOC with spans of 128 KiB. */
function changeWindows(ztoc) {
  const spans = layout.manifests.get(v1Indexes[0]) && 65;
  const head = Buffer.alloc(12);
  head.writeInt32LE(spans, 0);
  head.writeBigInt64LE(131072n, 4);
  const start = ztoc.indexOf(head) + 12;
  assert.ok(start > 12);
  for (let span = 1; span < spans; span += 1) {
    const window = start + span * (17 + 32768) + 17;
    for (let i = 0; i < 32768; i += 1) ztoc[window + i] ^= 0x20;
  }
}

describe("an index that is merely attached", () => {
  const folder = tempFolder();
  const copy = copyOf(join(folder.path, "demo"));
  const reference = (tag) => `oci:${join(folder.path, "demo")}:${tag}`;
  after(() => folder.remove());

  test("is used by agreement, and all of the tree says so", async () => {
    const plain = await open(reference("latest"), { platform });
    assert.deepEqual([plain.soci, plain.discovery], [undefined, undefined]);
    const { vouchers } = await contents(plain);
    assert.deepEqual(vouchers, [undefined]);
    assert.ok(!("index" in (await plain.stat("/etc")).verified));
    const { found, failed } = await plain.findAttachedIndexes();
    assert.deepEqual([found.map(({ digest }) => digest), failed], [v1Indexes, undefined]);
    assert.equal(plain.soci, undefined);
    await plain.close();

    const agreed = await open(reference("latest"), { platform, attachedIndex: true });
    assert.equal(agreed.soci.verified, "attached");
    assert.equal(agreed.discovery.found.length, 2);
    assert.deepEqual((await contents(agreed)).vouchers, ["attached"]);
    assert.equal((await agreed.layer(2).stat("/etc")).verified.index, "attached");
    assert.deepEqual([...new Set(agreed.layers.map(({ ztoc }) => ztoc.verified))], ["attached"]);
    assert.deepEqual(agreed.layers[0].reader, { name: "soci", found: "referrers" });
    await agreed.close();

    const named = await open(reference("latest"), { platform, sociIndex: v1Indexes[1] });
    assert.deepEqual((await contents(named)).vouchers, ["named"]);
    await named.close();
  });

  test("with other windows changes files, which are reported as attached; nobody else is shown them", async () => {
    const cache = new MemoryCache({ maxBytes: 64 << 20 });
    const at = async (tag, options) => {
      const image = await open(reference(tag), { platform, cache, ...options });
      const result = await contents(image);
      await image.close();
      return result;
    };
    const truth = await at("latest", {});
    const digest = attach(copy, 0, changeWindows);
    const forged = await at("latest", { attachedIndex: true });
    assert.deepEqual(forged.vouchers, ["attached"]);
    const changed = [...truth.files].filter(([path, sum]) => forged.files.get(path) !== sum);
    const believed = changed.filter(([path]) => forged.files.get(path).startsWith("sha256:"));
    console.log(`measured: ${changed.length} files differ, ${believed.length} of them with another content`);
    assert.ok(believed.length > 10, `${believed.length}`);
    assert.deepEqual(await at("latest", {}), truth);
    assert.deepEqual(await at("latest-soci", { attachedIndex: true }), { ...truth, vouchers: ["image"] });
    const named = await at("latest", { sociIndex: digest });
    assert.deepEqual([named.files, named.vouchers], [forged.files, ["named"]]);
  });

  test("is no way in for an image whose own index is gone", async () => {
    const named = copy.json(layout.tags.get("latest-soci")).manifests.find((it) => it.artifactType).digest;
    rmSync(copy.blob(named));
    for (const attachedIndex of [false, true]) {
      await assert.rejects(open(reference("latest-soci"), { platform, attachedIndex }), {
        code: "NOT_FOUND",
        digest: named,
        message: /sociIndex: false/,
      });
    }
    const { code, stderr } = await ocipeek(["cat", reference("latest-soci"), "/etc/hostname"]);
    assert.notEqual(code, 0);
    assert.match(stderr, /give --no-soci/);
    const { stdout } = await ocipeek(["cat", reference("latest-soci"), "/etc/hostname", "--no-soci"]);
    assert.equal(stdout.toString(), "from layer 4\n");
  });
});

describe("a registry that answers something else when asked what is attached", () => {
  const good = registryHandler({ layout: readLayout(DEMO), repository: REPOSITORY });
  /** @type {(req: any, res: any) => unknown} */
  let answer = (_req, res) => res.writeHead(404).end();
  let asked = 0;
  const server = createServer((req, res) => {
    if (!/\/referrers\/|\/manifests\/sha256-/.test(req.url)) return good(req, res);
    asked += 1;
    return answer(req, res);
  });
  let image;
  before(async () => {
    image = `127.0.0.1:${await listen(server)}/${REPOSITORY}:latest`;
  });
  after(() => closeServer(server));
  const INDEX = { "Content-Type": "application/vnd.oci.image.index.v1+json" };
  const limits = { maxAttempts: 1 };

  /** @type {[string, string, (req: import("node:http").IncomingMessage, res: import("node:http").ServerResponse) => unknown][]} */
  const answers = [
    ["401", "UNAUTHORIZED", (_, res) => res.writeHead(401).end()],
    ["403", "FORBIDDEN", (_, res) => res.writeHead(403).end()],
    ["429", "RATE_LIMITED", (_, res) => res.writeHead(429, { "Retry-After": "120" }).end()],
    ["503", "NETWORK", (_, res) => res.writeHead(503).end()],
    ["an index without a list", "CORRUPT_MANIFEST", (_, res) => res.writeHead(200, INDEX).end("{}")],
    [
      "a next page elsewhere",
      "NETWORK",
      (_, res) => {
        const link = '<http://127.0.0.2/v2/x>; rel="next"';
        res.writeHead(200, { ...INDEX, Link: link }).end('{"schemaVersion":2,"manifests":[]}');
      },
    ],
  ];
  for (const [name, code, respond] of answers) {
    test(`${name}: the image is read, and told why nothing was found`, async () => {
      answer = respond;
      asked = 0;
      const plain = await open(image, { platform });
      assert.equal(await plain.readFile("/etc/hostname", "utf8"), "from layer 4\n");
      assert.equal(asked, 0, "nobody asks without agreement");
      await plain.close();
      const agreed = await open(image, { platform, attachedIndex: true, limits });
      assert.equal(agreed.discovery.failed.code, code);
      assert.equal(await agreed.readFile("/etc/hostname", "utf8"), "from layer 4\n");
      assert.equal((await agreed.stat("/etc/hostname")).verified.index, undefined);
      assert.equal((await agreed.findAttachedIndexes()).failed.code, code);
      await agreed.close();
      const args = ["cat", image, "/etc/hostname", "--attached-index", "--stats", "--limit", "maxAttempts=1"];
      const { code: exit, stdout, stderr } = await ocipeek(args);
      assert.deepEqual([exit, stdout.toString()], [0, "from layer 4\n"]);
      assert.match(stderr, new RegExp(`attached: 0 found\ndiscovery failed: ${code}: `));
      const inspected = await ocipeek([
        "inspect",
        image,
        "--json",
        "--attached-index",
        "--limit",
        "maxAttempts=1",
      ]);
      assert.equal(JSON.parse(inspected.stdout.toString()).discovery.failed.code, code);
      const told = await ocipeek(["soci", "info", image, "--limit", "maxAttempts=1"]);
      assert.match(told.stderr, new RegExp(`no SOCI index, as far as can be found: ${code}: `));
      const unknown = new RegExp(`what is attached to .* could not be found out: ${code}: `);
      for (const words of [
        ["soci", "list"],
        ["ztoc", "list"],
      ]) {
        const list = await ocipeek([...words, image, "--limit", "maxAttempts=1"]);
        assert.equal(list.code, 1);
        assert.match(list.stderr, unknown);
      }
      const check = await ocipeek(["soci", "check", image, "--json", "--limit", "maxAttempts=1"]);
      assert.equal(check.code, 1);
      const { notes, platforms } = JSON.parse(check.stdout.toString());
      assert.match(notes.join("\n"), unknown);
      assert.deepEqual(
        platforms[0].problems.map((it) => it.code),
        ["NO_INDEX"],
      );
    });
  }

  for (const status of [204, 406, 410, 415, 422]) {
    test(`${status}: as a registry from before there was such an API`, async () => {
      answer = (req, res) => (req.url.includes("/referrers/") ? res.writeHead(status).end() : good(req, res));
      const agreed = await open(image, { platform, attachedIndex: true });
      assert.deepEqual([agreed.soci?.digest, agreed.discovery.failed], [v1Indexes[0], undefined]);
      await agreed.close();
    });
  }
});

test("the command says who vouches, and refuses what contradicts itself", async () => {
  const image = `oci:${DEMO}:latest`;
  const stat = async (...args) => (await ocipeek(["stat", ...args])).stdout.toString();
  assert.doesNotMatch(await stat(image, "/etc/hostname"), /^Index:/m);
  assert.match(
    await stat(image, "/etc/hostname", "--attached-index"),
    /^Index: +merely attached: whoever may push/m,
  );
  assert.match(await stat(`oci:${DEMO}:latest-soci`, "/etc/hostname"), /^Index: +vouched for by the image$/m);
  const { stdout } = await ocipeek(["soci", "info", image]);
  assert.match(stdout.toString(), /^Found by: referrers\nVouched: {2}merely attached: /m);
  for (const more of [["--no-soci"], ["--soci-index", v1Indexes[0]]]) {
    assert.equal((await ocipeek(["ls", image, "/", "--attached-index", ...more])).code, 2);
  }
});

test("annotations that do not fit the layer are set aside, and said", async () => {
  const folder = tempFolder();
  try {
    const dir = join(folder.path, "zstd");
    cpSync(join(ROOT, "tests", "fixtures", "formats", "plain-zstd"), dir, { recursive: true });
    const blob = (digest) => join(dir, "blobs", "sha256", digest.slice(7));
    const index = JSON.parse(readFileSync(join(dir, "index.json"), "utf8"));
    const manifest = JSON.parse(readFileSync(blob(index.manifests[0].digest), "utf8"));
    for (const layer of manifest.layers) {
      layer.annotations = {
        "io.github.containers.zstd-chunked.manifest-position": "20000:3294:13740:1",
        "io.github.containers.zstd-chunked.manifest-checksum": sha256("of another layer"),
      };
    }
    const bytes = Buffer.from(JSON.stringify(manifest));
    writeFileSync(blob(sha256(bytes)), bytes);
    Object.assign(index.manifests[0], { digest: sha256(bytes), size: bytes.length });
    writeFileSync(join(dir, "index.json"), JSON.stringify(index));
    const image = await open(`oci:${dir}`, { platform });
    assert.ok(!("setAside" in image.layers[0].reader), "not before it was looked into");
    const { verified } = await image.stat("/lib/libc.so.6");
    assert.deepEqual(verified, {
      manifest: "tag",
      metadata: "layer-digest",
      content: "layer-digest",
      header: false,
    });
    for (const { read, reader } of image.layers) {
      assert.deepEqual([read, reader.name], ["whole", "plain"]);
      assert.match(reader.setAside, /compressed anew/);
    }
    await image.close();
    const { code, stderr } = await ocipeek(["cat", `oci:${dir}`, "/lib/libc.so.6", "--stats"]);
    assert.equal(code, 0);
    assert.match(stderr, /^layer 1, read as it is: .*compressed anew/m);
  } finally {
    folder.remove();
  }
});
