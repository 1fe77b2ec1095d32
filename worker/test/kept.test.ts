// Files that are answered out of what is kept of them: as they were answered first, for those who may have them, and no others.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { describe, test } from "node:test";
import { type Fetch, type Image, open } from "ocipeek";
import { tempFolder } from "../../tests/lib/processes.mjs";
import { writeSyntheticLayout } from "../../tests/lib/synthetic-image.mjs";
import { type Harness, start } from "../../tests/lib/worker/harness.ts";
import { BLOCK, KeptFiles, MAX_KEPT_READ } from "../src/answers/kept-files.ts";

const KEPT = "kept;dur=0, total;dur=0";
const isKept = (response: Response): boolean => response.headers.get("server-timing") === KEPT;

/** Headers that differ from one answer to the next. */
const OWN = [
  "x-request-id",
  "server-timing",
  "x-ocipeek-requests",
  "x-ocipeek-bytes",
  "x-ocipeek-cache-hits",
];

async function plain(response: Response) {
  const headers = [...response.headers].filter(([name]) => !OWN.includes(name));
  const body = (await response.text()).replace(/"requestId":"[^"]*"/, "");
  return { status: response.status, headers, body };
}

describe("a kept file", () => {
  const path = "latest-soci/-/etc/hostname";
  const cases: [name: string, headers: Record<string, string>, method?: string][] = [
    ["whole", {}],
    ["its head", {}, "HEAD"],
    ["a range", { range: "bytes=3-6" }],
    ["a range to the end", { range: "bytes=-4" }],
    ["a range that is not understood", { range: "lines=1-2" }],
    ["a range of another state", { range: "bytes=3-6", "if-range": '"another"' }],
    ["one that cannot be", { range: "bytes=99-" }],
    ["unchanged", { "if-none-match": "*" }],
    ["another one", { "if-match": '"another"' }],
    ["to another page", { origin: "https://app.example" }],
  ];
  for (const [name, headers, method] of cases) {
    test(`is answered as it was first: ${name}`, async () => {
      const [first, second] = [await start(), await start()];
      const ask = (h: Harness) => h.get(`${h.image}:${path}`, headers, method);
      const cold = await plain(await ask(first));
      assert.equal((await second.get(`${second.image}:${path}`)).status, 200);
      second.requests();
      const answer = await ask(second);
      assert.deepEqual(second.requests(), []);
      const warm = await plain(answer);
      const here = (text: string) => text.replaceAll(first.host, second.host);
      assert.deepEqual(
        { ...warm, headers: warm.headers.map(String) },
        { ...cold, headers: cold.headers.map((it) => here(String(it))) },
      );
      // Errors are worded where they are found.
      assert.equal(isKept(answer), warm.status < 400);
      const log = second.logs().at(-1);
      assert.deepEqual([log?.kind, log?.status, log?.requests], ["tree", warm.status, 0]);
      await first.close();
      await second.close();
    });
  }

  test("is another where its tag leads elsewhere", async () => {
    const state = { tag: "latest-soci", now: Date.now() };
    const fetch: Fetch = (url, init) =>
      globalThis.fetch(url.replace("/manifests/moving", `/manifests/${state.tag}`), init);
    const h = await start({ OCIPEEK_TAG_TTL: 30 }, { fetch, now: () => state.now });
    const digest = async () => {
      const response = await h.get(`${h.image}:moving/-/etc/hostname`);
      return [isKept(response), response.headers.get("x-ocipeek-digest")];
    };
    const [, before] = await digest();
    assert.deepEqual(await digest(), [true, before]);
    state.tag = "latest";
    state.now += 31_000;
    const [isOld, after] = await digest();
    assert.equal(isOld, false);
    assert.notEqual(after, before);
    assert.deepEqual(await digest(), [true, after]);
    await h.close();
  });

  test("is none where the caller's own credentials open it, nor where they are sent", async () => {
    const authorization = `Basic ${Buffer.from("user:pass").toString("base64")}`;
    const h = await start({ OCIPEEK_PASS_AUTHORIZATION: "true" });
    const url = `${h.image}:${path}`;
    for (let i = 0; i < 2; i++) assert.equal(isKept(await h.get(url, { authorization })), false);
    assert.equal(isKept(await h.get(url)), false, "what a caller opened is not kept");
    assert.equal(isKept(await h.get(url)), true);
    assert.equal(isKept(await h.get(url, { authorization })), false);
    await h.close();
  });

  test("is for every origin that may read it what is right for that origin", async () => {
    const [app, other] = ["https://app.example", "https://other.example"];
    const h = await start({ OCIPEEK_ALLOWED_ORIGINS: [app] });
    const url = `${h.image}:${path}`;
    const allowed = async (headers: Record<string, string>) =>
      (await h.get(url, headers)).headers.get("access-control-allow-origin");
    for (let i = 0; i < 2; i++) {
      assert.equal(await allowed({}), null);
      assert.equal(await allowed({ origin: app }), app);
      assert.equal(await allowed({ origin: other }), null);
    }
    await h.close();
  });

  test("is none where only an attached index vouches for it, or nothing is to be kept", async () => {
    for (const [env, tag] of [
      [{ OCIPEEK_ATTACHED_INDEX: "true" }, "latest"],
      [{ OCIPEEK_CACHE: { answerBytes: 0 } }, "latest-soci"],
    ] as const) {
      const h = await start(env);
      const index = async () => {
        const response = await h.get(`${h.image}:${tag}/-/etc/hostname`);
        assert.equal(isKept(response), false);
        return response.headers.get("x-ocipeek-verified");
      };
      const verified = await index();
      assert.match(verified ?? "", tag === "latest" ? /index=attached/ : /index=image/);
      assert.equal(await index(), verified);
      await h.close();
    }
  });
});

