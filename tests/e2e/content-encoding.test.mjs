// Blobs that a registry's storage labels, or really sends, with a Content-Encoding.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createServer } from "node:http";
import { after, describe, test } from "node:test";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { open } from "ocipeek";
import { asIsFetch } from "ocipeek/node";
import { closeServer, listen } from "../../scripts/lib/servers.mjs";
import { RUNTIMES, startServe } from "../lib/serve.mjs";
import { tarOf } from "../lib/synthetic-image.mjs";

const sha256 = (bytes) => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
const TYPE = "application/vnd.oci.image";
const FILE = Buffer.alloc(3000, "content of a file. ");

const { tar } = tarOf([["file.txt", FILE]]);
const layer = gzipSync(tar);
const config = Buffer.from('{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}');
const manifest = Buffer.from(
  JSON.stringify({
    schemaVersion: 2,
    mediaType: `${TYPE}.manifest.v1+json`,
    config: { mediaType: `${TYPE}.config.v1+json`, digest: sha256(config), size: config.length },
    layers: [{ mediaType: `${TYPE}.layer.v1.tar+gzip`, digest: sha256(layer), size: layer.length }],
  }),
);

const servers = [];
after(async () => {
  for (const server of servers) await closeServer(server);
});

/** A registry; `encode(blob)` gives the header and what is sent of a blob. */
async function registry(encode) {
  const seen = [];
  const server = createServer((request, response) => {
    const { method, url, headers } = request;
    seen.push(`${method} ${url?.split("/").at(-1)?.slice(0, 13)} ${headers["accept-encoding"] ?? ""}`.trim());
    if (url?.includes("/manifests/")) {
      return response.writeHead(200, { "content-type": `${TYPE}.manifest.v1+json` }).end(manifest);
    }
    const blob = [layer, config].find((bytes) => url?.endsWith(sha256(bytes)));
    if (!blob) return response.writeHead(404).end();
    const [encoding, bytes] = encode(blob);
    const length = bytes.length;
    response.writeHead(200, { "content-encoding": encoding, "content-length": length }).end(bytes);
  });
  servers.push(server);
  const host = `127.0.0.1:${await listen(server)}`;
  return { host, reference: `${host}/app:1`, seen };
}

const read = async (reference, options) => {
  const image = await open(reference, { platform: "linux/amd64", plainHttp: true, ...options });
  try {
    return await image.readFile("/file.txt", "utf8");
  } finally {
    await image.close();
  }
};

describe("a Content-Encoding", () => {
  for (const name of ["gzip", "x-gzip"]) {
    test(`${name} that is a mere label: the bytes are the blob's, and are read`, async () => {
      const { reference, seen } = await registry((blob) => [name, blob]);
      assert.equal(await read(reference), FILE.toString());
      const asked = seen.filter((line) => line.includes(sha256(layer).slice(0, 13)));
      assert.deepEqual(
        asked.map((line) => line.split(" ").slice(2).join(" ")),
        ["identity", "identity, *;q=0"],
      );
    });
  }

  for (const [name, encode] of /** @type {[string, (bytes: Buffer) => Buffer][]} */ ([
    ["gzip", (bytes) => gzipSync(bytes)],
    ["br", (bytes) => brotliCompressSync(bytes)],
  ])) {
    test(`${name} that is meant: what the platform decodes has the digest`, async () => {
      const { reference } = await registry((blob) => [name, encode(blob)]);
      assert.equal(await read(reference), FILE.toString());
    });
  }

  test("where the platform's fetch is all there is, a label is an error that says what to do", async () => {
    const { reference, seen } = await registry((blob) => ["gzip", blob]);
    const own = (url, init) => fetch(url, init);
    await assert.rejects(read(reference, { fetch: own }), (/** @type {any} */ error) => {
      assert.equal(error.code, "UNSUPPORTED", error.message);
      assert.match(
        error.message,
        /Content-Encoding "gzip", which this platform undoes.*mere label.*take it off/,
      );
      return true;
    });
    assert.ok(seen.length <= 4, `${seen}`);
    // Whoever knows that function can use it.
    assert.equal(await read(reference, { fetch: asIsFetch }), FILE.toString());
  });

  test("serve reads labelled blobs, too", async () => {
    const { host } = await registry((blob) => ["x-gzip", blob]);
    const server = await startServe(RUNTIMES.node, ["--insecure-registry", host]);
    try {
      const answer = await fetch(`${server.url}/${host}/app:1/-/file.txt`);
      assert.equal(await answer.text(), FILE.toString(), server.log());
      // The registry's API for pages: the blob as it is.
      const blob = await fetch(`${server.url}/-/v2/${host}/app/blobs/${sha256(layer)}`);
      assert.equal(blob.status, 200);
      assert.equal(blob.headers.get("content-encoding"), null);
      assert.equal(blob.headers.get("content-length"), String(layer.length));
      assert.deepEqual(Buffer.from(await blob.arrayBuffer()), layer);
    } finally {
      await server.stop();
    }
  });
});
