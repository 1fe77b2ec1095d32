// While an image makes the worker walk far, others are answered; and what it may cost ends it by name. In workerd with the
// heap of an isolate, and by `ocipeek serve`.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { after, before, describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import { serveLayout } from "../../scripts/lib/layout-registry.mjs";
import { tempFolder } from "../lib/processes.mjs";
import { RUNTIMES, startServe } from "../lib/serve.mjs";
import { layoutWriter, tarHeader, tarOf } from "../lib/synthetic-image.mjs";
import { startBundle } from "../lib/worker.mjs";

const EMPTY = Buffer.alloc(0);
const GIB = 1 << 30;
const NAMES = 80_000;
/** What a look-up ends at, too. */
const DEPTH = 8000;

const longNamed = (name) => [
  ["././@LongLink", Buffer.from(`${name}\0`), "L"],
  [name, EMPTY],
];

/** A file of 3.7 GB of which nothing is stored, in GNU's old form. */
function bomb() {
  const header = tarHeader("bomb", 0, "S");
  header.write((3.7 * GIB).toString(8).split(".")[0].padStart(11, "0"), 483);
  header.write("ustar  \0", 257, "latin1");
  header.fill(0x20, 148, 156);
  const sum = header.reduce((a, b) => a + b, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return Buffer.concat([header, Buffer.alloc(1024)]);
}

function writeImages(dir) {
  const writer = layoutWriter(dir);
  const add = (tag, files) => writer.addPlain(tag, gzipSync(tarOf(files).tar));
  add("good", [["etc/small", Buffer.from("small\n")]]);
  add("deep", longNamed(`${"d/".repeat(DEPTH)}f`));
  add("wide-deep", Array.from({ length: 40 }, (_, i) => longNamed(`${i}/${"d/".repeat(2000)}f`)).flat());
  add(
    "many",
    Array.from({ length: NAMES }, (_, i) => [`${"a".repeat(60)}${i}`, EMPTY]),
  );
  add("broken", [
    ["a", Buffer.from("a")],
    ["b", EMPTY, "1", "nowhere"],
    ["c", Buffer.from("c")],
  ]);
  writer.addPlain("sparse", gzipSync(bomb()));
  writer.finish();
}

const SERVERS = {
  workerd: async (registry) =>
    startBundle({ OCIPEEK_INSECURE_REGISTRIES: registry, OCIPEEK_LIMITS: { maxSecondsToHead: 60 } }),
  "ocipeek serve": async (registry) => {
    const server = await startServe(RUNTIMES.node, ["--registry", registry, "--insecure-registry", registry]);
    return { url: server.url, stop: () => server.stop(), output: server.log };
  },
};

for (const [name, start] of Object.entries(SERVERS)) {
  describe(`hostile walks, ${name}`, () => {
    let folder;
    let registry;
    let server;
    before(async () => {
      folder = tempFolder("turns");
      writeImages(folder.path);
      registry = await serveLayout({ dir: folder.path, repository: "hostile" });
      server = await start(registry.host);
    });
    after(async () => {
      await server?.stop();
      await registry?.close();
      folder?.remove();
    });

    const url = (tag, rest) => `${server.url}/${registry.host}/hostile:${tag}/-/${rest}`;
    const get = (tag, rest) => fetch(url(tag, rest), { headers: { accept: "application/json" } });

    /** Runs a request to its end, and asks `/healthz` again and again meanwhile. */
    async function beside(tag, rest) {
      let ended = false;
      const waits = [];
      const asking = (async () => {
        while (!ended) {
          const from = performance.now();
          const answer = await fetch(`${server.url}/healthz`);
          await answer.arrayBuffer();
          assert.equal(answer.status, 200);
          waits.push(performance.now() - from);
        }
      })();
      const from = performance.now();
      const answer = await get(tag, rest);
      const text = await answer.text().catch(() => "");
      const took = performance.now() - from;
      ended = true;
      await asking;
      return { status: answer.status, text, took, longest: Math.max(...waits), answers: waits.length };
    }

    const lastLine = (text) => JSON.parse(text.trimEnd().split("\n").at(-1));

    /** Others wait for a small part of it at most. A short one is over before it matters. */
    function live({ took, longest, answers }, what) {
      assert.ok(longest < Math.max(250, took / 3), `${what}: waited ${longest} of ${took} ms`);
      assert.ok(answers >= Math.min(10, took / 50), `${what}: ${answers} answers in ${took} ms`);
    }

    test("a folder 8,000 deep ends at the limit, in about the time of its part", async () => {
      await (await get("deep", "")).text();
      const run = await beside("deep", "?recursive");
      assert.equal(run.status, 200);
      const { error } = lastLine(run.text);
      assert.equal(error.code, "LIMIT_EXCEEDED");
      assert.match(error.message, /maxDepth/);
      live(run, "deep");
      // 2,049 folders cost about as much each as those of a small tree.
      const small = await beside("wide-deep", "0/d/d/?recursive");
      assert.equal(small.status, 200);
      assert.equal(small.text.trimEnd().split("\n").length, 1999);
      assert.ok(run.took < 4 * small.took + 1000, `${run.took} ms beside ${small.took} ms`);
    });

    test("others are answered during a listing of 80,000 entries in deep folders", async () => {
      const run = await beside("wide-deep", "?recursive");
      assert.equal(run.status, 200);
      assert.equal(run.text.trimEnd().split("\n").length, 40 * 2002);
      live(run, "wide-deep");
    });

    test("a glob of 1,024 characters over 80,000 names: others are answered, and it ends by name or right", async () => {
      await (await get("many", "?recursive&glob=x")).text();
      const stars = await beside("many", `?recursive&glob=${"*a".repeat(30)}*${"{a,b}".repeat(1)}*`);
      assert.equal(stars.status, 200);
      live(stars, "stars");
      // Any character of a name may be the first that a question mark stands for.
      const marks = await beside(
        "many",
        `?recursive&glob=*${encodeURIComponent("?".repeat(40))}b${"*".repeat(1)}`,
      );
      live(marks, "question marks");
      const long = await beside("many", `?recursive&glob=${"{*a,*?a}".repeat(127)}`);
      live(long, "alternatives");
      const said =
        long.status === 200 ? lastLine(long.text || '{"error":{}}').error : JSON.parse(long.text).error;
      assert.equal(said.code, "LIMIT_EXCEEDED");
      assert.match(said.message, /maxGlobSteps/);
    });

    test("a caller's leaving stops a walk", async () => {
      const stop = new AbortController();
      const answer = await fetch(url("wide-deep", "?recursive"), { signal: stop.signal });
      const reader = answer.body.getReader();
      await reader.read();
      stop.abort();
      await assert.rejects(reader.read());
      const after = await get("good", "etc/small");
      assert.equal(await after.text(), "small\n");
    });

    test("holes are counted: a file of 3.7 GB that takes nothing is not sent; an archive keeps it a hole", async () => {
      const answer = await get("sparse", "bomb");
      assert.equal(answer.headers.get("content-length"), String(Math.floor(3.7 * GIB)));
      let length = 0;
      await assert.rejects(async () => {
        for await (const chunk of answer.body) length += chunk.length;
      });
      assert.ok(length <= GIB + (1 << 20), `${length} bytes`);
      const archive = Buffer.from(await (await get("sparse", "?tar")).arrayBuffer());
      assert.ok(archive.length <= 20 * 512, `${archive.length} bytes`);
      const listed = execFileSync("tar", ["-tvf", "-"], { input: archive, encoding: "utf8" });
      assert.match(listed, new RegExp(`${Math.floor(3.7 * GIB)} .* bomb`));
    });

    test("an archive says what it lacks", async () => {
      const archive = Buffer.from(await (await get("broken", "?tar")).arrayBuffer());
      const names = execFileSync("tar", ["-tf", "-"], { input: archive, encoding: "utf8" })
        .trim()
        .split("\n");
      assert.deepEqual(names, ["a", "c", ".ocipeek-left-out.txt"]);
      const list = execFileSync("tar", ["-xOf", "-", ".ocipeek-left-out.txt"], {
        input: archive,
        encoding: "utf8",
      });
      assert.match(list, /^"\/b": CORRUPT_LAYER: .*hard link.*\n$/);
      for (let tries = 0; tries < 40 && !/"leftOut":1/.test(server.output()); tries++) {
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      assert.match(server.output(), /"leftOut":1/);
    });
  });
}
