// A user's project in a folder of its own, made from `npm pack`, with each tool that users have.
import assert from "node:assert/strict";
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { ROOT, run } from "../../scripts/lib/run.mjs";
import { created } from "../lib/built-demo.mjs";
import { openBrowser, serveStatic } from "../lib/chromium.mjs";
import { DEMO, REPOSITORY, startDemoRegistry } from "../lib/docker-registry.mjs";
import { merged } from "../lib/expected.mjs";
import { freePort, startServer, tempFolder } from "../lib/processes.mjs";
import { IMAGE, layout } from "../lib/variants.mjs";

const FILE = "/usr/lib/os-release";
const bin = (name) => join(ROOT, "node_modules", ".bin", name);

const IMPORTS = `import { open, openSource } from "ocipeek";
import { createIndex } from "ocipeek/build";`;

/** What each project does, whatever it runs on: reads a file, and makes the image's SOCI index. */
const read = (reference) => `open(${JSON.stringify(reference)}, { platform: "linux/amd64" })
  .then((image) => image.readFile(${JSON.stringify(FILE)}, "utf8"))
  .then(async (text) => {
    const source = await openSource(${JSON.stringify(reference.replace(/-soci$/, ""))});
    const { images } = await createIndex(source, undefined, ${JSON.stringify({ ...created[0].options, platforms: ["linux/amd64"], force: true })});
    return text + images[0].index.digest;
  })`;

const CONFIGURATION = { name: "users-project", private: true, type: "module" };

describe("a user's project", () => {
  let registry;
  let reference;
  let folder;
  let text;
  let expected;
  before(async () => {
    registry = await startDemoRegistry();
    reference = `${registry.host}/${REPOSITORY}:latest-soci`;
    folder = tempFolder("project");
    const write = (name, content) => writeFileSync(join(folder.path, name), content);
    write("package.json", JSON.stringify(CONFIGURATION));
    await run("npm", ["pack", "--ignore-scripts", "--loglevel=error", "--pack-destination", folder.path]);
    const tarball = readdirSync(folder.path).find((f) => f.endsWith(".tgz"));
    await run(
      "npm",
      ["install", "--offline", "--no-audit", "--no-fund", "--loglevel=error", `./${tarball}`],
      { cwd: folder.path },
    );
    write("main.mjs", `${IMPORTS}\nprocess.stdout.write(await ${read(reference)});\n`);
    write(
      "main.ts",
      `import { open, openSource, type OpenOptions, type Source } from "ocipeek";
import { type Converted, convertImage, type IndexOptions, pushArtifacts } from "ocipeek/build";
import { dockerAuth, spillFile } from "ocipeek/node";
import { type Destination, registryDestination } from "ocipeek/push";
const options: OpenOptions = { platform: "linux/amd64" };
const image = await open(${JSON.stringify(reference)}, options);
const text: string = await image.readFile(${JSON.stringify(FILE)}, "utf8");
const bytes: Uint8Array = await image.readFile(${JSON.stringify(FILE)});
if (bytes.length !== text.length) throw new Error("lengths differ");
const source: Source = await openSource(${JSON.stringify(reference)}, { auth: dockerAuth() });
const indexing: IndexOptions = { minLayerSize: 0, platforms: "all", store: () => spillFile() };
const converted: Converted = await convertImage(source, undefined, indexing);
const destination: Destination = await registryDestination("localhost:1/a", { plainHttp: true });
const pushed = pushArtifacts(source, converted, destination, { tag: "a" }).catch(() => undefined);
process.stdout.write(text + (await pushed)?.destination);\n`,
    );
    const { layer_index } = merged().find((line) => `/${line.path}` === FILE);
    const { digest } = layout.manifests.get(IMAGE).json.layers[layer_index];
    const blob = join(DEMO, "blobs", "sha256", digest.slice("sha256:".length));
    const { stdout } = await run("tar", ["-xOzf", blob, FILE.slice(1)]);
    assert.ok(stdout.length > 10);
    text = stdout;
    expected = text + created[0].index;
  });
  after(async () => {
    await registry?.stop();
    folder?.remove();
  });

  test("Node", async () => {
    const { stdout, stderr } = await run(process.execPath, ["main.mjs"], { cwd: folder.path });
    assert.equal(stdout, expected);
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
    const args = ["--offline", "ocipeek", "cat", reference, FILE, "--platform", "linux/amd64"];
    const { stdout } = await run("npx", args, { cwd: folder.path });
    assert.equal(stdout, text);
  });

  test("Deno", async () => {
    const args = [
      "run",
      "--no-remote",
      "--node-modules-dir=manual",
      "--allow-net=127.0.0.1",
      "--allow-read",
      "--allow-env",
      "main.mjs",
    ];
    const { stdout } = await run(bin("deno"), args, { cwd: folder.path, env: { DENO_NO_UPDATE_CHECK: "1" } });
    assert.equal(stdout, expected);
  });

  test("Bun", async () => {
    const { stdout } = await run(bin("bun"), ["run", "main.mjs"], { cwd: folder.path });
    assert.equal(stdout, expected);
  });

  test("Vite: the production build, in Chromium", async () => {
    const write = (name, content) => writeFileSync(join(folder.path, name), content);
    write(
      "index.html",
      '<!doctype html><title>project</title><pre></pre><script type="module" src="/page.js"></script>',
    );
    write(
      "page.js",
      `${IMPORTS}
const show = (text) => { document.querySelector("pre").textContent = text; document.title = "done"; };
${read(reference)}.then(show, (error) => show(String(error.stack)));\n`,
    );
    await run(bin("vite"), ["build", "--logLevel", "warn"], { cwd: folder.path });
    const site = await serveStatic({ "/": `${folder.path}/dist/` });
    const browser = await openBrowser();
    try {
      await browser.page.goto(`${site.url}/index.html`);
      await browser.page.waitForFunction(() => document.title === "done", undefined, { timeout: 30_000 });
      assert.equal(await browser.page.textContent("pre"), expected, browser.messages.join("\n"));
    } finally {
      await browser.close();
      await site.close();
    }
  });

  describe("wrangler", () => {
    const quiet = { CI: "true", WRANGLER_SEND_METRICS: "false", CLOUDFLARE_CF_FETCH_ENABLED: "false" };
    before(() => {
      writeFileSync(
        join(folder.path, "worker.mjs"),
        `${IMPORTS}
export default { fetch: async () => new Response(await ${read(reference)}) };\n`,
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
        assert.equal(await answer.text(), expected, server.output());
      } finally {
        await server.stop();
      }
    });
  });
});
