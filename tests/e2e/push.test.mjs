// Pushing blobs, manifests and referrers to a real docker-registry, and into an OCI layout.
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createServer, request as httpRequest } from "node:http";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { open, parseReference } from "ocipeek";
import { LayoutDestination } from "ocipeek/node";
import { blobOf, fallbackTag, manifestOf, registryDestination } from "ocipeek/push";
import { readLayout } from "../../scripts/lib/layout-registry.mjs";
import { closeServer, listen } from "../../scripts/lib/servers.mjs";
import { DEMO, startDemoRegistry, startDockerRegistry } from "../lib/docker-registry.mjs";
import { tempFolder } from "../lib/processes.mjs";
import { startTokenService } from "../lib/token-service.mjs";

const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const sha256 = (bytes) => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
const stored = async (host, repository, digest) => {
  const answer = await fetch(`http://${host}/v2/${repository}/blobs/${digest}`);
  return answer.ok ? sha256(new Uint8Array(await answer.arrayBuffer())) : answer.status;
};

/** An artifact that refers to `subject`; `name` makes it another one. */
async function artifact(subject, name) {
  const json = {
    schemaVersion: 2,
    mediaType: MANIFEST,
    artifactType: "application/x.test",
    config: { mediaType: "application/vnd.oci.empty.v1+json", digest: sha256("{}"), size: 2 },
    layers: [],
    subject,
    annotations: { name },
  };
  return manifestOf(new TextEncoder().encode(JSON.stringify(json)), MANIFEST);
}

