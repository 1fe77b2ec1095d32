// `npm run lifetime`: images that nobody closes, one file read of each, in every runtime. All of it is to be right, and memory
// to level off.
//   npm run lifetime -- [--opens 10000] [--large 500] [--only node,bun,deno,chromium] [--apart]
// `--opens` are of the demo image, `--large` of an image of some 500 MB; with `--apart` no two images share what is known of
// them.
import { spawn } from "node:child_process";
import { statSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { openBrowser, serveStatic } from "../tests/lib/chromium.mjs";
import { writeMachineImage } from "../tests/lib/machine-image.mjs";
import { browserPackage } from "../tests/lib/package.mjs";
import { memoryOf, renderersBelow } from "../tests/lib/process-memory.mjs";
import { tempFolder } from "../tests/lib/processes.mjs";
import { serveLayout } from "./lib/layout-registry.mjs";
import { ROOT } from "./lib/run.mjs";

const MIB = 1 << 20;
/** What a process may have in memory. */
const MOST = 400 * MIB;
const DEMO = join(ROOT, "tests", "fixtures", "demo");
const SHARED = join(ROOT, "tests", "shared");
const bin = (name) => join(ROOT, "node_modules", ".bin", name);

/** The commands that run a program with the flags that they have by default. */
const COMMANDS = {
  node: [process.execPath, "--input-type=module", "--eval"],
  bun: [bin("bun"), "--eval"],
  deno: [bin("deno"), "eval", "--quiet", "--ext=mjs"],
};

/** Bytes of a process that are in memory; 0 once it has ended. */
function residentOf(pid) {
  try {
    return memoryOf(pid).now;
  } catch {
    return 0;
  }
}

/** Waits for `work`; gives how much memory was resident from time to time. */
async function watched(work, resident) {
  const levels = [];
  const timer = setInterval(() => levels.push(resident()), 100);
  try {
    await work;
  } finally {
    clearInterval(timer);
  }
  return levels;
}

function inProcess(name) {
  const [file, ...args] = COMMANDS[name];
  return async (what) => {
    const text = `
      import { open } from ${JSON.stringify(join(ROOT, "dist", "js", "entry", name === "deno" ? "deno.js" : "node.js"))};
      import { openMany } from ${JSON.stringify(join(SHARED, "open-many.mjs"))};
      // As text: numbers may be coloured.
      console.log(String(await openMany(open, ${JSON.stringify(what)})));
    `;
    const child = spawn(file, [...args, text], { cwd: ROOT, stdio: ["ignore", "pipe", "inherit"] });
    let out = "";
    child.stdout.on("data", (data) => (out += data));
    const ended = new Promise((resolve) => child.once("close", resolve));
    const levels = await watched(ended, () => residentOf(child.pid));
    return { isRight: out.trim() === String(what.opens), levels };
  };
}

/** In a page. */
async function inChromium(what) {
  const { folder, entry } = browserPackage();
  const map = JSON.stringify({ imports: { ocipeek: `/pkg/${entry}` } });
  const site = await serveStatic({
    "/": Buffer.from(`<!doctype html><script type="importmap">${map}</script><title>lifetime</title>`),
    "/pkg/": folder,
    "/shared/": SHARED,
  });
  const browser = await openBrowser();
  try {
    await browser.page.goto(site.url);
    const work = browser.page.evaluate(async (what) => {
      const { open } = await import("ocipeek");
      // @ts-expect-error: the page's own server has it there.
      const { openMany } = await import("/shared/open-many.mjs");
      return openMany(open, what);
    }, what);
    const renderers = () => Math.max(0, ...renderersBelow(process.pid).map(({ pid }) => residentOf(pid)));
    const levels = await watched(work, renderers);
    return { isRight: (await work) === what.opens, levels };
  } finally {
    await browser.close();
    await site.close();
  }
}

const RUNTIMES = {
  node: inProcess("node"),
  bun: inProcess("bun"),
  deno: inProcess("deno"),
  chromium: inChromium,
};

/** The highest level in a part of the run. */
const highest = (levels, from, to) =>
  Math.max(0, ...levels.slice(Math.floor(levels.length * from), Math.ceil(levels.length * to)));

/** Runs one runtime, says what it took, and whether that is right. */
async function check(name, title, what) {
  const start = performance.now();
  const { isRight, levels } = await RUNTIMES[name](what);
  const seconds = ((performance.now() - start) / 1000).toFixed(0);
  const parts = [0, 0.25, 0.5, 0.75].map((from) => (highest(levels, from, from + 0.25) / MIB).toFixed(0));
  const most = highest(levels, 0, 1);
  const isLow = most < MOST;
  console.log(
    `${name}: ${what.opens} of ${title} ${isRight ? "right" : "WRONG"} in ${seconds} s, ` +
      `at most ${(most / MIB).toFixed(0)} MiB${isLow ? "" : ", TOO MUCH"} (by quarters ${parts.join(", ")})`,
  );
  return isRight && isLow;
}

async function main() {
  const { values } = parseArgs({
    options: {
      opens: { type: "string", default: "10000" },
      large: { type: "string", default: "500" },
      only: { type: "string", default: Object.keys(RUNTIMES).join() },
      apart: { type: "boolean", default: false },
    },
  });
  const names = values.only.split(",").filter((name) => name in RUNTIMES);
  const [opens, large] = [Number(values.opens), Number(values.large)];
  if (names.length === 0 || !(opens >= 0) || !(large >= 0)) {
    throw new Error(
      "usage: npm run lifetime -- [--opens N] [--large N] [--only node,bun,deno,chromium] [--apart]",
    );
  }
  const folder = tempFolder("lifetime");
  const images = [];
  const serve = async (title, count, dir, repository, tag, path, size) => {
    const registry = await serveLayout({ dir, repository });
    const reference = `${registry.host}/${repository}:${tag}`;
    images.push({ registry, title, what: { reference, path, size, opens: count, apart: values.apart } });
  };
  try {
    if (opens > 0) await serve("the demo image", opens, DEMO, "demo", "latest-soci", "/etc/services", 6800);
    if (large > 0) {
      const image = await writeMachineImage(folder.path);
      const title = `an image of ${(image.bytes / MIB).toFixed(0)} MiB and ${image.entries} files`;
      await serve(title, large, image.dir, "large", "indexed", image.path, statSync(image.path).size);
    }
    let isRight = true;
    for (const { title, what } of images)
      for (const name of names) isRight = (await check(name, title, what)) && isRight;
    if (!isRight) process.exitCode = 1;
  } finally {
    for (const { registry } of images) await registry.close();
    folder.remove();
  }
}

await main();
