// Callers that take nothing of their answers: what they hold, and for how long.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { open } from "ocipeek";
import { type Harness, sha256, start } from "../../tests/lib/worker/harness.ts";

const BUNDLE = "opt/app/bin/bundle.bin";
const BUNDLE_SIZE = 1_113_401;

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Asks as the client at an address does. */
function asking(h: Harness, path: string, address: string): Promise<Response> {
  return h.handle(new Request(`https://files.example${path}`), {}, { waitUntil: () => {}, address });
}

/** Takes one chunk, and gives what takes the rest. */
async function begun(response: Response): Promise<() => Promise<number>> {
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  const first = await reader.read();
  return async () => {
    let size = first.value?.length ?? 0;
    for (let next = await reader.read(); !next.done; next = await reader.read()) size += next.value.length;
    return size;
  };
}

describe("a caller that takes nothing", () => {
  test("holds no image: another is opened in its place, and the answer goes on when it does", async () => {
    const h = await start({ OCIPEEK_LIMITS: { maxImagesInUse: 1, maxOpenImages: 0 } });
    const whole = await sha256(await h.get(`${h.image}:latest/-/${BUNDLE}`));
    const [held, other] = [`${h.image}:latest/-/${BUNDLE}`, `${h.image}:latest-soci/-/etc/hostname`];
    // One that has taken nothing, and one that has taken a part.
    const [untaken, part] = [await h.get(held), await h.get(held)];
    const rest = await begun(part);
    assert.equal(await (await h.get(other)).text(), "from layer 4\n");
    assert.equal(await sha256(untaken), whole);
    assert.equal(await rest(), BUNDLE_SIZE);
    await h.idle();
    await h.close();
  });

  test("holds none either that was opened again for it when it had left", async () => {
    let opened = 0;
    let isOpen = (): void => {};
    const gate = new Promise<void>((resolve) => {
      isOpen = resolve;
    });
    const slow: typeof open = async (source, options) => {
      opened += 1;
      const isSecond = opened === 2;
      const image = await open(source, { ...options, signal: undefined });
      if (isSecond) await gate;
      return image;
    };
    const limits = { maxImagesInUse: 1, maxOpenImages: 0, maxSecondsToHead: 2 };
    const h = await start({ OCIPEEK_LIMITS: limits }, { open: slow });
    const reader = (await h.get(`${h.image}:latest/-/${BUNDLE}`)).body?.getReader();
    await sleep(400);
    // What was ahead of the caller, and then what is to be read anew.
    const taken = reader?.read().catch(() => {});
    await sleep(50);
    await Promise.race([reader?.cancel(), sleep(50)]);
    isOpen();
    await taken;
    assert.equal(opened, 2);
    const other = await h.get(`${h.image}:latest-soci/-/etc/hostname`);
    assert.equal(other.status, 200);
    await h.close();
  });

  test("is ended where it cannot give up what others wait for", async () => {
    const h = await start({ OCIPEEK_LIMITS: { maxImagesInUse: 1, maxOpenImages: 0 } });
    const archive = await h.get(`${h.image}:latest/-/?tar`);
    const rest = await begun(archive);
    const other = await h.get(`${h.image}:latest-soci/-/etc/hostname`);
    assert.equal(await other.text(), "from layer 4\n");
    await assert.rejects(rest, /others waited/);
    assert.ok(h.logs().some(({ kind, code }) => kind === "tree" && code === "TIMEOUT"));
    await h.close();
  });

  test("is ended where it is too slow, and not where it is only slow", async () => {
    const state = { now: Date.now() };
    const h = await start({ OCIPEEK_LIMITS: { minBytesPerSecond: 16_384 } }, { now: () => state.now });
    const slow = async (ms: number) => {
      const rest = await begun(await h.get(`${h.image}:latest/-/${BUNDLE}`));
      await sleep(10);
      state.now += ms;
      await sleep(600);
      return rest();
    };
    // It has taken 256 KiB: 16 s at that rate, and 30 s more.
    assert.equal(await slow(45_000), BUNDLE_SIZE);
    await assert.rejects(slow(47_000), /minBytesPerSecond = 16384/);
    await h.close();
  });

  test("has so many answers that stand still; the oldest ends, and those of others do not", async () => {
    const h = await start({ OCIPEEK_LIMITS: { maxStalledPerClient: 2 } });
    const path = `${h.image}:latest/-/${BUNDLE}`;
    const answers: Response[] = [];
    // Two addresses of one network of version 6, and others.
    for (const address of ["2001:db8::1", "2001:db8::1", "192.0.2.1", "2001:db8::2", "192.0.2.2"]) {
      answers.push(await asking(h, path, address));
      await sleep(20);
    }
    await sleep(700);
    const ends = await Promise.allSettled(answers.map(async (it) => (await it.arrayBuffer()).byteLength));
    const sizes = ends.map((end) => (end.status === "fulfilled" ? end.value : String(end.reason.message)));
    assert.match(String(sizes[0]), /others waited/);
    assert.deepEqual(sizes.slice(1), Array(4).fill(BUNDLE_SIZE));
    await h.close();
  });
});
