// Pushing to registries that stall, lead elsewhere, or ask for what is not theirs.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { after, describe, test } from "node:test";
import "ocipeek";
import { blobOf, manifestOf, registryDestination } from "ocipeek/push";
import { closeServer, listen } from "../../scripts/lib/servers.mjs";

const table = JSON.parse(readFileSync(new URL("../fixtures/names.json", import.meta.url), "utf8"));
const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const IDLE = 400;
const open = [];
after(async () => {
  for (const server of open) await closeServer(server);
});

/** A server that notes what it is asked; `answer(request, response)` may do nothing at all. */
async function server(answer) {
  const seen = [];
  const made = createServer((request, response) => {
    const { method, url, headers } = request;
    seen.push({ line: `${method} ${url}`, authorization: headers.authorization, headers });
    answer(request, response);
  });
  open.push(made);
  const port = await listen(made);
  return { host: `127.0.0.1:${port}`, port, seen, lines: () => seen.map(({ line }) => line) };
}

/** Answers as a registry that has nothing and takes everything; `fault` goes first, and says whether it answered. */
function registry(/** @type {(request: any, response: any) => boolean} */ fault = () => false) {
  return (request, response) => {
    if (fault(request, response)) return;
    request.resume();
    request.on("end", () => {
      const location = `http://${request.headers.host}/v2/app/blobs/uploads/1`;
      const status = { HEAD: 404, GET: 404, POST: 202, PATCH: 202, PUT: 201 }[request.method];
      response.writeHead(status, { location }).end();
    });
  };
}

const idle =
  (host, ms = IDLE) =>
  (error) => {
    assert.equal(error.code, "NETWORK", error.message);
    assert.match(error.message, new RegExp(`no bytes to or from ${host} for ${ms} ms, the limit maxIdleMs`));
    return true;
  };
const to = (host, options = {}) =>
  registryDestination(`${host}/app`, { maxIdleMs: IDLE, maxAttempts: 1, ...options });
const manifest = () => manifestOf(new TextEncoder().encode('{"schemaVersion":2}'), MANIFEST);
/** Milliseconds that it takes. */
async function timed(step) {
  const start = performance.now();
  await step();
  return performance.now() - start;
}

test("a registry without the API of referrers is asked for the fallback tag", async () => {
  const digest = `sha256:${"0".repeat(64)}`;
  for (const status of table.noReferrersApi) {
    const { host, lines } = await server((request, response) => {
      response.writeHead(request.url.includes("/referrers/") ? status : 404).end();
    });
    assert.deepEqual(await (await to(host)).referrers(digest), [], String(status));
    assert.deepEqual(lines(), [
      `GET /v2/app/referrers/${digest}`,
      `GET /v2/app/manifests/${digest.replace(":", "-")}`,
    ]);
  }
});

