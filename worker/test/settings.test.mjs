// What is written about settings is true of config.ts.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { BINDINGS, parseConfig } from "../src/config/config.ts";

const read = (name) => readFileSync(new URL(name, import.meta.url), "utf8");
const source = read("../src/config/config.ts");
/** The names that parseConfig knows, out of its own table. */
const names = [...new Set(source.match(/`((?:OCIPEEK|AWS)_[A-Z_]+)`/g)?.map((name) => name.slice(1, -1)))];

/** The variables that wrangler.jsonc shows in comments, as if they were set. */
function shown() {
  const vars = /"vars": \{(.*?)\n {2}\}/s.exec(read("../wrangler.jsonc"))?.[1] ?? "";
  const lines = vars.split("\n").map((line) => line.trim().replace(/^\/\/ ?/, ""));
  const settings = {};
  let text = "";
  for (const line of lines) {
    if (text === "" && !/^"[A-Z_]+": /.test(line)) continue;
    text += line;
    try {
      Object.assign(settings, JSON.parse(`{${text.replace(/,$/, "")}}`));
      text = "";
    } catch {
      // It goes on in the next line.
    }
  }
  assert.equal(text, "");
  return settings;
}

test("wrangler.jsonc shows every setting with its default", () => {
  const settings = shown();
  const { OCIPEEK_INSECURE_REGISTRIES: example, ...defaults } = settings;
  assert.deepEqual(example, ["localhost:5000"]);
  assert.deepEqual(parseConfig(defaults), parseConfig({}));
  const config = parseConfig({});
  assert.deepEqual(defaults.OCIPEEK_LIMITS, config.limits);
  assert.deepEqual(defaults.OCIPEEK_LIBRARY_LIMITS, config.libraryLimits);
  assert.deepEqual(defaults.OCIPEEK_CACHE, config.cache);
  const secret = { OCIPEEK_HOOK_SECRET: "a-secret-of-hooks" };
  const hooks = parseConfig({ ...defaults, ...secret }).hooks;
  assert.deepEqual(hooks, parseConfig(secret).hooks);
  const { secrets: _, limits, ...members } = hooks;
  assert.deepEqual(Object.keys(defaults.OCIPEEK_HOOKS), Object.keys({ ...members, ...limits }));
  const file = read("../wrangler.jsonc");
  for (const name of names) assert.ok(file.includes(name), name);
});

test("the README's table names every setting and every limit", () => {
  const page = read("../README.md");
  assert.ok(names.length >= 12, names.join());
  for (const name of [...names, ...Object.values(BINDINGS), ...Object.keys(parseConfig({}).limits)]) {
    assert.ok(page.includes(`\`${name}\``), name);
  }
});