/** Passes requests on to a registry; `fault(request)` true breaks the connection after the half of its body. */
async function startFaulty(target, fault) {
  const [hostname, port] = target.split(":");
  const seen = [];
  const server = createServer((incoming, outgoing) => {
    seen.push(
      `${incoming.method} ${new URL(incoming.url, "http://x").pathname.replace(/[0-9a-f-]{36}/, "ID")}`,
    );
    const length = Number(incoming.headers["content-length"] ?? 0);
    const cut = fault(incoming) ? Math.floor(length / 2) : undefined;
    const headers = { ...incoming.headers };
    const onward = httpRequest({ hostname, port, method: incoming.method, path: incoming.url, headers });
    onward.on("response", (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    onward.on("error", () => outgoing.destroy());
    let passed = 0;
    incoming.on("data", (piece) => {
      passed += piece.length;
      onward.write(piece);
      if (cut !== undefined && passed >= cut) {
        onward.destroy();
        incoming.destroy();
      }
    });
    incoming.on("end", () => onward.end());
  });
  const actual = await listen(server);
  return { host: `127.0.0.1:${actual}`, seen, close: () => closeServer(server) };
}

describe("references in parts", () => {
  test("as Docker reads them", async () => {
    assert.deepEqual(await parseReference("alpine"), {
      registry: "docker.io",
      repository: "library/alpine",
      host: "registry-1.docker.io",
    });
    const digest = `sha256:${"0".repeat(64)}`;
    assert.deepEqual(await parseReference(`localhost:5000/a/b:1@${digest}`), {
      registry: "localhost:5000",
      repository: "a/b",
      host: "localhost:5000",
      tag: "1",
      digest,
    });
    await assert.rejects(parseReference("A b"), { code: "INVALID_REFERENCE" });
  });
});

describe("a real registry", () => {
  let registry;
  before(async () => {
    registry = await startDemoRegistry();
  });
  after(() => registry?.stop());

  test("a blob is uploaded once, then it is there; another repository mounts it", async () => {
    const to = await registryDestination(`${registry.host}/one`);
    const bytes = new Uint8Array(randomBytes(100_000));
    const blob = await blobOf(bytes);
    assert.equal(blob.digest, sha256(bytes));
    assert.equal(await to.putBlob(blob), "uploaded");
    assert.equal(await to.putBlob(blob), "present");
    assert.equal(await stored(registry.host, "one", blob.digest), blob.digest);
    const other = await registryDestination(`${registry.host}/two`);
    assert.equal(await other.putBlob(blob, { mountFrom: "one" }), "mounted");
    assert.equal(await stored(registry.host, "two", blob.digest), blob.digest);
    // What cannot be mounted is uploaded.
    const third = await registryDestination(`${registry.host}/three`);
    assert.equal(await third.putBlob(blob, { mountFrom: "nowhere" }), "uploaded");
  });

  test("a large blob goes in chunks, and goes on where the connection broke", async () => {
    let breaks = 0;
    const faulty = await startFaulty(registry.host, (request) => {
      const isSecond =
        request.method === "PATCH" && request.headers["content-range"]?.startsWith("16777216-");
      return isSecond && ++breaks === 1;
    });
    try {
      const bytes = new Uint8Array(randomBytes(40 << 20));
      const blob = await blobOf(bytes);
      const read = [];
      const counted = {
        ...blob,
        read: (start, end) => {
          read.push([start, end]);
          return blob.read(start, end);
        },
      };
      let told = 0;
      const to = await registryDestination(`${faulty.host}/large`);
      const onBytes = (n) => {
        told += n;
      };
      assert.equal(await to.putBlob(counted, { onBytes }), "uploaded");
      assert.equal(breaks, 2, "the chunk that broke was sent a second time");
      assert.equal(await stored(registry.host, "large", blob.digest), blob.digest);
      assert.equal(told, bytes.length, "every byte is told once");
      assert.deepEqual(read.slice(0, 2), [
        [0, 16 << 20],
        [16 << 20, 32 << 20],
      ]);
      // This registry gives up an upload whose chunk broke off; it was asked before all was sent again.
      assert.ok(faulty.seen.includes("GET /v2/large/blobs/uploads/ID"), faulty.seen.join("\n"));
      assert.equal(read[2][0], 0);
    } finally {
      await faulty.close();
    }
  });

  test("what is not what its digest says is refused by the registry, and said with its digest", async () => {
    const to = await registryDestination(`${registry.host}/wrong`, { maxAttempts: 1 });
    const digest = `sha256:${"1".repeat(64)}`;
    const blob = { digest, size: 5, read: async () => new Uint8Array(5) };
    await assert.rejects(to.putBlob(blob), (/** @type {any} */ error) => {
      assert.equal(error.status, 400);
      assert.ok(error.message.includes(digest), error.message);
      return true;
    });
  });

  test("referrers by the fallback tag: others' entries stay, and a race is won by both", async () => {
    const { tags, manifests } = readLayout(DEMO);
    const digest = tags.get("latest");
    const subject = { mediaType: MANIFEST, digest, size: manifests.get(digest).bytes.length };
    const name = `${registry.host}/demo`;
    const to = await registryDestination(name);
    await to.putBlob(await blobOf(new TextEncoder().encode("{}")));
    const before = await to.referrers(digest);
    assert.equal(before.length, 2, "the two SOCI indexes of the fixture");
    const artifacts = await Promise.all([..."abcdef"].map((it) => artifact(subject, it)));
    await Promise.all(artifacts.map(async (it) => (await registryDestination(name)).putReferrer(it)));
    const after = await to.referrers(digest);
    assert.deepEqual(
      new Set(after.map((it) => it.digest)),
      new Set([...before, ...artifacts].map((it) => it.digest)),
    );
    assert.deepEqual(after.slice(0, 2), before, "what others wrote is as it was");
    const own = await to.referrers(digest, "application/x.test");
    assert.equal(own.length, artifacts.length);
    assert.deepEqual(own.find((it) => it.digest === artifacts[0].digest)?.annotations, { name: "a" });
    // A second time changes nothing.
    const list = await to.getManifest(fallbackTag(digest));
    await to.putReferrer(artifacts[0]);
    assert.equal((await to.getManifest(fallbackTag(digest)))?.digest, list.digest);
    await to.removeReferrer(digest, artifacts[0].digest);
    assert.equal((await to.referrers(digest)).length, after.length - 1);
    // The image is still found lazily by its v1 index.
    const image = await open(`${name}@${digest}`, { platform: "linux/amd64", attachedIndex: true });
    assert.equal(image.soci?.version, "v1");
    await image.close();
  });

  test("manifests by tag and digest", async () => {
    const to = await registryDestination(`${registry.host}/demo`);
    const latest = await to.getManifest("latest");
    assert.equal(latest.digest, readLayout(DEMO).tags.get("latest"));
    await to.putManifest(latest, { tag: "copy" });
    assert.deepEqual(await to.getManifest("copy"), latest);
    assert.equal(await to.getManifest("none"), undefined);
  });
});

describe("a registry with a token service", () => {
  test("the token is for pushing and for the repository that is mounted from; secrets are not in errors", async () => {
    const tokens = await startTokenService({ username: "u", password: "geheim" });
    const registry = await startDockerRegistry({ token: tokens.config });
    try {
      const auth = { username: "u", password: "geheim" };
      const to = await registryDestination(`${registry.host}/private`, { auth });
      const blob = await blobOf(new Uint8Array(randomBytes(1000)));
      assert.equal(await to.putBlob(blob), "uploaded");
      const other = await registryDestination(`${registry.host}/other`, { auth, mountFrom: ["private"] });
      assert.equal(await other.putBlob(blob, { mountFrom: "private" }), "mounted");
      // Not said before: a further token is asked for.
      const later = await registryDestination(`${registry.host}/later`, { auth });
      const empty = await blobOf(new Uint8Array(0));
      assert.equal(await later.putBlob(empty), "uploaded");
      assert.equal(await later.putBlob(blob, { mountFrom: "private" }), "mounted");
      const wrong = { username: "u", password: "falsch" };
      const closed = await registryDestination(`${registry.host}/private`, { auth: wrong });
      await assert.rejects(closed.putBlob(blob), (/** @type {any} */ error) => {
        assert.equal(error.code, "UNAUTHORIZED");
        assert.ok(!error.message.includes("falsch"));
        return true;
      });
    } finally {
      await registry.stop();
      await tokens.stop();
    }
  });
});

describe("a registry with the API of referrers", () => {
  test("no fallback tag is written", async () => {
    const seen = [];
    const server = createServer((request, answer) => {
      seen.push(`${request.method} ${request.url}`);
      request.resume();
      request.on("end", () =>
        answer.writeHead(201, { "oci-subject": sha256("subject"), location: "/x" }).end(),
      );
    });
    const host = `127.0.0.1:${await listen(server)}`;
    try {
      const to = await registryDestination(`${host}/a`);
      const manifest = await artifact({ mediaType: MANIFEST, digest: sha256("subject"), size: 7 }, "n");
      await to.putReferrer(manifest);
      assert.deepEqual(seen, [`PUT /v2/a/manifests/${manifest.digest}`]);
    } finally {
      await closeServer(server);
    }
  });

  test("a busy registry is asked again; one that refuses is not", async () => {
    let calls = 0;
    const statuses = [429, 503, 404];
    const server = createServer((request, answer) => {
      request.resume();
      request.on("end", () => answer.writeHead(statuses[calls++] ?? 403, { "retry-after": "0" }).end());
    });
    const host = `127.0.0.1:${await listen(server)}`;
    try {
      const to = await registryDestination(`${host}/a`);
      assert.equal(await to.getManifest("x"), undefined);
      assert.equal(calls, 3);
      await assert.rejects(to.getManifest("x"), { code: "FORBIDDEN", status: 403 });
      assert.equal(calls, 4);
    } finally {
      await closeServer(server);
    }
  });

  test("a list of referrers that never ends is given up; one that goes on elsewhere is refused", async () => {
    let pages = 0;
    const server = createServer((request, answer) => {
      pages++;
      const next = request.url?.includes("/away/") ? "http://localhost:9/v2/x" : `?page=${pages}`;
      const headers = {
        "content-type": "application/vnd.oci.image.index.v1+json",
        link: `<${next}>; rel="next"`,
      };
      // A test's patience, not the client's.
      if (pages > 300) delete headers.link;
      answer.writeHead(200, headers).end('{"schemaVersion":2,"manifests":[]}');
    });
    const host = `127.0.0.1:${await listen(server)}`;
    try {
      assert.deepEqual(await (await registryDestination(`${host}/a`)).referrers(sha256("x")), []);
      assert.equal(pages, 100);
      const away = await registryDestination(`${host}/away`);
      await assert.rejects(away.referrers(sha256("x")), {
        code: "NETWORK",
        message: /continues a list at another/,
      });
      assert.equal(pages, 101);
    } finally {
      await closeServer(server);
    }
  });

  test("pages are found where a fetch does not say the URL of its answers", async () => {
    const asked = [];
    const entry = (text) => ({ mediaType: MANIFEST, digest: sha256(text), size: 1, artifactType: "t" });
    const to = await registryDestination("registry.example/a", {
      fetch: async (url) => {
        asked.push(url);
        const manifests = [entry(`${asked.length}`)];
        const link = '</v2/a/referrers/more>; rel="next"';
        return new Response(JSON.stringify({ schemaVersion: 2, manifests }), {
          headers: asked.length === 1 ? { link } : {},
        });
      },
    });
    const found = await to.referrers(sha256("x"));
    assert.deepEqual(found, [entry("1"), entry("2")]);
    assert.equal(asked[1], "https://registry.example/v2/a/referrers/more");
  });
});

describe("a registry that is not to be trusted", () => {
  test("an upload does not go on at a service of this machine", async () => {
    const blob = await blobOf(new Uint8Array(3));
    for (const location of [
      "http://127.0.0.1:2375/build",
      "http://localhost/x",
      "https://[::1]/x",
      "http://other.example/x",
    ]) {
      const asked = [];
      const to = await registryDestination("registry.example/a", {
        fetch: async (url, { method }) => {
          asked.push(`${method} ${new URL(url).host}`);
          return new Response(null, { status: method === "HEAD" ? 404 : 202, headers: { location } });
        },
      });
      await assert.rejects(to.putBlob(blob), { code: "NETWORK", message: /names no place/ });
      assert.deepEqual(asked, ["HEAD registry.example", "POST registry.example"], location);
    }
  });
});

describe("a connection that breaks behind the last byte", () => {
  test("a blob whose upload was over is there", async () => {
    const blob = await blobOf(new Uint8Array(3));
    const other = await blobOf(new Uint8Array(4));
    const kept = new Set();
    const asked = [];
    const fetch = async (url, { method }) => {
      asked.push(method);
      const digest = new URL(url).searchParams.get("digest");
      if (method === "HEAD")
        return new Response(null, { status: kept.has(url.split("/").at(-1)) ? 200 : 404 });
      if (method === "POST") return new Response(null, { status: 202, headers: { location: "/up" } });
      // The upload is over, and its number not known any more.
      if (asked.filter((it) => it === "PUT").length > 1 || digest !== blob.digest)
        return new Response(null, { status: 404 });
      kept.add(digest);
      throw new TypeError("connection reset");
    };
    const to = await registryDestination("registry.example/a", { fetch });
    assert.equal(await to.putBlob(blob), "uploaded");
    assert.deepEqual(asked, ["HEAD", "POST", "PUT", "PUT", "HEAD"]);
    await assert.rejects(to.putBlob(other), { code: "NOT_FOUND", status: 404 });
  });
});

describe("a registry that keeps what arrived", () => {
  test("an upload goes on behind the last byte that it has", async () => {
    const bytes = new Uint8Array(randomBytes(20 << 20));
    const blob = await blobOf(bytes);
    const arrived = [];
    const seen = [];
    const size = () => arrived.reduce((sum, piece) => sum + piece.length, 0);
    const server = createServer((request, answer) => {
      seen.push(`${request.method} ${request.headers["content-range"] ?? ""}`);
      const isFirst = seen.filter((it) => it.startsWith("PATCH")).length === 1;
      request.on("data", (piece) => {
        arrived.push(piece);
        if (request.method === "PATCH" && isFirst && size() > 5 << 20) request.destroy();
      });
      request.on("end", () => {
        const range = { location: "/up", range: `0-${size() - 1}` };
        const status = { HEAD: 404, POST: 202, PATCH: 202, GET: 204, PUT: 201 }[request.method];
        answer.writeHead(status, range).end();
      });
    });
    const host = `127.0.0.1:${await listen(server)}`;
    try {
      const to = await registryDestination(`${host}/a`);
      assert.equal(await to.putBlob(blob), "uploaded");
      assert.equal(sha256(Buffer.concat(arrived)), blob.digest, "each byte arrived once");
      const patches = seen.filter((it) => it.startsWith("PATCH"));
      assert.equal(patches[0], `PATCH 0-${(16 << 20) - 1}`);
      const from = Number(/^PATCH (\d+)-/.exec(patches[1])[1]);
      assert.ok(from > 5 << 20 && from < 16 << 20, patches[1]);
    } finally {
      await closeServer(server);
    }
  });
});

describe("an OCI layout", () => {
  test("referrers that are written at the same time are all listed", async () => {
    const folder = tempFolder("layout");
    try {
      const to = new LayoutDestination(folder.path);
      const subject = { mediaType: MANIFEST, digest: sha256("subject"), size: 7 };
      const artifacts = await Promise.all([..."abcdef"].map((it) => artifact(subject, it)));
      await Promise.all(artifacts.map((it) => to.putReferrer(it)));
      const all = await to.referrers(subject.digest);
      assert.deepEqual(all.map((it) => it.digest).sort(), artifacts.map((it) => it.digest).sort());
      await Promise.all(artifacts.slice(1).map((it) => to.removeReferrer(subject.digest, it.digest)));
      assert.deepEqual(
        (await to.referrers(subject.digest)).map((it) => it.annotations),
        [{ name: "a" }],
      );
    } finally {
      folder.remove();
    }
  });

  test("holds what was written, atomically, and opens", async () => {
    const folder = tempFolder("layout");
    try {
      const to = new LayoutDestination(folder.path);
      const source = readLayout(DEMO);
      const digest = source.tags.get("latest");
      for (const hex of readdirSync(join(DEMO, "blobs", "sha256"))) {
        if (source.manifests.has(`sha256:${hex}`)) continue;
        const bytes = new Uint8Array(readFileSync(join(DEMO, "blobs", "sha256", hex)));
        assert.equal(await to.putBlob(await blobOf(bytes)), "uploaded");
      }
      const { bytes, mediaType } = source.manifests.get(digest);
      await to.putManifest(await manifestOf(new Uint8Array(bytes), mediaType), { tag: "latest" });
      for (const { digest: referrer } of source.manifests.get(source.tags.get(fallbackTag(digest))).json
        .manifests) {
        const index = source.manifests.get(referrer);
        await to.putReferrer(await manifestOf(new Uint8Array(index.bytes), index.mediaType));
      }
      const image = await open(`oci:${folder.path}:latest`, {
        platform: "linux/amd64",
        attachedIndex: true,
      });
      assert.equal(image.digest, digest);
      assert.equal(image.soci?.version, "v1");
      assert.equal(await image.readFile("/etc/hostname", "utf8"), "from layer 4\n");
      await image.close();
      // Content that is not what its digest says leaves nothing behind.
      const wrong = { digest: `sha256:${"2".repeat(64)}`, size: 5, read: async () => new Uint8Array(5) };
      await assert.rejects(to.putBlob(wrong), { code: "DIGEST_MISMATCH" });
      const names = readdirSync(join(folder.path, "blobs", "sha256"));
      assert.ok(!names.some((name) => name.includes("tmp") || name.startsWith("22")), names.join("\n"));
      assert.ok(existsSync(join(folder.path, "oci-layout")));
    } finally {
      folder.remove();
    }
  });
});
