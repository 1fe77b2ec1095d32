// `ocipeek serve`: the worker as a plain server, under Node, Deno and Bun.
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:net";
import { after, before, describe, test } from "node:test";
import { serveLayout } from "../../scripts/lib/layout-registry.mjs";
import { run } from "../../scripts/lib/run.mjs";
import { ocipeek } from "../lib/cli.mjs";
import { DEMO, REPOSITORY } from "../lib/docker-registry.mjs";
import { merged } from "../lib/expected.mjs";
import { tempFolder } from "../lib/processes.mjs";
import { RUNTIMES, startServe } from "../lib/serve.mjs";
import { writeSyntheticLayout } from "../lib/synthetic-image.mjs";
import { layout } from "../lib/variants.mjs";

const TAG = "latest-soci";
const DIGEST = layout.tags.get(TAG);

const lines = new Map(merged().map((line) => [line.path, line]));
const sha256 = (bytes) => createHash("sha256").update(Buffer.from(bytes)).digest("hex");
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** The answer to what is sent as it is. */
async function raw(url, text) {
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  let answer = "";
  socket.on("data", (d) => (answer += d));
  socket.write(text);
  await once(socket, "close");
  return answer;
}

const BIG = 96 << 20;
let registry;
let bigRegistry;
let bigFolder;
let big;
let seen = [];
before(async () => {
  const onRequest = (request) => seen.push(request);
  registry = await serveLayout({ dir: DEMO, repository: REPOSITORY, onRequest });
  bigFolder = tempFolder("serve-big");
  big = Buffer.alloc(BIG);
  for (let at = 0; at < BIG; at += 1 << 20) randomBytes(1 << 20).copy(big, at);
  await writeSyntheticLayout(bigFolder.path, [["big.bin", big]]);
  bigRegistry = await serveLayout({ dir: bigFolder.path, repository: "big", onRequest });
});
after(async () => {
  await registry?.close();
  await bigRegistry?.close();
  bigFolder?.remove();
});

const insecure = () => ["--insecure-registry", registry.host, "--insecure-registry", bigRegistry.host];
const args = (folder) => [...insecure(), "--cache-dir", folder];

