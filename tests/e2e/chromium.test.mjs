// Every file of the demo image from a real docker-registry, in headless Chromium, by plain modules.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { run } from "../../scripts/lib/run.mjs";
import { openBrowser, serveStatic } from "../lib/chromium.mjs";
import { DEMO, startDemoRegistry } from "../lib/docker-registry.mjs";
import { layers, merged } from "../lib/expected.mjs";
import { browserPackage } from "../lib/package.mjs";
import { tempFolder } from "../lib/processes.mjs";
import { forReaders, variants } from "../lib/variants.mjs";

describe("the whole demo image in Chromium", () => {
  let registry;
  let site;
  let browser;
  let temp;
  let archive;
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
    temp = tempFolder("chromium-file");
    archive = join(temp.path, "demo.tar");
    await run("tar", ["-cf", archive, "-C", DEMO, "oci-layout", "index.json", "blobs"]);
    browser = await openBrowser();
    await browser.page.goto(site.url);
  });
  after(async () => {
    await browser?.close();
    await site?.close();
    await registry?.stop();
    temp?.remove();
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

  test("several readers at the same time", async () => {
    const report = await browser.page.evaluate(
      async (what) => {
        const { open } = await import("ocipeek");
        // @ts-expect-error: the page's own server has it there.
        const { checkReaders } = await import("/shared/check-readers.mjs");
        return checkReaders(open, what);
      },
      forReaders(registry.host, merged()),
    );
    assert.deepEqual(report, { problems: [] }, browser.messages.join("\n"));
  });

  test("a file that the user chose, read by slices", async () => {
    const { page } = browser;
    await page.evaluate(() => {
      document.body.innerHTML = "<input type=file>";
    });
    await page.setInputFiles("input", archive);
    const read = await page.evaluate(async () => {
      const { open } = await import("ocipeek");
      const [file] = document.querySelector("input").files;
      const slice = file.slice.bind(file);
      let bytes = 0;
      file.slice = (start = 0, end = file.size) => {
        bytes += end - start;
        return slice(start, end);
      };
      const image = await open(file, { platform: "linux/amd64", tag: "latest-soci-4m" });
      const text = await image.readFile("/etc/hostname", "utf8");
      await image.close();
      return { text, bytes, size: file.size };
    });
    assert.equal(read.text, "from layer 4\n");
    assert.ok(read.bytes < read.size / 4, `${read.bytes} of ${read.size} bytes`);
  });
});
