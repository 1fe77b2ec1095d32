// A user's project in a folder of its own: installed, built and served by the commands that its tool has, and looked at.
import assert from "node:assert/strict";
import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { ROOT, run } from "../../scripts/lib/run.mjs";
import { openBrowser, serveStatic } from "./chromium.mjs";
import { DEMO } from "./docker-registry.mjs";
import { freePort, startServer, tempFolder } from "./processes.mjs";

/** No tool asks anybody, or tells. */
const QUIET = {
  CI: "true",
  NO_COLOR: "1",
  FORCE_COLOR: "0",
  ASTRO_TELEMETRY_DISABLED: "1",
  NEXT_TELEMETRY_DISABLED: "1",
  NUXT_TELEMETRY_DISABLED: "1",
  WRANGLER_SEND_METRICS: "false",
  CLOUDFLARE_CF_FETCH_ENABLED: "false",
};

/** A page that shows what the probe gives. */
export const PAGE = {
  "index.html":
    '<!doctype html><title>project</title><pre></pre><script type="module" src="./page.js"></script>\n',
  "page.js": `import { probe } from "./probe.js";

const show = (text) => {
  document.querySelector("pre").textContent = text;
  document.title = "done";
};
probe().then(show, (error) => show(String(error.stack)));
`,
};

/** A command that puts the page beside its built script. */
export const COPY_PAGE = ["node", "-e", "fs.copyFileSync('index.html', 'dist/index.html')"];

/** A program that prints what the probe gives. */
export const PROGRAM = {
  "main.js": `import { probe } from "./probe.js";

probe(${JSON.stringify(DEMO)}).then((text) => process.stdout.write(text));
`,
};

/**
 * @typedef {object} Case What is done in a project, and where its result shows
 * @property {string} name
 * @property {string[][]} [run] commands, to their end; `PORT` in them is a free port. The last one's output is the result,
 *   where there is no other
 * @property {string[]} [serve] a command that goes on
 * @property {string} [site] a folder to serve, in place of that
 * @property {string} [page] the path of a page that shows the result
 * @property {string[]} [answers] paths that answer with it
 * @property {RegExp} [says] what the commands say where they fail, as they must
 * @property {string[]} [alone] a folder, and a command that prints the result there, when nothing else of the project is near
 * @property {Record<string, string>} [env]
 */

/**
 * @typedef {object} Project
 * @property {string} name
 * @property {Record<string, string>} [dependencies]
 * @property {Record<string, string>} files
 * @property {string[]} [from] what its probe imports, in place of "ocipeek" and "ocipeek/build"
 * @property {string[]} [at] where the probe lies
 * @property {object} [manifest] more of its package.json
 * @property {Record<string, string>} [tool] a package manager, for which npm makes place
 * @property {string[][]} [install] its commands, in place of npm's
 * @property {Case[]} cases
 */

/**
 * The folder of a project with the packed package.
 * @param {Omit<Project, "name" | "cases">} project
 * @param {string} tarball
 */
export async function makeProject({ dependencies = {}, files, manifest = {}, tool, install }, tarball) {
  const folder = tempFolder("project");
  const about = { name: "users-project", private: true, type: "module", ...manifest };
  const all = {
    "package.json": JSON.stringify({
      ...about,
      dependencies: { ...dependencies, ocipeek: `file:${tarball}` },
    }),
    ...files,
  };
  for (const [name, text] of Object.entries(all)) {
    mkdirSync(dirname(join(folder.path, name)), { recursive: true });
    writeFileSync(join(folder.path, name), text);
  }
  const offline =
    Object.keys({ ...dependencies, ...tool }).length === 0 ? ["--offline"] : ["--prefer-offline"];
  const flags = [...offline, "--no-audit", "--no-fund", "--loglevel=error"];
  const npm = (cwd, ...args) => run("npm", ["install", ...flags, ...args], { cwd, env: QUIET, timeout: 300 });
  if (!install) await npm(folder.path);
  else {
    mkdirSync(join(folder.path, "tool"));
    writeFileSync(join(folder.path, "tool", "package.json"), "{}");
    await npm(join(folder.path, "tool"), ...Object.entries(tool).map((it) => it.join("@")));
    for (const [file, ...args] of install)
      await run(file, args, { cwd: folder.path, env: { ...QUIET, PATH: pathOf(folder.path) }, timeout: 120 });
  }
  return folder;
}

/** The programs of a project, then those of this one. */
const pathOf = (cwd) =>
  [
    ...["tool/", ""].map((it) => join(cwd, it, "node_modules", ".bin")),
    join(ROOT, "node_modules", ".bin"),
    process.env.PATH,
  ].join(":");

/** Does what `it` says in `cwd`, and compares the result. @param {string} cwd @param {Case} it @param {string} expected */
export async function check(cwd, it, expected) {
  const port = await freePort();
  const env = { ...QUIET, PATH: pathOf(cwd), PORT: String(port), HOST: "127.0.0.1", ...it.env };
  const filled = (command) => command.map((word) => word.replaceAll("PORT", String(port)));
  let stdout = "";
  for (const [file, ...args] of (it.run ?? []).map(filled)) {
    const allowFail = it.says !== undefined;
    const result = await run(file, args, { cwd, env, timeout: 240, allowFail });
    stdout = result.stdout;
    if (it.says) assert.match(result.output, it.says);
  }
  if (it.says) return;
  if (it.alone) stdout = await away(join(cwd, it.alone[0]), it.alone.slice(1), env);
  const looked = await served(cwd, it, { port, env, command: filled(it.serve ?? []) });
  for (const [where, text] of looked ?? [["the output", stdout]]) assert.equal(text, expected, where);
}

/** What a program prints in a folder that was carried off. @param {string} from @param {string[]} command */
async function away(from, [file, ...args], env) {
  const folder = tempFolder("away");
  try {
    const cwd = join(folder.path, "some", "where");
    cpSync(from, cwd, { recursive: true });
    return (await run(file, args, { cwd, env, timeout: 60 })).stdout;
  } finally {
    folder.remove();
  }
}

/** What the paths of a server, or of a folder that is served, give. */
async function served(cwd, it, { port, env, command: [file, ...args] }) {
  if (!file && !it.site) return undefined;
  const site = it.site && (await serveStatic({ "/": `${join(cwd, it.site)}/` }));
  const url = site?.url ?? `http://127.0.0.1:${port}`;
  const server = file && (await startServer(file, args, { url, cwd, env, seconds: 120 }));
  try {
    const found = [];
    for (const path of it.answers ?? []) {
      const answer = await fetch(url + path);
      found.push([path, textOf(await answer.text())]);
    }
    if (it.page) found.push([it.page, await shown(url + it.page)]);
    return found;
  } catch (error) {
    error.message += `\n${server?.output() ?? ""}`;
    throw error;
  } finally {
    await server?.stop();
    await site?.close();
  }
}

/** The text of an answer, or what stands in its `<pre>`. */
const textOf = (answer) => {
  const [, inside] = answer.match(/<pre[^>]*>([\s\S]*?)<\/pre>/) ?? [undefined, answer];
  return inside.replaceAll("&quot;", '"').replaceAll("&#34;", '"').replaceAll("&amp;", "&");
};

/** What a page shows in the end. */
async function shown(url) {
  const browser = await openBrowser();
  const { page, messages } = browser;
  try {
    await page.goto(url);
    const isDone = () => document.title === "done";
    await page.waitForFunction(isDone, undefined, { timeout: 60_000 }).catch((error) => {
      throw new Error(`${error.message}\n${messages.join("\n")}`);
    });
    return await page.textContent("pre");
  } finally {
    await browser.close();
  }
}
