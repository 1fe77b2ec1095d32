// `npm run worker:dev`: the worker in workerd over the demo image, in a registry of our own on loopback. The package
// must be built; the worker's own files are watched. Ctrl-C ends both.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { serveLayout } from "./lib/layout-registry.mjs";
import { ROOT } from "./lib/run.mjs";
import { useTools } from "./lib/tools.mjs";
import { wranglerDev } from "./lib/wrangler.mjs";
import { WORKER_CONFIG } from "./worker-build.mjs";

const PORT = Number(process.env.PORT ?? 8787);

async function main() {
  useTools();
  if (!existsSync(join(ROOT, "dist", "www", "index.html")))
    throw new Error("Build the package first: npm run build");
  const dir = join(ROOT, "tests", "fixtures", "demo");
  const registry = await serveLayout({ dir, repository: "demo" });
  const folder = join(ROOT, "worker", ".wrangler", "state");
  const image = `${registry.host}/demo:latest-soci`;
  const vars = {
    OCIPEEK_INSECURE_REGISTRIES: registry.host,
    OCIPEEK_DEMO: [image],
    OCIPEEK_TAG_TTL: "1",
  };
  const { file, args, env } = wranglerDev({ config: WORKER_CONFIG, port: PORT, folder, vars });
  console.log(`Try http://127.0.0.1:${PORT}/ in a browser, and http://127.0.0.1:${PORT}/${image}/-/`);
  const child = spawn(file, args, { cwd: ROOT, env: { ...process.env, ...env }, stdio: "inherit" });
  process.on("SIGINT", () => child.kill("SIGINT"));
  process.on("SIGTERM", () => child.kill("SIGTERM"));
  const code = await new Promise((resolve) => child.once("close", resolve));
  await registry.close();
  process.exitCode = code ?? 0;
}

try {
  await main();
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
