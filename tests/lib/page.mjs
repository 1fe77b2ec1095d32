// The page in Chromium, served by the worker in workerd, over Debian's docker-registry with the demo image.
import { join } from "node:path";
import { ROOT } from "../../scripts/lib/run.mjs";
import { openBrowser, serveStatic } from "./chromium.mjs";
import { startDemoRegistry } from "./docker-registry.mjs";

/**
 * Starts all parts.
 * @param {{ registry?: { host: string, stop?(): Promise<void> } }} [options] `registry`: in place of the demo's
 */
export async function startPage({ registry } = {}) {
  const own = registry ? undefined : await startDemoRegistry();
  const { host } = registry ?? own;
  const site = await serveStatic({ "/": join(ROOT, "dist", "www") });
  const browser = await openBrowser();
  return {
    /** Where the page is, without a slash at the end. */
    url: `${site.url}/index.html`,
    host,
    page: browser.page,
    messages: browser.messages,
    stop: async () => {
      await browser.close();
      await site.close();
      await own?.stop();
    },
  };
}