describe("a registry that stalls", () => {
  for (const [name, act] of /** @type {[string, (it: any) => Promise<unknown>][]} */ ([
    ["a look whether a blob is there", async (it) => it.putBlob(await blobOf(new Uint8Array(9)))],
    ["a manifest that is read", (it) => it.getManifest("latest")],
    ["a manifest that is written", async (it) => it.putManifest(await manifest(), { tag: "latest" })],
    ["a list of referrers", (it) => it.referrers(`sha256:${"0".repeat(64)}`)],
    ["a deletion", (it) => it.deleteManifest(`sha256:${"0".repeat(64)}`)],
  ])) {
    test(`${name} ends where no head comes`, async () => {
      const { host, seen } = await server(() => {});
      const took = await timed(async () => assert.rejects(act(await to(host)), idle(host)));
      assert.ok(took >= IDLE && took < 10 * IDLE, `${took} ms`);
      assert.equal(seen.length, 1);
    });
  }

  test("a body that does not go on ends it too, however it began", async () => {
    const { host } = await server((_, response) => {
      response.writeHead(200, { "content-type": MANIFEST, "content-length": "100" });
      response.write('{"schemaVersion":2');
    });
    const reading = (await to(host)).getManifest("latest");
    await assert.rejects(reading, (/** @type {any} */ error) => {
      assert.equal(error.code, "NETWORK");
      assert.match(`${error.message} ${error.cause?.message}`, /no bytes to or from .* maxIdleMs/);
      return true;
    });
  });

  test("an error whose text does not end is told with what came", async () => {
    const { host } = await server((_, response) => {
      response.writeHead(403);
      response.write('{"errors":[{"code":"DENIED","message":"no"}]}');
    });
    await assert.rejects((await to(host)).getManifest("latest"), {
      code: "FORBIDDEN",
      message: /DENIED: no/,
    });
  });

  test("a token service that stalls", async () => {
    const { host } = await server((request, response) => {
      if (request.url?.startsWith("/token")) return;
      const realm = `http://${request.headers.host}/token`;
      response.writeHead(401, { "www-authenticate": `Bearer realm="${realm}",service="x"` }).end();
    });
    const took = await timed(async () =>
      assert.rejects((await to(host)).getManifest("latest"), {
        message: /for 400 ms, the limit max_?idle_?ms/i,
      }),
    );
    assert.ok(took < 60 * IDLE, `${took} ms`);
  });

  test("a caller's stop ends a wait at once, and is no fault of the registry's", async () => {
    const { host } = await server(() => {});
    const stop = new AbortController();
    const reading = (await to(host, { maxIdleMs: 60_000 })).getManifest("latest", { signal: stop.signal });
    setTimeout(() => stop.abort(), 50);
    await assert.rejects(reading, { code: "ABORTED" });
  });

  test("an upload that is taken slowly comes through; one that is not taken any more ends", async () => {
    // Room for a busy machine, which is slow itself.
    const maxIdleMs = 4 * IDLE;
    const bytes = new Uint8Array(randomBytes(12 << 20));
    const blob = await blobOf(bytes);
    let got = 0;
    const slow = await server(
      registry((request) => {
        if (request.method !== "PUT" || !request.url?.includes("digest=")) return false;
        request.on("data", (piece) => {
          got += piece.length;
          request.pause();
          setTimeout(() => request.resume(), 25);
        });
        return false;
      }),
    );
    const destination = await to(slow.host, { maxIdleMs });
    const took = await timed(async () => assert.equal(await destination.putBlob(blob), "uploaded"));
    assert.equal(got, bytes.length);
    assert.ok(took > 2 * maxIdleMs, `it was slow: ${took} ms`);
    const put = slow.seen.find(({ line }) => line.startsWith("PUT"));
    assert.equal(put?.headers["content-length"], String(bytes.length));
    assert.equal(put?.headers["transfer-encoding"], undefined);

    const stalled = await server(
      registry((request) => {
        if (request.method !== "PUT") return false;
        request.once("data", () => request.pause());
        return true;
      }),
    );
    const late = await timed(async () =>
      assert.rejects((await to(stalled.host, { maxIdleMs })).putBlob(blob), idle(stalled.host, maxIdleMs)),
    );
    assert.ok(late < took + 10 * maxIdleMs, `${late} ms`);
  });

  test("an upload in chunks is given up after some tries in vain, not after each of many", async () => {
    const blob = await blobOf(new Uint8Array(20 << 20));
    const { host, lines } = await server(
      registry((request, response) => {
        if (request.method === "GET") {
          response.writeHead(204, { location: `/v2/app/blobs/uploads/1`, range: "0-0" }).end();
          return true;
        }
        if (request.method !== "PATCH") return false;
        request.once("data", () => request.pause());
        return true;
      }),
    );
    await assert.rejects((await to(host)).putBlob(blob), idle(host));
    assert.equal(lines().filter((line) => line.startsWith("PATCH")).length, 4);
  });
});

