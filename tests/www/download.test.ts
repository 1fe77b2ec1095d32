// Files and folders as streams to save: from the engine, through a port.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { serveLayout } from "../../scripts/lib/layout-registry.mjs";
import { safeName } from "../../web/disposition.ts";
import { createEngine } from "../../www/src/engine/engine.ts";
import { failureOf } from "../../www/src/engine/failure.ts";
import { saveName } from "../../www/src/engine/files/download.ts";
import { type ApiFailure, type Download, EngineError, type FileRef } from "../../www/src/protocol/api.ts";
import { receivePieces, sendPieces } from "../../www/src/protocol/pieces.ts";
import type { CallContext } from "../../www/src/protocol/rpc.ts";
import { DEMO, REPOSITORY } from "../lib/docker-registry.mjs";
import { merged } from "../lib/expected.mjs";

const never = new AbortController().signal;
const context = (signal = never): CallContext => ({ signal, progress: () => {}, transfer: () => {} });

async function all(stream: ReadableStream<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts);
}

describe("a stream through a port", () => {
  /** A source that counts what was taken of it. */
  const source = (sizes: number[]) => {
    const taken = { count: 0, stopped: false };
    const make = async function* (signal: AbortSignal) {
      signal.addEventListener("abort", () => {
        taken.stopped = true;
      });
      for (const [i, size] of sizes.entries()) {
        taken.count += 1;
        yield new Uint8Array(size).fill(i);
      }
    };
    return { taken, make };
  };

  test("gives the same bytes, whatever pieces they came in", async () => {
    for (const sizes of [[], [0], [1, 2, 3], new Array(3000).fill(512), [1 << 20, 1, 1 << 20]]) {
      const { port1, port2 } = new MessageChannel();
      const sent = sendPieces(port1, source(sizes).make, failureOf);
      const expected = Buffer.concat(sizes.map((size, i) => Buffer.alloc(size, i)));
      assert.ok((await all(receivePieces(port2))).equals(expected), `${sizes.length} pieces`);
      await sent;
    }
  });

  test("asks for a piece when there is room for it, and for nothing before", async () => {
    const { taken, make } = source(new Array(10).fill(1 << 20));
    const { port1, port2 } = new MessageChannel();
    void sendPieces(port1, make, failureOf);
    const reader = receivePieces(port2).getReader();
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(taken.count, 0);
    await reader.read();
    assert.equal(taken.count, 1);
    await reader.read();
    assert.equal(taken.count, 2);
    await reader.cancel();
  });

  test("that is cancelled stops its source", async () => {
    const { taken, make } = source(new Array(10).fill(1 << 20));
    const { port1, port2 } = new MessageChannel();
    const sent = sendPieces(port1, make, failureOf);
    const reader = receivePieces(port2).getReader();
    await reader.read();
    await reader.cancel();
    await sent;
    assert.deepEqual([taken.count, taken.stopped], [1, true]);
  });

  test("fails as its source does, with code and digest", async () => {
    const failure: ApiFailure = {
      code: "CORRUPT_LAYER",
      message: "CORRUPT_LAYER: span 3",
      digest: "sha256:x",
    };
    const { port1, port2 } = new MessageChannel();
    const fails = async function* (): AsyncGenerator<Uint8Array> {
      yield new Uint8Array(1 << 20);
      throw new EngineError(failure);
    };
    const sent = sendPieces(port1, fails, failureOf);
    const reader = receivePieces(port2).getReader();
    assert.equal((await reader.read()).value?.length, 1 << 20);
    await assert.rejects(reader.read(), (error: EngineError) => {
      assert.deepEqual(error.failure, failure);
      return true;
    });
    await sent;
  });
});

describe("downloads from the engine", () => {
  let registry: Awaited<ReturnType<typeof serveLayout>>;
  const engine = createEngine();
  let image = 0;
  before(async () => {
    registry = await serveLayout({ dir: DEMO, repository: REPOSITORY });
    const reference = `${registry.host}/${REPOSITORY}:latest-soci`;
    image = (await engine.open(context(), { kind: "registry", reference }, "linux/amd64")).id;
  });
  after(async () => {
    await engine.close(context(), image);
    await registry.close();
  });
  const ref = (path: string): FileRef => ({ image, path });
  const bytesOf = ({ port }: Download): Promise<Buffer> => all(receivePieces(port));

  test("a file is the fixture's, links followed, under its own name", async () => {
    const line = merged().find((it) => it.path === "etc/services");
    const saved = await engine.download(context(), ref("/etc/services"));
    assert.deepEqual([saved.name, saved.size], ["services", line.size]);
    assert.equal(
      createHash("sha256")
        .update(await bytesOf(saved))
        .digest("hex"),
      line.sha256,
    );
    const target = merged().find((it) => it.path === "usr/lib/os-release");
    const link = await engine.download(context(), ref("/etc/os-release"));
    assert.equal(link.name, "os-release");
    assert.equal(
      createHash("sha256")
        .update(await bytesOf(link))
        .digest("hex"),
      target.sha256,
    );
  });

  test("a folder is a tar", async () => {
    const saved = await engine.downloadTar(context(), ref("/etc"));
    assert.deepEqual([saved.name, saved.size], ["etc.tar", undefined]);
    const tar = await bytesOf(saved);
    assert.equal(tar.length % 10_240, 0);
    assert.equal(tar.subarray(257, 262).toString(), "ustar");
    const root = await engine.downloadTar(context(), ref("/"));
    assert.equal(root.name, "demo.tar");
    await receivePieces(root.port).cancel();
  });

  test("what is not there, or of the other kind, fails before anything is saved", async () => {
    const code = async (promise: Promise<unknown> | unknown): Promise<string> => {
      try {
        await promise;
        return "none";
      } catch (error) {
        return failureOf(error).code;
      }
    };
    assert.equal(await code(engine.download(context(), ref("/etc/nothing"))), "ENOENT");
    assert.equal(await code(engine.download(context(), ref("/etc"))), "INVALID_ARGUMENT");
    assert.equal(await code(engine.downloadTar(context(), ref("/etc/services"))), "INVALID_ARGUMENT");
  });
});

test("names to save under are those of the image, made harmless", () => {
  assert.equal(saveName("/usr/lib/libc.so.6", "ghcr.io/o/app:1"), "libc.so.6");
  assert.equal(saveName("/", "ghcr.io/o/app:1.2"), "app");
  assert.equal(saveName("/", "ghcr.io/o/app@sha256:00"), "app");
  assert.equal(saveName("/", "demo.tar"), "demo");
  assert.equal(saveName("/caf%E9", "x/y"), "caf\ufffd");
  const names = {
    "a/b\\c": "a_b_c",
    "x\u202ecod.exe": "x_cod.exe",
    "a\r\nb": "a__b",
    "..": "file",
    "": "file",
  };
  for (const [name, safe] of Object.entries(names)) assert.equal(safeName(name), safe);
});