for (const [name, command] of Object.entries(RUNTIMES)) {
  describe(`ocipeek serve under ${name}`, () => {
    let folder;
    let server;
    let base;
    before(async () => {
      folder = tempFolder("serve");
      server = await startServe(command, args(folder.path));
      base = `${server.url}/${registry.host}/${REPOSITORY}`;
    });
    after(async () => {
      await server?.stop();
      folder?.remove();
    });

    test("gives files, their heads and parts", async () => {
      for (const path of [
        "etc/services",
        "usr/share/demo/tz/Winnipeg",
        "app/node_modules/fflate/CHANGELOG.md",
      ]) {
        const url = `${base}:${TAG}/-/${path}`;
        const whole = await fetch(url);
        const bytes = await whole.arrayBuffer();
        assert.equal(whole.status, 200, server.log());
        assert.equal(sha256(bytes), lines.get(path).sha256);
        const head = await fetch(url, { method: "HEAD" });
        for (const header of ["content-length", "etag", "content-type", "x-ocipeek-digest"]) {
          assert.equal(head.headers.get(header), whole.headers.get(header), header);
        }
        assert.equal(head.headers.get("content-length"), String(bytes.byteLength));
        const part = await fetch(url, { headers: { range: "bytes=3-9" } });
        assert.equal(part.status, 206);
        assert.deepEqual(await part.arrayBuffer(), bytes.slice(3, 10));
      }
    });

    test("streams a folder as an archive", async () => {
      const answer = await fetch(`${base}:${TAG}/-/usr/share/?tar`);
      const { stdout } = await run("tar", ["-tf", "-"], {
        input: new Uint8Array(await answer.arrayBuffer()),
      });
      const expected = [...lines.keys()].filter((p) => p === "usr/share" || p.startsWith("usr/share/"));
      assert.ok(Math.abs(stdout.trimEnd().split("\n").length - expected.length) <= 1);
    });

    test("reads no faster than its caller takes, and stops when that leaves", async () => {
      seen = [];
      const leave = new AbortController();
      const url = `${server.url}/${bigRegistry.host}/big:latest/-/big.bin`;
      const answer = await fetch(url, { signal: leave.signal });
      assert.equal(answer.headers.get("content-length"), String(BIG));
      const { value } = await answer.body.getReader().read();
      assert.ok(big.subarray(0, value.length).equals(value));
      const ranges = () => seen.filter((r) => r.range).length;
      await sleep(2500);
      const waiting = ranges();
      await sleep(1000);
      assert.equal(ranges(), waiting);
      assert.ok(waiting <= 14, `${waiting} ranges of 4 MiB for a caller that waits`);
      leave.abort();
      await sleep(500);
      const left = ranges();
      await sleep(1000);
      assert.equal(ranges(), left);
    });

    test("streams a large file whole", async () => {
      const answer = await fetch(`${server.url}/${bigRegistry.host}/big:latest/-/big.bin`);
      const hash = createHash("sha256");
      for await (const chunk of answer.body) hash.update(chunk);
      assert.equal(hash.digest("hex"), sha256(big));
    });

    test("answers what is no file by its code", async () => {
      /** @type {[string, number, string | null][]} */
      const cases = [
        [`/${registry.host}/${REPOSITORY}:${TAG}/-/no/such`, 404, "ENOENT"],
        ["/example.com/app/-/x", 403, "REGISTRY_NOT_ALLOWED"],
        ["/healthz", 200, null],
      ];
      for (const [path, status, code] of cases) {
        const answer = await fetch(server.url + path);
        await answer.arrayBuffer();
        assert.equal(answer.status, status, path);
        assert.equal(answer.headers.get("x-ocipeek-error"), code);
      }
      const post = await fetch(`${base}/`, { method: "POST", body: "x" });
      assert.equal(post.status, 405);
      await post.arrayBuffer();
    });

    test("keeps what it read in the folder, for the next one", async () => {
      await fetch(`${base}@${DIGEST}/-/etc/services`).then((a) => a.arrayBuffer());
      assert.equal(await server.stop(), 0);
      server = await startServe(command, args(folder.path));
      base = `${server.url}/${registry.host}/${REPOSITORY}`;
      seen = [];
      const answer = await fetch(`${base}@${DIGEST}/-/etc/services`);
      assert.equal(sha256(await answer.arrayBuffer()), lines.get("etc/services").sha256);
      assert.deepEqual(seen, []);
    });

    test("reads paths as they were sent: nothing is normalised first", async () => {
      const send = async (target) => {
        const answer = await raw(
          server.url,
          `GET ${target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`,
        );
        const code = /^x-ocipeek-error: (\S+)/im.exec(answer)?.[1] ?? "none";
        return `${/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1]} ${code}`;
      };
      const api = `/-/v2/${registry.host}`;
      const image = `/${registry.host}/${REPOSITORY}:${TAG}`;
      seen = [];
      for (const dots of ["..", "%2e%2e", ".%2E", "%2e."]) {
        for (const target of [
          `${api}/other/${dots}/${REPOSITORY}/manifests/${TAG}`,
          `${api}/${REPOSITORY}/x/${dots}/manifests/${TAG}`,
          `${api}/${REPOSITORY}/manifests/x/${dots}/${TAG}`,
          `${api}/${REPOSITORY}/blobs/${dots}/manifests/${TAG}`,
          `${image}/-/usr/${dots}/etc/services`,
          `/${registry.host}/other/${dots}/${REPOSITORY}:${TAG}/-/etc/services`,
        ]) {
          assert.equal(await send(target), "400 INVALID_URL", target);
        }
      }
      for (const target of [
        `${api}/other\\..\\${REPOSITORY}/manifests/${TAG}`,
        `${api}/other%5c..%5c${REPOSITORY}/manifests/${TAG}`,
        `${api}/./${REPOSITORY}/manifests/${TAG}`,
        `${api}//${REPOSITORY}/manifests/${TAG}`,
        `${image}/-/etc\\services`,
        `${image}/-/./etc/services`,
        `${image}/-/etc/%2e/services`,
      ]) {
        assert.equal(await send(target), "400 INVALID_URL", target);
      }
      assert.deepEqual(seen, []);
      assert.equal(await send(`${api}/${REPOSITORY}/manifests/${TAG}`), "200 none");
      assert.equal(await send(`${image}/-/etc/services`), "200 none");
    });

    test("answers to its own names, and lets no other page read", async () => {
      const send = async (host, path, more = "") => {
        const answer = await raw(
          server.url,
          `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n${more}Connection: close\r\n\r\n`,
        );
        return answer.slice(0, answer.indexOf("\r\n\r\n")).toLowerCase();
      };
      const paths = [
        "/",
        "/healthz",
        "/-/config.json",
        `/-/v2/${registry.host}/${REPOSITORY}/manifests/${TAG}`,
        `/${registry.host}/${REPOSITORY}:${TAG}/-/etc/services`,
      ];
      const port = new URL(server.url).port;
      for (const path of paths) {
        // The name of a page that has had it lead here once it was loaded.
        for (const host of ["evil.example", `evil.example:${port}`, "127.0.0.1.evil.example"]) {
          const head = await send(host, path, "Accept: text/html\r\n");
          assert.match(head, /^http\/1\.1 421 /, `${host} ${path}`);
          assert.match(head, /x-ocipeek-error: host_not_allowed/, `${host} ${path}`);
        }
        for (const host of ["localhost", `127.0.0.1:${port}`, "app.localhost", "[::1]"]) {
          const head = await send(host, path, "Origin: https://evil.example\r\n");
          assert.match(head, /^http\/1\.1 200 /, `${host} ${path}`);
          assert.doesNotMatch(head, /access-control-allow-origin/, path);
          assert.match(head, /cross-origin-resource-policy: same-origin/, path);
        }
      }
    });

    test("logs a line a request, and ends when it is told to", async () => {
      await fetch(`${base}:${TAG}/-/etc/services?download`).then((a) => a.arrayBuffer());
      await sleep(100);
      const records = server
        .log()
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line));
      const last = records.at(-1);
      assert.equal(last.status, 200);
      assert.equal(last.registry, registry.host);
      assert.equal(await server.stop("SIGTERM"), 0);
      server = undefined;
    });
  });
}

