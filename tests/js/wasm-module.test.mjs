// Loading of wasm modules: from their files, else from the text that holds them; and what is said where both fail.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { after, before, describe, test } from "node:test";
import { gunzipSync, gzipSync } from "node:zlib";
import { OcipeekError } from "../../dist/js/index.js";
import { fetchedModule, fileModule, givenModule, inlineModule } from "../../dist/js/wasm-module.js";
import { closeServer, listen } from "../../scripts/lib/servers.mjs";
import { wasmFile } from "../lib/package.mjs";

/** The smallest module; and halves of a text that holds one with a section of its own, `held`. */
const EMPTY = Buffer.from([0, 97, 115, 109, 1, 0, 0, 0]);
const HELD = Buffer.concat([EMPTY, Buffer.from([0, 5, 4, ...Buffer.from("held")])]);
const text = gzipSync(HELD).toString("base64");
const HALVES = [text.slice(0, 21), text.slice(21)];
const NOTHING = () => [Promise.reject(new Error("a chunk is missing"))];

const isHeld = (module) => WebAssembly.Module.customSections(module, "held").length === 1;
/** Glue that notes what it is given. */
function glue() {
  const seen = [];
  /** @param {any} options */
  const init = ({ module, module_or_path = module }) => {
    const compiled = module_or_path instanceof WebAssembly.Module ? module_or_path : undefined;
    seen.push(
      compiled ? (isHeld(compiled) ? "held" : "file") : new WebAssembly.Module(module_or_path) && "bytes",
    );
  };
  return { seen, init };
}
const notLoaded =
  (...words) =>
  (error) => {
    assert.ok(error instanceof OcipeekError);
    assert.equal(error.code, "NOT_LOADED");
    for (const word of words) assert.ok(error.message.includes(word), `${word} in ${error.message}`);
    return true;
  };

describe("a module that is fetched", () => {
  const answers = {
    "/wasm": ["application/wasm", EMPTY],
    "/bytes": ["application/octet-stream", EMPTY],
    "/page": ["text/html; charset=utf-8", Buffer.from("<!doctype html>")],
    "/text": ["application/octet-stream", Buffer.from("not found")],
    "/lie": ["application/wasm", Buffer.from("not found")],
  };
  let server;
  let asked = [];
  let at;
  before(async () => {
    server = createServer(({ url }, response) => {
      asked.push(url);
      const [type, body] = answers[url] ?? [];
      if (!type) response.writeHead(404).end();
      else response.writeHead(200, { "content-type": type }).end(body);
    });
    const port = await listen(server);
    at = (path) => () => new URL(path, `http://127.0.0.1:${port}`);
  });
  after(() => closeServer(server));

  for (const path of ["/wasm", "/bytes"]) {
    test(`${path}: is compiled once, and needs nothing else`, async () => {
      asked = [];
      const { seen, init } = glue();
      const load = fetchedModule(init, at(path), () => assert.fail("what is held was imported"));
      await load();
      await load();
      assert.deepEqual(seen, ["file", "file"]);
      assert.deepEqual(asked, [path]);
    });
  }

  for (const path of ["/page", "/text", "/lie", "/none"]) {
    test(`${path}: the held one serves`, async () => {
      asked = [];
      const { seen, init } = glue();
      const load = fetchedModule(init, at(path), () => HALVES.map(async (it) => ({ default: it })));
      await load();
      await load();
      assert.deepEqual(seen, ["held", "held"]);
      assert.deepEqual(asked, [path]);
    });
  }

  test("whose URL a bundle has lost: the held one serves", async () => {
    const { seen, init } = glue();
    await fetchedModule(
      init,
      () => new URL("ocipeek_bg.wasm", undefined),
      () => HALVES,
    )();
    assert.deepEqual(seen, ["held"]);
  });

  test("and cannot be had at all: a code, both reasons, and the line that helps; then it is tried again", async () => {
    const { seen, init } = glue();
    const held = [NOTHING, () => HALVES];
    const load = fetchedModule(init, at("/none"), () => held.shift()());
    await assert.rejects(
      load(),
      notLoaded("status 404", "a chunk is missing", '"ocipeek/inline"', '"ocipeek/raw"'),
    );
    await load();
    assert.deepEqual(seen, ["held"]);
  });

  test("where a policy forbids wasm: names what allows it", async () => {
    const refuse = () => {
      throw new Error(
        "Refused to compile: 'unsafe-eval' is not an allowed source in the Content Security Policy",
      );
    };
    const load = fetchedModule(glue().init, refuse, () => [refuse()]);
    await assert.rejects(load(), notLoaded("'wasm-unsafe-eval'", "script-src"));
  });
});

describe("a module that is read from its file", () => {
  test("needs nothing else", async () => {
    const { seen, init } = glue();
    const read = () => readFileSync(wasmFile());
    await fileModule(init, read, () => assert.fail("what is held was imported"), gunzipSync)();
    assert.deepEqual(seen, ["bytes"]);
  });

  test("which is gone: the held one serves, and is compiled once", async () => {
    const { seen, init } = glue();
    let reads = 0;
    const read = () => readFileSync(`/nowhere/${reads++}.wasm`);
    const load = fileModule(init, read, () => HALVES, gunzipSync);
    await load();
    await load();
    assert.deepEqual(seen, ["held", "held"]);
    assert.equal(reads, 1);
  });

  test("and cannot be had at all: a code, and both reasons", async () => {
    const load = fileModule(glue().init, () => readFileSync("/nowhere.wasm"), NOTHING, gunzipSync);
    await assert.rejects(load(), notLoaded("ENOENT", "a chunk is missing", '"ocipeek/inline"'));
  });
});

test("a module that is inline", async () => {
  const { seen, init } = glue();
  await inlineModule(init, HALVES)();
  assert.deepEqual(seen, ["held"]);
});

describe("a module that the caller gives", () => {
  test("is what the glue gets", async () => {
    const { seen, init } = glue();
    await givenModule(init, async () => EMPTY)();
    assert.deepEqual(seen, ["bytes"]);
  });
  test("and is none: a code", async () => {
    const none = givenModule(glue().init, () => Buffer.from("no"));
    await assert.rejects(none(), notLoaded("init()", '"ocipeek/wasm"'));
    const rejected = givenModule(glue().init, () => Promise.reject(new Error("no such file")));
    await assert.rejects(rejected(), notLoaded("no such file"));
  });
});
