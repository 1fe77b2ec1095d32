// `npm run bench page`: the page in Chromium with an image of 100,000 files, served by the worker in workerd.
//   npm run bench page -- --rounds 5 --json FILE
import { measureLargePage } from "../tests/lib/large-page.mjs";
import { machine, save } from "./lib/bench-report.mjs";
import { run } from "./lib/run.mjs";
import { TEST_PROGRAMS } from "./lib/tools.mjs";
import { setup } from "./setup.mjs";

const ENTRIES = 100_000;

/** Runs it and prints a table. */
export async function benchPage({ rounds = 5, json = undefined } = {}) {
  await setup({ programs: TEST_PROGRAMS });
  await run("node", ["scripts/build.mjs"]);
  const all = [];
  for (let i = 0; i < rounds; i++) all.push(await measureLargePage({ entries: ENTRIES }));
  const { text, ...about } = machine();
  console.log(`${text}; ${ENTRIES} files, ${rounds} rounds\n`);
  console.log("| what | median | worst |");
  console.log("|---|---:|---:|");
  const row = (name, unit, of) => {
    const values = all.map(of).sort((a, b) => a - b);
    const show = (value) => `${value < 10 ? value.toFixed(1) : value.toFixed(0)} ${unit}`;
    console.log(`| ${name} | ${show(values[values.length >> 1])} | ${show(values.at(-1))} |`);
  };
  row("first rows on screen, first visit", "ms", (r) => r.cold);
  row("first rows on screen, second visit", "ms", (r) => r.warm);
  for (const key of Object.keys(all[0].filters)) {
    row(`filter \`${key}\`: ${all[0].filters[key].said}`, "ms", (r) => r.filters[key].ms);
  }
  row("frame while scrolling, median", "ms", (r) => r.frames[r.frames.length >> 1]);
  row("frame while scrolling, longest", "ms", (r) => r.frames.at(-1));
  row("longest task of the main thread (0: none over 50)", "ms", (r) => r.longest);
  row("heap of the page with its columns", "MB", (r) => r.heap / 1e6);
  row("peak memory of the browser's process, engine included", "MB", (r) => r.memory / 1e6);
  save(json, { machine: about, entries: ENTRIES, rounds: all });
}
