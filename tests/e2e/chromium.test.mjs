// Every file of the demo image from a real docker-registry, in headless Chromium, by plain modules.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { openBrowser, serveStatic } from "../lib/chromium.mjs";
import { startDemoRegistry } from "../lib/docker-registry.mjs";
import { layers, merged } from "../lib/expected.mjs";
import { browserPackage } from "../lib/package.mjs";
import { variants } from "../lib/variants.mjs";

describe("the whole demo image in Chromium", () => {
  let registry;
  let site;
  let browser;
  before(async () => {
    registry = await startDemoRegistry();
    const { folder, entry } = browserPackage();
    const importMap = JSON.stringify({ imports: { ocipeek: `/pkg/${entry}` } });
    site = await serveStatic({
      "/": Buffer.from(`<!doctype html><script type="importmap">${importMap}</script><title>test</title>`),
      "/pkg/": folder,
      "/shared/": new URL("../shared/", import.meta.url).pathname,
      "/merged.json": Buffer.from(JSON.stringify(merged())),
      "/layers.json": Buffer.from(JSON.stringify(layers())),
    });
    browser = await openBrowser();
    await browser.page.goto(site.url);
  });
  after(async () => {
    await browser?.close();
    await site?.close();
    await registry?.stop();
  });

  for (const [i, { name }] of variants("").entries()) {
    test(name, async () => {
      const { reference, options } = variants(registry.host)[i];
      const report = await browser.page.evaluate(
        async ([reference, options]) => {
          const { open } = await import("ocipeek");
          // @ts-expect-error: the page's own server has it there.
          const { checkImage } = await import("/shared/check-image.mjs");
          const [merged, layers] = await Promise.all(
            ["/merged.json", "/layers.json"].map((u) => fetch(u).then((r) => r.json())),
          );
          return checkImage(open, { reference, options, merged, layers });
        },
        [reference, options],
      );
      assert.deepEqual(report.problems, [], browser.messages.join("\n"));
      assert.ok(report.files > 4000, `${report.files} files`);
    });
  }
});