test("of a large file are kept the parts that were asked for twice", async () => {
  const folder = tempFolder("kept");
  const content = randomBytes(3 * MAX_KEPT_READ);
  await writeSyntheticLayout(folder.path, [["big", content]]);
  const h = await start({}, {}, { dir: folder.path, repository: "big" });
  const part = async (start: number, end: number) => {
    const response = await h.get(`${h.image}:latest/-/big`, { range: `bytes=${start}-${end - 1}` });
    const body = Buffer.from(await response.arrayBuffer());
    assert.ok(body.equals(content.subarray(start, end)), `${start}-${end}`);
    return isKept(response);
  };
  const [a, b] = [BLOCK - 1000, BLOCK + 5000];
  assert.deepEqual([await part(a, b), await part(a, b), await part(a, b)], [false, false, true]);
  // Anything in those blocks, up to their ends; nothing beyond.
  assert.deepEqual([await part(0, 10), await part(2 * BLOCK - 7, 2 * BLOCK)], [true, true]);
  assert.equal(await part(2 * BLOCK - 7, 2 * BLOCK + 1), false);
  const whole = await h.get(`${h.image}:latest/-/big`);
  assert.ok(Buffer.from(await whole.arrayBuffer()).equals(content));
  await h.close();
  folder.remove();
});

test("many who want the same piece at once wait for one to read it, and not for ever", async () => {
  let reads = 0;
  let isStuck = false;
  let release = (): void => {};
  const h = await start(
    {},
    {
      open: async (source, options) => {
        const image: Image = await open(source, options);
        const reader = image.reader.bind(image);
        image.reader = (own) => {
          const made = reader(own);
          const read = made.read.bind(made);
          made.read = async (path, options) => {
            reads += 1;
            // The first one does not end, as that of a request which the platform dropped.
            if (isStuck && reads === 1) {
              await new Promise<void>((resolve) => {
                release = resolve;
              });
            }
            return read(path, options);
          };
          return made;
        };
        return image;
      },
    },
  );
  const ask = async (path: string) => (await h.get(`${h.image}:latest-soci/-/${path}`)).text();
  const texts = await Promise.all(Array.from({ length: 16 }, () => ask("etc/hostname")));
  assert.deepEqual([new Set(texts).size, texts[0], reads], [1, "from layer 4\n", 1]);
  [reads, isStuck] = [0, true];
  const stuck = ask("etc/os-release");
  const names = await Promise.all(Array.from({ length: 16 }, () => ask("etc/os-release")));
  assert.match(names[0] ?? "", /^PRETTY_NAME=/);
  // Who waited for long reads it, too.
  assert.ok(reads > 1 && reads <= 17, `${reads} reads`);
  release();
  assert.equal(await stuck, names[0]);
  await h.close();
});

describe("what is kept", () => {
  const file = (key: string, size: number) => ({ key, size });
  const bytes = (size: number, fill = 1) => new Uint8Array(size).fill(fill);

  test("stays within its bytes; what was used last stays longest", () => {
    const kept = new KeptFiles(4 * BLOCK);
    for (let i = 0; i < 6; i++) {
      kept.keepContent(file(`f${i}`, BLOCK), 0, bytes(BLOCK, i));
      kept.content(file("f0", BLOCK), 0, 1);
    }
    const here = Array.from({ length: 6 }, (_, i) => kept.content(file(`f${i}`, BLOCK), 5, 6)?.[0]);
    assert.deepEqual(here, [0, undefined, undefined, 3, 4, 5]);
  });

  test("is at most half of it of one file, and none of it a smaller one by the same name", () => {
    const kept = new KeptFiles(4 * BLOCK);
    const big = file("big", 10 * BLOCK);
    for (let at = 0; at < 4; at++) kept.keepContent(big, at * BLOCK, bytes(BLOCK, at));
    const here = [0, 1, 2, 3].map((at) => kept.content(big, at * BLOCK, at * BLOCK + 1)?.[0]);
    assert.deepEqual(here, [undefined, undefined, 2, 3]);
    assert.equal(kept.content(file("big", 2 * BLOCK + 5), 2 * BLOCK, 2 * BLOCK + 1), undefined);
  });
});
