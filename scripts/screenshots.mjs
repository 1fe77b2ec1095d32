// `npm run screenshots`: remakes the pictures in docs/ from the built page, over the demo image.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { pushCompareImages } from "../tests/lib/compare-images.mjs";
import { startPage } from "../tests/lib/page.mjs";
import { ROOT } from "./lib/run.mjs";

const DESKTOP = { width: 1280, height: 800 };
const PHONE = { width: 360, height: 740 };
const FILE = "usr/lib/os-release?platform=linux/amd64&lines=1-2";

/** @type {[string, { width: number, height: number }, "light" | "dark", string, string][]} */
const PICTURES = [
  ["desktop", DESKTOP, "light", `demo:latest-soci-4m/-/${FILE}`, "PRETTY_NAME"],
  ["dark", DESKTOP, "dark", "demo:latest-soci-4m/-/?view=layers&platform=linux/amd64", "Largest waste"],
  ["phone", PHONE, "light", "demo:latest-soci-4m/-/usr/lib?platform=linux/amd64", "klibc"],
  ["error", DESKTOP, "light", "demo:no-such-tag/-/", "NOT_FOUND"],
  ["diff", DESKTOP, "light", "compare:v1/-/app/settings.conf?view=compare&with=HOST/compare:v2", "9090"],
];

const folder = join(ROOT, "docs");
mkdirSync(folder, { recursive: true });
const { page, url, host, stop } = await startPage();
try {
  await pushCompareImages(host);
  for (const [name, size, colorScheme, place, text] of PICTURES) {
    await page.setViewportSize(size);
    await page.emulateMedia({ colorScheme });
    await page.goto("about:blank");
    await page.goto(`${url}#/${host}/${place.replace("HOST", host)}`);
    await page.getByText(text).first().waitFor();
    await page.screenshot({ path: join(folder, `${name}.png`) });
    console.log(`docs/${name}.png`);
  }
} finally {
  await stop();
}
