// Headless Firefox by WebDriver BiDi.
import { launch } from "puppeteer-core";
import { firefox } from "../../scripts/lib/tools.mjs";
import { tempFolder } from "./processes.mjs";

/** Milliseconds for one call. */
const PATIENCE = 60_000;

/** A browser with one page. @returns {Promise<import("./browser-hand.mjs").Driver>} */
export async function openFirefox() {
  const executablePath = firefox();
  if (!executablePath) throw new Error("Firefox is missing: run `npm run setup -- --tests`");
  const downloads = tempFolder("firefox");
  const browser = await launch({
    browser: "firefox",
    executablePath,
    headless: true,
    protocolTimeout: PATIENCE,
    args: ["--no-sandbox"],
    defaultViewport: null,
    extraPrefsFirefox: {
      "browser.download.folderList": 2,
      "browser.download.dir": downloads.path,
      "browser.download.alwaysOpenPanel": false,
    },
  }).catch((error) => {
    downloads.remove();
    throw error;
  });
  const page = await browser.newPage();
  const errors = [];
  page.on("console", (m) => m.type() === "error" && errors.push(m.text()));
  page.on("pageerror", (e) => errors.push(String(e)));
  return {
    downloads: downloads.path,
    goto: (url) => page.goto(url),
    evaluate: (expression) => page.evaluate(expression),
    click: (x, y) => page.mouse.click(x, y),
    type: (text) => page.keyboard.type(text),
    press: (key) => page.keyboard.press(key),
    resize: (size) => page.setViewport(size),
    screenshot: () => page.screenshot(),
    errors: () => errors,
    close: async () => {
      await browser.close();
      downloads.remove();
    },
  };
}
