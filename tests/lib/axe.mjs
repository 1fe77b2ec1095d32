// axe-core in a page: every rule, best practices too.
import { readFileSync } from "node:fs";

const AXE = readFileSync(new URL("../../node_modules/axe-core/axe.min.js", import.meta.url), "utf8");

/**
 * What axe finds, a line each; nothing is what is wanted.
 * @param {import("playwright-core").Page} page
 */
export async function violations(page) {
  if (!(await page.evaluate(() => "axe" in globalThis))) await page.evaluate(AXE);
  const found = await page.evaluate(async () => {
    const { violations: all } = await globalThis.axe.run(document, { resultTypes: ["violations"] });
    return all.map(({ id, nodes }) => ({ id, at: nodes.map((it) => `${it.target} ${it.failureSummary}`) }));
  });
  return found.map(({ id, at }) => `${id}: ${at.slice(0, 4).join("\n    ")}`);
}
