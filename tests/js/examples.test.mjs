// Every public class and function has an `@example`, and each of these runs: against a layout in `./layout`, a layer in
// `layer.tar.gz`, and a registry on loopback that stands in for `ghcr.io/owner`.
import assert from "node:assert/strict";
import {
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { after, before, describe, test } from "node:test";
import { Worker } from "node:worker_threads";
import { ROOT } from "../../scripts/lib/run.mjs";
import { DEMO, pushLayout, startDockerRegistry } from "../lib/docker-registry.mjs";

const ENTRIES = ["", "/node", "/push", "/tar", "/build", "/raw", "/build/raw"];
const DECLARED =
  /\/\*\*((?:[^*]|\*(?!\/))*)\*\/\n *(export )?(?:abstract |async )*(?:(class|function|const)\*? )?(\w+)/g;
const BLOCK = /@example\n *\* ```js\n([\s\S]*?)\n *\* ```/g;

/** The package's sources, and what they declare with a doc comment. */
const sources = readdirSync(join(ROOT, "js"), { encoding: "utf8", recursive: true })
  .filter((name) => name.endsWith(".ts"))
  .map((file) => readFileSync(join(ROOT, "js", file), "utf8"));
const declared = sources.flatMap((code) =>
  [...code.matchAll(DECLARED)].map(([, doc, exported, kind, name]) => ({
    name,
    kind: exported && kind,
    examples: [...doc.matchAll(BLOCK)].map(([, block]) => block.replace(/^ *\* ?/gm, "")),
  })),
);
const examples = declared.flatMap(({ name, examples }) => examples.map((code) => ({ name, code })));

/** Public classes and functions: what the entries give, and the classes that they name as types. */
async function publicNames() {
  const names = new Set();
  for (const entry of ENTRIES) {
    const all = await import(`ocipeek${entry}`);
    for (const [name, value] of Object.entries(all)) if (typeof value === "function") names.add(name);
  }
  for (const file of ["index.ts", "node/index.ts", "push/index.ts", "tar/index.ts", "build/index.ts"]) {
    const code = readFileSync(join(ROOT, "js", file), "utf8");
    for (const [, list] of code.matchAll(/export (?:type )?\{([^}]*)\}/g)) {
      for (const [name] of list.matchAll(/\b[A-Z]\w+/g)) {
        if (declared.some((it) => it.name === name && it.kind === "class")) names.add(name);
      }
    }
  }
  return names;
}

test("every public class and function has an example", async () => {
  const names = await publicNames();
  assert.ok(names.size > 35, `${names.size} names`);
  const shown = new Set(declared.filter((it) => it.kind && it.examples.length > 0).map((it) => it.name));
  assert.deepEqual(
    [...names].filter((name) => !shown.has(name)),
    [],
  );
  const told = sources.reduce((sum, code) => sum + code.split("@example").length - 1, 0);
  assert.equal(examples.length, told, "an example is no block of ```js");
});

describe("examples", () => {
  let registry;
  let folder;
  const home = process.cwd();
  before(async () => {
    registry = await startDockerRegistry({ deletes: true });
    await pushLayout(registry.host, DEMO, "owner/app", (tag) => (tag === "latest-soci" ? "1" : tag));
    // Below the package, whose name the examples import.
    mkdirSync(join(ROOT, "target"), { recursive: true });
    folder = mkdtempSync(join(ROOT, "target", "examples-"));
    cpSync(DEMO, join(folder, "layout"), { recursive: true });
    copyFileSync(join(DEMO, "blobs", "sha256", gzipLayer()), join(folder, "layer.tar.gz"));
    process.chdir(folder);
  });
  after(async () => {
    process.chdir(home);
    await registry?.stop();
    if (folder) rmSync(folder, { recursive: true, force: true });
  });

  for (const [i, { name, code }] of examples.entries()) {
    test(name, async () => {
      const file = join(folder, `${i}.mjs`);
      writeFileSync(file, PLATFORM + code.replaceAll("ghcr.io/owner/", `${registry.host}/owner/`));
      const printed = await run(file);
      // What a line says that it prints, it prints.
      for (const [, expected] of code.matchAll(/console\.log\(.*\);? \/\/ (.*)$/gm)) {
        assert.ok(printed.split("\n").includes(expected), `${expected} is not in: ${printed}`);
      }
    });
  }
});

/** Node has no Cache API: one of a map stands in for the browser's. */
const PLATFORM = `
const kept = new Map();
globalThis.caches ??= {
  open: async () => ({
    match: async (url) => kept.get(url)?.clone(),
    put: async (url, response) => void kept.set(url, response),
  }),
};
`;

/** Runs a module in a thread, and gives what it prints. Nothing of this machine's user is looked at. */
async function run(file) {
  const env = { PATH: process.env.PATH, REGISTRY_AUTH_FILE: join(file, "..", "none.json") };
  const worker = new Worker(file, { env, stdout: true });
  const printed = text(worker.stdout);
  await new Promise((resolve, reject) => {
    worker.on("error", reject);
    worker.on("exit", (code) => (code === 0 ? resolve(undefined) : reject(new Error(`exit code ${code}`))));
  });
  return printed;
}

/** The file name of the demo image's largest gzip layer. */
function gzipLayer() {
  const index = JSON.parse(readFileSync(join(DEMO, "index.json"), "utf8"));
  const latest = index.manifests.find(
    (it) => it.annotations?.["org.opencontainers.image.ref.name"] === "latest",
  );
  const blob = (digest) => join(DEMO, "blobs", "sha256", digest.slice(7));
  const { layers } = JSON.parse(readFileSync(blob(latest.digest), "utf8"));
  const gzip = layers.filter((it) => it.mediaType.endsWith("gzip")).sort((a, b) => b.size - a.size);
  return gzip[0].digest.slice(7);
}
