// `npm run screenshots`: remakes the pictures in docs/ from the built page, over the demo image.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { pushCompareImages } from "../tests/lib/compare-images.mjs";
import { MIXED, pushMixed } from "../tests/lib/format-images.mjs";
import { startPage } from "../tests/lib/page.mjs";
import { startPlainRegistry } from "../tests/lib/plain-registry.mjs";
import { ROOT } from "./lib/run.mjs";

const DESKTOP = { width: 1280, height: 800 };
const PHONE = { width: 360, height: 740 };
const FILE = "usr/lib/os-release?platform=linux/amd64&lines=1-2";

/** @type {[string, { width: number, height: number }, "light" | "dark", string, string][]} */
const PICTURES = [
  ["desktop", DESKTOP, "light", `demo:latest-soci-4m/-/${FILE}`, "PRETTY_NAME"],
  ["dark", DESKTOP, "dark", "demo:latest-soci-4m/-/?view=layers&platform=linux/amd64", "Largest waste"],
  ["phone", PHONE, "light", "demo:latest-soci-4m/-/usr/lib?platform=linux/amd64", "klibc"],
  ["formats", DESKTOP, "light", `${MIXED}/-/?view=layers&layer=LAYER`, "Vouched for by"],
  ["error", DESKTOP, "light", "demo:no-such-tag/-/", "NOT_FOUND"],
  ["diff", DESKTOP, "light", "compare:v1/-/app/settings.conf?view=compare&with=HOST/compare:v2", "9090"],
];

/** Files of an image without an index. */
const PLAIN = [
  ...["bin/busybox", "etc/ssl/certs/ca-certificates.crt", "lib/ld-musl-x86_64.so.1", "lib/libcrypto.so.3"],
  ...["lib/libssl.so.3", "opt/app/bin/server", "opt/app/data/countries.db", "opt/app/data/tiles.pack"],
  ...[
    "opt/app/lib/engine.so",
    "opt/app/lib/render.so",
    "usr/lib/libpython3.13.so.1.0",
    "usr/lib/libsqlite3.so.0",
  ],
];

/** While a layer is indexed: the tree grows. */
async function pictureOfIndexing(page, url) {
  const size = 6 << 20;
  const plain = await startPlainRegistry({ files: PLAIN.length, size, nameOf: (i) => PLAIN[i] });
  try {
    plain.delay = 15;
    await page.setViewportSize(DESKTOP);
    await page.emulateMedia({ colorScheme: "light" });
    await page.goto("about:blank");
    await page.goto(`${url}#/${plain.reference}/-/`);
    await page.getByRole("button", { name: "Index this layer", exact: true }).click();
    const tree = page.getByRole("tree", { name: "Entries so far" });
    for (const name of [/^opt\b/, /^app\b/, /^data\b/]) {
      await tree.getByRole("treeitem", { name }).click({ timeout: 60_000 });
    }
    await tree.getByRole("treeitem", { name: /^tiles/ }).waitFor();
    await page.screenshot({ path: join(folder, "indexing.png") });
    console.log("docs/indexing.png");
  } finally {
    await plain.stop();
  }
}

const folder = join(ROOT, "docs");
mkdirSync(folder, { recursive: true });
const { page, url, host, stop } = await startPage();
try {
  await pushCompareImages(host);
  const chunked = await pushMixed(host);
  for (const [name, size, colorScheme, place, text] of PICTURES) {
    await page.setViewportSize(size);
    await page.emulateMedia({ colorScheme });
    await page.goto("about:blank");
    await page.goto(`${url}#/${host}/${place.replace("HOST", host).replace("LAYER", chunked)}`);
    await page.getByText(text).first().waitFor();
    await page.screenshot({ path: join(folder, `${name}.png`) });
    console.log(`docs/${name}.png`);
  }
  await pictureOfIndexing(page, url);
} finally {
  await stop();
}
