// A user's project in a folder of its own, made from `npm pack`, with each tool that users have and that is here anyway. What
// must be installed for it is in tests/bundlers.
import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { ROOT, run } from "../../scripts/lib/run.mjs";
import { ALL, CORE } from "../bundlers/matrix.mjs";
import { freePort, startServer } from "../lib/processes.mjs";
import { FILE, startPlace } from "../lib/users-place.mjs";
import { check, PROGRAM } from "../lib/users-project.mjs";

/** What belongs to a tool that is named. */
const BESIDE =
  /^(react|react-dom|svelte|jest-environment-jsdom|webpack-cli|.*\/vite-plugin-svelte|.*dev-server|@rspack\/cli)$/;

const bin = (name) => join(ROOT, "node_modules", ".bin", name);

let place;
before(async () => {
  place = await startPlace();
});
after(() => place?.stop());

describe("a user's project", () => {
  let folder;
  before(async () => {
    folder = await place.project({ files: PROGRAM });
    writeFileSync(
      join(folder.path, "main.ts"),
      `import { open, openSource, type OpenOptions, type Source } from "ocipeek";
import { type Converted, convertImage, type IndexOptions, pushArtifacts } from "ocipeek/build";
import { dockerAuth, spillFile } from "ocipeek/node";
import { type Destination, registryDestination } from "ocipeek/push";
import { init, type InitOptions } from "ocipeek/raw";
import wasm from "ocipeek/wasm";
const given: InitOptions = {};
init(wasm, given);
const options: OpenOptions = { platform: "linux/amd64" };
const image = await open(${JSON.stringify(place.reference)}, options);
const text: string = await image.readFile(${JSON.stringify(FILE)}, "utf8");
const bytes: Uint8Array = await image.readFile(${JSON.stringify(FILE)});
if (bytes.length !== text.length) throw new Error("lengths differ");
const source: Source = await openSource(${JSON.stringify(place.reference)}, { auth: dockerAuth() });
const indexing: IndexOptions = { minLayerSize: 0, platforms: "all", store: () => spillFile() };
const converted: Converted = await convertImage(source, undefined, indexing);
const destination: Destination = await registryDestination("localhost:1/a", { plainHttp: true });
const pushed = pushArtifacts(source, converted, destination, { tag: "a" }).catch(() => undefined);
process.stdout.write(text + (await pushed)?.destination);\n`,
    );
  });
  after(() => folder?.remove());

  test("Node", async () => {
    const { stdout, stderr } = await run(process.execPath, ["main.js"], { cwd: folder.path });
    assert.equal(stdout, place.expected({}));
    assert.equal(stderr, "");
  });

  test("TypeScript, strict, with the package's own types", async () => {
    const options = {
      strict: true,
      module: "nodenext",
      target: "es2022",
      types: ["node"],
      noEmit: true,
      skipLibCheck: false,
    };
    mkdirSync(join(folder.path, "node_modules", "@types"), { recursive: true });
    for (const name of ["@types/node", "undici-types"]) {
      symlinkSync(join(ROOT, "node_modules", name), join(folder.path, "node_modules", name));
    }
    writeFileSync(
      join(folder.path, "tsconfig.json"),
      JSON.stringify({ compilerOptions: options, files: ["main.ts"] }),
    );
    await run(bin("tsc"), ["-p", "."], { cwd: folder.path });
  });

  test("npx: the command of the installed package", async () => {
    const args = ["--offline", "ocipeek", "cat", place.reference, FILE, "--platform", "linux/amd64"];
    const { stdout } = await run("npx", args, { cwd: folder.path });
    assert.equal(stdout, place.text);
  });

  test("its server gives the page the wasm modules, which the package has once", async () => {
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const args = [join(folder.path, "node_modules", ".bin", "ocipeek"), "serve", "--port", String(port)];
    const server = await startServer(process.execPath, args, { url, cwd: folder.path });
    try {
      const copies = readdirSync(join(ROOT, "dist", "www", "-", "www")).filter((it) => it.endsWith(".wasm"));
      assert.equal(copies.length, 3);
      for (const name of copies) {
        const answer = await fetch(`${url}/-/www/${name}`);
        assert.equal(answer.status, 200, name);
        assert.equal(answer.headers.get("content-type"), "application/wasm");
        await WebAssembly.compile(await answer.arrayBuffer());
      }
      const other = await fetch(`${url}/-/www/ocipeek_bg-12345678.wasm`);
      assert.equal(other.status, 404);
    } finally {
      await server.stop();
    }
  });

  test("Deno", async () => {
    const args = [
      "run",
      "--no-remote",
      "--node-modules-dir=manual",
      "--allow-net=127.0.0.1",
      "--allow-read",
      "--allow-env",
      "main.js",
    ];
    const { stdout } = await run(bin("deno"), args, { cwd: folder.path, env: { DENO_NO_UPDATE_CHECK: "1" } });
    assert.equal(stdout, place.expected({}));
  });

  describe("wrangler", () => {
    const quiet = { CI: "true", WRANGLER_SEND_METRICS: "false", CLOUDFLARE_CF_FETCH_ENABLED: "false" };
    before(() => {
      writeFileSync(
        join(folder.path, "worker.mjs"),
        `import { probe } from "./probe.js";
export default { fetch: async () => new Response(await probe()) };\n`,
      );
      writeFileSync(
        join(folder.path, "wrangler.json"),
        JSON.stringify({ name: "users-project", main: "worker.mjs", compatibility_date: "2026-08-01" }),
      );
    });

    test("deploy --dry-run bundles it", async () => {
      const { output } = await run(bin("wrangler"), ["deploy", "--dry-run", "--outdir", "bundle"], {
        cwd: folder.path,
        env: quiet,
      });
      assert.match(output, /Total Upload/);
      assert.ok(readdirSync(join(folder.path, "bundle")).some((f) => f.endsWith(".wasm")));
    });

    test("dev runs it in workerd", async () => {
      const port = await freePort();
      const inspector = await freePort();
      const url = `http://127.0.0.1:${port}`;
      const args = [
        "dev",
        "--ip",
        "127.0.0.1",
        "--port",
        String(port),
        "--inspector-port",
        String(inspector),
        "--show-interactive-dev-session=false",
      ];
      const server = await startServer(bin("wrangler"), args, {
        url,
        cwd: folder.path,
        env: quiet,
        seconds: 60,
      });
      try {
        const answer = await fetch(url);
        assert.equal(await answer.text(), place.expected({}), server.output());
      } finally {
        await server.stop();
      }
    });
  });
});

test("docs/bundlers.md names every project, and the versions", () => {
  const page = readFileSync(join(ROOT, "docs", "bundlers.md"), "utf8");
  const { devDependencies: here } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  const named = ["vite", "esbuild", "bun", "deno", "wrangler", "node"].map((tool) => here[tool]);
  for (const { name, dependencies = {}, tool = {} } of ALL) {
    assert.ok(page.includes(name.replace(/ [\d.]+$/, "")), name);
    for (const [what, version] of Object.entries({ ...dependencies, ...tool }))
      if (!BESIDE.test(what)) named.push(version);
  }
  for (const version of named) assert.ok(page.includes(version), version);
});

for (const project of CORE) {
  describe(project.name, () => {
    let folder;
    before(async () => {
      folder = await place.project(project);
    });
    after(() => folder?.remove());
    for (const it of project.cases) test(it.name, () => check(folder.path, it, place.expected(project)));
  });
}
