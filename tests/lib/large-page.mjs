import { serveLayout } from "../../scripts/lib/layout-registry.mjs";
import { startPage } from "./page.mjs";
import { memoryOf, renderersBelow } from "./process-memory.mjs";
import { tempFolder } from "./processes.mjs";
import { writeSyntheticLayout } from "./synthetic-image.mjs";

const REPOSITORY = "large";
const FRAMES = 180;
/** Each finds another number of files, so that the page says something else. */
const KEYS = [
  "7",
  "73",
  "731",
  "7316",
  "package_2",
  "*_9*.py",
  "**/package_1*/*7.py",
  "dist-packages/package_9",
];

/** Files as large images have them. */
function filesOf(entries) {
  return Array.from({ length: entries }, (_, i) => {
    const folder = `usr/lib/python3/dist-packages/package_${Math.floor(i / 40)}`;
    return /** @type {[string, Buffer]} */ ([`${folder}/module_${i}.py`, Buffer.from(`# module ${i}\n`)]);
  });
}

/** Runs in the page before anything else. */
function watch() {
  const seen = { long: [], firstRow: Promise.resolve(0) };
  Object.assign(globalThis, { seen });
  new PerformanceObserver((list) => {
    for (const { startTime, duration } of list.getEntries()) seen.long.push({ startTime, duration });
  }).observe({ type: "longtask", buffered: true });
  seen.firstRow = new Promise((resolve) => {
    const observer = new MutationObserver(() => {
      if (!document.querySelector("[role=treeitem]")) return;
      observer.disconnect();
      requestAnimationFrame(() => setTimeout(() => resolve(performance.now())));
    });
    observer.observe(document, { childList: true, subtree: true });
  });
}

/** Types a query; gives the milliseconds until the frame that shows what it found. */
async function filterTime(query) {
  const input = document.querySelector(".tree-filter input");
  const said = document.querySelector(".tree-said");
  if (!(input instanceof HTMLInputElement) || !said) throw new Error("there is no filter");
  const shown = new Promise((resolve) => {
    const observer = new MutationObserver(() => {
      observer.disconnect();
      requestAnimationFrame(() => setTimeout(() => resolve(undefined)));
    });
    observer.observe(said, { childList: true, characterData: true, subtree: true });
  });
  const from = performance.now();
  input.value = query;
  input.dispatchEvent(new Event("input", { bubbles: true }));
  await shown;
  return { ms: performance.now() - from, said: said.textContent };
}

/**
 * What a plain search of as many paths takes where the page runs: milliseconds, the middle of nine. Tells how fast the
 * machine is just now.
 */
function plainSearch(entries) {
  const paths = Array.from(
    { length: entries },
    (_, i) => `/usr/lib/python3/dist-packages/package_${Math.floor(i / 40)}/module_${i}.py`,
  );
  const times = Array.from({ length: 9 }, () => {
    const from = performance.now();
    const found = paths.filter((path) => /_9[^/]*\.py$/.test(path)).sort();
    if (found.length === 0) throw new Error("nothing was found");
    return performance.now() - from;
  });
  return times.sort((a, b) => a - b)[4];
}

/** Scrolls through the tree by a page a frame; gives the time of each frame. */
async function scroll(frames) {
  const list = document.querySelector("[role=tree]");
  if (!list) throw new Error("there is no tree");
  const next = () => new Promise((resolve) => requestAnimationFrame(resolve));
  const times = [];
  let last = await next();
  for (let i = 0; i < frames; i++) {
    list.scrollTop += i % 60 === 59 ? list.scrollHeight / 7 : list.clientHeight;
    const now = await next();
    times.push(now - last);
    last = now;
  }
  return times;
}

/** The most resident bytes that the browser's process of the page has had; it is below this one. */
const rendererMemory = (root) => Math.max(...renderersBelow(root).map(({ pid }) => memoryOf(pid).peak));

/**
 * Opens an image of so many files and does what people do: all times are milliseconds.
 * @param {{ entries?: number }} [options]
 */
export async function measureLargePage({ entries = 100_000 } = {}) {
  const folder = tempFolder("large");
  await writeSyntheticLayout(folder.path, filesOf(entries), { spanSize: 4 << 20 });
  const registry = await serveLayout({ dir: folder.path, repository: REPOSITORY });
  const parts = await startPage({ registry });
  try {
    const { page } = parts;
    await page.addInitScript(watch);
    const address = `${parts.url}#/${registry.host}/${REPOSITORY}:latest/-/usr/lib/python3/dist-packages`;
    const open = async () => {
      await page.goto("about:blank");
      await page.goto(address);
      return Number(await page.evaluate("seen.firstRow"));
    };
    const long = async () => /** @type {any[]} */ (await page.evaluate("seen.long"));
    const cold = await open();
    const opening = await long();
    // The index is made when the tree is there.
    const first = await page.evaluate(filterTime, "e");
    const filters = {};
    for (const key of KEYS) {
      const { ms, said } = await page.evaluate(filterTime, key);
      filters[key] = { ms, said };
    }
    const plain = Number(await page.evaluate(plainSearch, entries));
    await page.evaluate(filterTime, "");
    await page.getByRole("button", { name: "Open all folders" }).click();
    const frames = await page.evaluate(scroll, FRAMES);
    await page.getByRole("button", { name: /Sort by size/ }).click();
    await page.locator("[role=treeitem]").first().waitFor();
    const working = await long();
    const session = await page.context().newCDPSession(page);
    await session.send("HeapProfiler.collectGarbage");
    const heap = await session.send("Runtime.getHeapUsage");
    const warm = await open();
    const again = await long();
    const memory = rendererMemory(process.pid);
    return {
      entries,
      cold,
      warm,
      first: first.ms,
      filters,
      plain,
      frames: frames.sort((a, b) => a - b),
      heap: heap.usedSize + (heap.backingStorageSize ?? 0),
      memory,
      longest: Math.max(0, ...[...opening, ...working, ...again].map((it) => it.duration)),
      long: { opening, working: working.slice(opening.length), again },
      messages: parts.messages,
    };
  } finally {
    await parts.stop();
    await registry.close();
    folder.remove();
  }
}
