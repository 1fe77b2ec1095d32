// What the declarations in wasm/ say of the glue, and of what crosses it, holds.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { ROOT } from "../../scripts/lib/run.mjs";

const MODULES = ["ocipeek", "ocipeek_build", "ocipeek_formats"];
const read = (path) => readFileSync(join(ROOT, path), "utf8");

/** A declaration without comments. The formatter keeps them regular: what stands at which indentation tells what it is. */
const declaration = (name) => read(`wasm/${name}.d.ts`).replace(/[ \t]*\/\*[\s\S]*?\*\/\n?/g, "");

/** How many parameters a list has that begins before `text`. */
function parameters(text) {
  let [depth, count, isEmpty] = [0, 0, true];
  for (const { 0: token } of text.matchAll(/=>|[([{<]|[)\]}>]|,|[^\s]/g)) {
    if (/^[)\]}>]$/.test(token) && depth-- === 0) return isEmpty ? count : count + 1;
    if (/^[([{<]$/.test(token)) depth += 1;
    if (token === "," && depth === 0) [count, isEmpty] = [count + 1, true];
    else isEmpty = false;
  }
  throw new Error("the list does not end");
}

/** Blocks of a kind: their bodies by name. */
function blocks(text, kind) {
  const found = text.matchAll(new RegExp(`^export ${kind} (\\w+)[^{\\n]*\\{\\n([\\s\\S]*?)^\\}`, "gm"));
  return new Map([...found].map((it) => [it[1], it[2]]));
}

/** The members of a body: their number of parameters, or `value` of what is none; and whether they may be absent. */
function membersOf(body) {
  return [...body.matchAll(/^ {2}(?:readonly )?(\w+)(\?)?([(:])/gm)].map((it) => {
    const rest = body.slice(it.index + it[0].length);
    return { name: it[1], isOptional: it[2] === "?", shape: it[3] === "(" ? parameters(rest) : "value" };
  });
}

/** The same of a class that the glue has. */
function shapesIn({ prototype }) {
  const own = Object.entries(Object.getOwnPropertyDescriptors(prototype));
  const members = own.filter(([name]) => name !== "constructor" && !name.startsWith("__"));
  return Object.fromEntries(members.map(([name, it]) => [name, it.get ? "value" : it.value.length]));
}

/** The names of an interface's properties, and which of them must be there. */
function keysOf(name) {
  const text = declaration("ocipeek");
  const body = blocks(text, "interface").get(name) ?? assert.fail(`no interface ${name}`);
  const members = membersOf(body);
  const required = members.filter(({ isOptional }) => !isOptional);
  return { all: members.map((it) => it.name), required: required.map((it) => it.name) };
}

/** What stands in quotes in a type of a source. */
function wordsOf(path, name) {
  const type =
    read(path).match(new RegExp(`export type ${name} =([^]*?);\\n(?:\\n|$)`))?.[1] ?? assert.fail(name);
  return [...type.replace(/\/\*[\s\S]*?\*\//g, "").matchAll(/"([\w-]+)"/g)].map((it) => it[1]);
}

/** What stands in quotes where `pattern` matches in a file of the crate. */
const quoted = (path, pattern) => [...read(path).matchAll(pattern)].map((it) => it[1]);
const sorted = (names) => [...new Set(names)].sort();

describe("the declarations of wasm's glue", () => {
  for (const name of MODULES) {
    test(`${name}: functions and classes with their members, no more and no less`, async () => {
      const glue = await import(`../../dist/wasm/${name}.js`);
      const text = declaration(name);
      const declared = new Set(["default", ...(text.match(/^export \{([^}]*)\}/m)?.[1].match(/\w+/g) ?? [])]);
      for (const it of text.matchAll(/^export function (\w+)\(/gm)) {
        declared.add(it[1]);
        assert.equal(glue[it[1]]?.length, parameters(text.slice(it.index + it[0].length)), it[1]);
      }
      for (const [key, body] of blocks(text, "class")) {
        declared.add(key);
        const of = membersOf(body).filter((it) => it.name !== "constructor");
        // Of classes in place of methods' types.
        const isMethod = ({ name: member }) => new RegExp(`^ {2}${member}: \\w+\\[`, "m").test(body);
        const shapes = of.map((it) => [it.name, isMethod(it) ? 0 : it.shape]);
        assert.deepEqual(shapesIn(glue[key]), Object.fromEntries([["free", 0], ...shapes]), key);
      }
      assert.deepEqual(
        [...declared].filter((key) => !(key in glue)),
        [],
      );
      // Of the module of other formats fewer are used: they are the base module's.
      if (name !== "ocipeek_formats")
        assert.deepEqual(
          Object.keys(glue).filter((key) => !declared.has(key)),
          [],
        );
    });
  }

  test("errors, options and hosts have the properties that the crate sets and reads", () => {
    const set = quoted("src/wasm/error.rs", /js::set(?:_some)?\(&out, "(\w+)"/g);
    const ofRemedies = ["kind", "to", "format"];
    const { all } = keysOf("RawError");
    assert.deepEqual(sorted(set.filter((it) => !ofRemedies.includes(it))), sorted(all));
    const options = quoted("src/wasm/options.rs", /(?:option|strings)\(&value, "(\w+)"/g);
    assert.deepEqual(sorted([...options, "limits"]), sorted(keysOf("RawOptions").all));
  });

  test("codes and remedies are the crate's", () => {
    const source = read("src/error.rs");
    const codes = [...source.matchAll(/^ {8}\w+ = "([A-Z_]+)",$/gm)].map((it) => it[1]);
    // And one of where there is no crate yet.
    assert.deepEqual(sorted([...codes, "NOT_LOADED"]), sorted(wordsOf("js/types/error.ts", "ErrorCode")));
    const kinds = [...source.matchAll(/Remedy::\w+(?:\(_\))? => "([a-z-]+)",/g)].map((it) => it[1]);
    const words = wordsOf("js/types/error.ts", "Remedy");
    // What `Display` says of one has spaces, or is one of these.
    assert.deepEqual(sorted(kinds.filter((it) => words.includes(it))), sorted(words));
    const names = source.match(/pub enum Remedy \{([^}]*)\}/)[1].match(/^ {4}[A-Z]\w+/gm);
    assert.equal(names.length, words.length);
  });

  test("what an image gives is what the declarations say", async () => {
    const { initSync, openImage } = await import("../../dist/wasm/ocipeek.js");
    const { folderFiles } = await import("../../dist/js/node/files.js");
    initSync({ module: readFileSync(join(ROOT, "dist/wasm/ocipeek_bg.wasm")) });
    const files = folderFiles(join(ROOT, "tests/fixtures/demo"));
    const source = { kind: /** @type {const} */ ("folder"), files, tag: "latest-soci" };
    const image = await openImage(source, { platform: "linux/amd64" }, { browser: false }, undefined);
    const fits = (name, value) => {
      const { all, required } = keysOf(name);
      const there = Object.keys(value).filter((key) => value[key] !== undefined);
      assert.deepEqual(
        there.filter((key) => !all.includes(key)),
        [],
        name,
      );
      assert.deepEqual(
        required.filter((key) => !there.includes(key)),
        [],
        name,
      );
    };
    assert.ok("root" in image);
    const root = image.root();
    const path = new TextEncoder().encode("/etc/os-release");
    fits("RawStat", await root.stat(path, true, undefined));
    const error = await root.stat(new TextEncoder().encode("/none"), true, undefined).catch((it) => it);
    fits("RawError", error);
    root.free();
    image.free();
  });
});
