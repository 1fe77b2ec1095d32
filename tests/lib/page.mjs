// The page, served by the worker in workerd, over Debian's docker-registry with the demo image.
import { join } from "node:path";
import { ROOT } from "../../scripts/lib/run.mjs";
import { openBrowser, serveStatic } from "./chromium.mjs";
import { REPOSITORY, startDemoRegistry } from "./docker-registry.mjs";
import { startWorker } from "./worker.mjs";

/** The page as it is built. */
export const PAGE = join(ROOT, "dist", "www");

/**
 * Starts all parts but a browser.
 * @param {{ registry?: { host: string, stop?(): Promise<void> }, vars?: Record<string, unknown>, static?: string }} [options]
 *   `registry`: in place of the demo's. `vars`: settings of the worker. `static`: the path (`/`, `/sub/path/`) below
 *   which a server that knows nothing but files serves the page, in place of the worker.
 */
export async function startSite({ registry, vars = {}, static: below } = {}) {
  const own = registry ? undefined : await startDemoRegistry();
  const { host } = registry ?? own;
  const settings = {
    OCIPEEK_INSECURE_REGISTRIES: host,
    OCIPEEK_DEMO: [`${host}/${REPOSITORY}:latest-soci`],
    OCIPEEK_TAG_TTL: "1",
    ...vars,
  };
  const site = await (below === undefined ? startWorker({ vars: settings }) : startStatic(below));
  return {
    /** The page's URL, to which a fragment can be added. */
    url: `${site.url}${below ?? "/"}`,
    host,
    stop: async () => {
      await site.stop();
      await own?.stop();
    },
  };
}

/** {@link startSite}, with the page in Chromium. @param {Parameters<typeof startSite>[0]} [options] */
export async function startPage(options) {
  const [site, browser] = await Promise.all([startSite(options), openBrowser()]);
  return {
    ...site,
    page: browser.page,
    messages: browser.messages,
    stop: async () => {
      await browser.close();
      await site.stop();
    },
  };
}

async function startStatic(below) {
  const { url, close } = await serveStatic({ [below]: PAGE });
  return { url, stop: close };
}