describe("ocipeek serve", () => {
  const cache = tempFolder("serve-cache");
  after(cache.remove);

  test("takes no requests that a path does not say all of", async () => {
    const server = await startServe(RUNTIMES.node, ["--quiet", ...args(cache.path)]);
    try {
      const host = `Host: localhost\r\nConnection: close\r\n\r\n`;
      for (const target of ["http://evil.example/", "*", "evil.example:443"]) {
        assert.match(await raw(server.url, `GET ${target} HTTP/1.1\r\n${host}`), /^HTTP\/1\.1 400 /, target);
      }
      for (const target of ["//evil.example/x", "/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/\\x"]) {
        assert.match(
          await raw(server.url, `GET ${target} HTTP/1.1\r\n${host}`),
          /^HTTP\/1\.1 40[04] /,
          target,
        );
      }
      // The rest of a body is never taken for a request.
      const smuggled = `POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n`;
      const answer = await raw(server.url, smuggled);
      assert.equal(answer.match(/HTTP\/1\.1 /g)?.length, 1, answer);
      assert.match(answer, /^HTTP\/1\.1 405 /);
      assert.equal(server.log(), "");
    } finally {
      await server.stop();
    }
  });

  test("lets the pages and answers to the names that it is told", async () => {
    const server = await startServe(RUNTIMES.node, [
      ...args(cache.path),
      ...["--allow-origin", "https://app.example", "--allow-host", "files.example"],
    ]);
    try {
      const target = `/${registry.host}/${REPOSITORY}:${TAG}/-/etc/services`;
      for (const [origin, expected] of [
        ["https://app.example", "https://app.example"],
        ["https://evil.example", undefined],
      ]) {
        const answer = await raw(
          server.url,
          `GET ${target} HTTP/1.1\r\nHost: files.example\r\nOrigin: ${origin}\r\nConnection: close\r\n\r\n`,
        );
        assert.match(answer, /^HTTP\/1\.1 200 /);
        assert.equal(/^access-control-allow-origin: (.*)\r$/im.exec(answer)?.[1], expected);
        assert.match(answer, /^vary: origin\r$/im);
      }
    } finally {
      await server.stop();
    }
  });

  test("does not use Docker's credentials, and never shows those it is given", async () => {
    const auths = { [registry.host]: { auth: Buffer.from("robot:s3cr3t").toString("base64") } };
    const env = { OCIPEEK_DOCKER_CONFIG: JSON.stringify({ auths }) };
    const server = await startServe(RUNTIMES.node, args(cache.path), env);
    const answer = await fetch(`${server.url}/${registry.host}/${REPOSITORY}:nothing/-/x`);
    const text = await answer.text();
    assert.equal(answer.status, 404, text);
    await server.stop();
    assert.doesNotMatch(`${text}${server.log()}`, /s3cr3t|cm9ib3Q6/);
  });

  test("says what is wrong with its options", async () => {
    /** @type {[string[], RegExp][]} */
    const cases = [
      [["--port", "99999"], /--port must be 0 to 65535/],
      [["--json"], /serve takes no --json/],
      [
        ["--registry", "UPPER.example"],
        /OCIPEEK_REGISTRIES: UPPER\.example: a host is written in lower case/,
      ],
      [["--allow-origin", "app.example"], /OCIPEEK_ALLOWED_ORIGINS: app\.example: must be https:\/\/host/],
      [["--allow-host", "a b"], /OCIPEEK_ALLOWED_HOSTS: a b: must be a host/],
      [["image"], /usage: ocipeek serve/],
    ];
    for (const [given, expected] of cases) {
      const { code, stderr } = await ocipeek(["serve", ...given]);
      assert.equal(code, 2, stderr);
      assert.match(stderr, expected);
    }
    const { stdout } = await ocipeek(["serve", "--help"]);
    for (const word of [
      "--port",
      "--registry",
      "--insecure-registry",
      "--allow-origin",
      "--allow-host",
      "--cache-dir",
      "OCIPEEK_DOCKER_CONFIG",
    ]) {
      assert.ok(stdout.toString().includes(word), word);
    }
  });
});