describe("redirects", () => {
  const credentials = { username: "u", password: "secret" };
  const asks = (response) => response.writeHead(401, { "www-authenticate": 'Basic realm="x"' }).end();
  /** A registry that wants credentials and then leads to `target` what `leads` says. */
  const leading = (target, leads, status = 307) =>
    server((request, response) => {
      request.resume();
      if (!request.headers.authorization) return asks(response);
      if (leads(request)) return response.writeHead(status, { location: target(request) }).end();
      return registry()(request, response);
    });

  test("what is read is found elsewhere, without the credentials", async () => {
    const text = '{"schemaVersion":2}';
    const storage = await server((_, response) =>
      response.writeHead(200, { "content-type": MANIFEST }).end(text),
    );
    const { host, seen } = await leading(
      () => `http://${storage.host}/stored?signature=1`,
      () => true,
    );
    const found = await (await to(host, { auth: credentials })).getManifest("latest");
    assert.equal(new TextDecoder().decode(found?.bytes), text);
    assert.deepEqual(storage.lines(), ["GET /stored?signature=1"]);
    assert.equal(storage.seen[0].authorization, undefined);
    assert.match(seen[1].authorization, /^Basic /);
  });

  test("credentials are not sent any more once a chain has left the registry, though it comes back", async () => {
    let host = "";
    const other = await server((_, response) =>
      response.writeHead(302, { location: `http://${host}/v2/app/manifests/back` }).end(),
    );
    const home = await server((request, response) => {
      if (request.url?.endsWith("/back")) return response.writeHead(200).end("{}");
      if (!request.headers.authorization) return asks(response);
      response.writeHead(302, { location: `http://${other.host}/x` }).end();
    });
    host = home.host;
    await (await to(host, { auth: credentials })).getManifest("latest");
    assert.deepEqual(
      home.seen.map(({ line, authorization }) => [line.split("/").at(-1), authorization !== undefined]),
      [
        ["latest", false],
        ["latest", true],
        ["back", false],
      ],
    );
    assert.equal(other.seen[0].authorization, undefined);
  });

  test("a 401 of another host is not the registry's: it is named, and gets nothing", async () => {
    const realm = await server((_, response) => response.end("{}"));
    const storage = await server((_, response) =>
      response.writeHead(401, { "www-authenticate": `Bearer realm="http://${realm.host}/token"` }).end(),
    );
    const { host, seen } = await leading(
      () => `http://${storage.host}/stored`,
      () => true,
    );
    await assert.rejects(
      (await to(host, { auth: credentials, maxAttempts: 5 })).getManifest("latest"),
      (/** @type {any} */ error) => {
        assert.equal(error.code, "UNAUTHORIZED");
        assert.equal(error.status, 401);
        assert.ok(
          error.message.includes(`${storage.host} answers 401, and is not the registry`),
          error.message,
        );
        assert.ok(!error.message.includes("secret"));
        return true;
      },
    );
    assert.deepEqual([storage.seen.length, realm.seen.length, seen.length], [1, 0, 2]);
    assert.equal(storage.seen[0].authorization, undefined);
  });

  test("nor is that of where an upload goes on", async () => {
    const storage = await server((request, response) => {
      request.resume();
      asks(response);
    });
    const { host } = await server(
      registry((request, response) => {
        if (request.method !== "POST") return false;
        response.writeHead(202, { location: `http://${storage.host}/upload` }).end();
        return true;
      }),
    );
    await assert.rejects((await to(host, { auth: credentials })).putBlob(await blobOf(new Uint8Array(9))), {
      code: "UNAUTHORIZED",
      message: new RegExp(`${storage.host} answers 401, and is not the registry`),
    });
    assert.deepEqual(storage.lines().length, 1);
  });

  test("an upload follows 307 and 308 with its bytes, and no other", async () => {
    const bytes = new Uint8Array(randomBytes(3 << 20));
    const blob = await blobOf(bytes);
    for (const status of [307, 308]) {
      const got = [];
      const storage = await server((request, response) => {
        request.on("data", (piece) => got.push(piece));
        request.on("end", () => response.writeHead(201).end());
      });
      const isPut = (request) => request.method === "PUT";
      const { host } = await leading(() => `http://${storage.host}/put`, isPut, status);
      assert.equal(await (await to(host, { auth: credentials })).putBlob(blob), "uploaded");
      assert.ok(Buffer.concat(got).equals(bytes));
      assert.equal(storage.seen[0].authorization, undefined);
    }
    for (const status of [301, 302, 303]) {
      const storage = await server((_, response) => response.end());
      const isPut = (request) => request.method === "PUT";
      const { host } = await leading(() => `http://${storage.host}/put`, isPut, status);
      await assert.rejects((await to(host, { auth: credentials, maxAttempts: 5 })).putBlob(blob), {
        code: "NETWORK",
        message: new RegExp(`to http://${storage.host} by ${status}, which loses what is sent`),
      });
      assert.equal(storage.seen.length, 0);
    }
  });

  test("they are counted, and lead to no plain http of others", async () => {
    let hops = 0;
    const { host, seen } = await server((request, response) => {
      hops += 1;
      response.writeHead(302, { location: `${request.url}?${hops}` }).end();
    });
    await assert.rejects((await to(host, { maxAttempts: 5 })).getManifest("latest"), {
      code: "LIMIT_EXCEEDED",
      message: /over the limit maxRedirects = 5/,
    });
    assert.equal(seen.length, 6);
    for (const location of ["http://storage.example/x", "ftp://127.0.0.1/x", "http://["]) {
      const other = await server((_, response) => response.writeHead(302, { location }).end());
      await assert.rejects((await to(other.host, { maxAttempts: 5 })).getManifest("latest"), {
        code: "NETWORK",
        message: /redirects to/,
      });
      assert.equal(other.seen.length, 1, location);
    }
  });
});
