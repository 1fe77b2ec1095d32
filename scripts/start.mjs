// `npm start`: builds the package, serves the demo image from a registry of our own on loopback, and
// shows the command on it with what each call costs; then runs the worker over it, as a plain server, with the page.
// Both stay until Ctrl-C.
//   npm start -- --once     ends when all is shown
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { serveLayout } from "./lib/layout-registry.mjs";
import { duration, ROOT, run } from "./lib/run.mjs";
import { setup } from "./setup.mjs";

const REPOSITORY = "demo";
const PAGE_PORT = 8788;
const REGISTRY_PORT = Number(process.env.PORT ?? 8789);

async function build() {
  console.log("Building (the first time takes some minutes) …");
  const start = Date.now();
  await setup();
  await run("node", ["scripts/build.mjs"]);
  console.log(`Built in ${duration(Date.now() - start)}.`);
}

/** Runs one command and shows it as a user would type it. */
async function show(cli, args) {
  console.log(`\n$ npx ocipeek ${args.map((a) => (/[^\w\-./:=@]/.test(a) ? `'${a}'` : a)).join(" ")}`);
  const { stdout, stderr } = await run(process.execPath, [cli, ...args]);
  const lines = stdout.trimEnd().split("\n");
  console.log(lines.slice(0, 24).join("\n"));
  if (lines.length > 24) console.log(`… ${lines.length - 24} more lines`);
  console.log(stderr.trimEnd().replace(/^/gm, "  # "));
}

/** On the port, so that what a browser remembers of the page stays; on a free one where it is taken. */
async function onPort(port, start) {
  try {
    return await start(port);
  } catch (error) {
    if (error.code !== "EADDRINUSE") throw error;
    return start(0);
  }
}

/** The worker with the page, which may read from this registry and suggests the image. */
async function startWorker(registry, image) {
  const { serve } = await import(pathToFileURL(join(ROOT, "dist", "worker", "serve.js")).href);
  const env = { OCIPEEK_INSECURE_REGISTRIES: registry, OCIPEEK_DEMO: [image] };
  return onPort(PAGE_PORT, (port) => serve({ port, env, log: () => {} }));
}

/** Resolves when the process is asked to end. */
function interrupted() {
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, resolve);
  });
}

/** Gets a URL and shows it as a user would. */
async function showUrl(url) {
  console.log(`\nThe worker runs too: every file of every image at a URL.\n$ curl ${url}`);
  const answer = await fetch(url);
  console.log((await answer.text()).trimEnd());
  const said = ["x-ocipeek-requests", "x-ocipeek-bytes", "x-ocipeek-verified"];
  console.log(said.map((name) => `  # ${name}: ${answer.headers.get(name)}`).join("\n"));
}

async function main(once) {
  await build();
  const bin = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")).bin;
  const cli = join(ROOT, bin.ocipeek);
  if (!existsSync(cli)) throw new Error(`${cli} is missing`);
  const dir = join(ROOT, "tests", "fixtures", "demo");
  const registry = await onPort(REGISTRY_PORT, (port) => serveLayout({ dir, repository: REPOSITORY, port }));
  const image = `${registry.host}/${REPOSITORY}:latest-soci-4m`;
  console.log(
    `\nA read-only registry with the demo image (6 layers, SOCI-indexed) runs at ${registry.host}.`,
  );
  console.log("Each call below starts cold; its last lines say what it fetched.");
  const common = ["--platform", "linux/amd64", "--stats"];
  await show(cli, ["inspect", image, ...common]);
  await show(cli, ["ls", image, "/etc", ...common]);
  await show(cli, ["cat", image, "/usr/lib/os-release", ...common]);
  const worker = await startWorker(registry.host, image);
  const files = `${worker.url}/${image}/-/`;
  await showUrl(`${files}etc/os-release`);
  console.log(`\nIn a browser, the image's files as if they were on your disk:\n  ${worker.url}/`);
  console.log(`with the demo opened:\n  ${worker.url}/#/${image}/-/usr/lib/os-release`);
  if (!once) {
    console.log("\nThe servers stay until Ctrl-C.");
    await interrupted();
  }
  await worker.close();
  await registry.close();
}

try {
  await main(process.argv.includes("--once"));
} catch (error) {
  console.error(error.output ? `${error.output}\n${error.message}` : error.message);
  process.exitCode = 1;
}
