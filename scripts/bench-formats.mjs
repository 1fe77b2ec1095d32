// `npm run bench formats`: what each lazy format costs to list and to read one file of, cold, from docker-registry on this
// machine. Formats take turns within each round, so that what else the machine does falls on all alike.
import { open } from "ocipeek";
import { COLD, FORMATS, referenceOf, startFormatsRegistry } from "../tests/lib/formats.mjs";

const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];

/** Opens an image, does something with it, and says what that took. */
async function measure(reference, options, use) {
  const start = performance.now();
  const image = await open(reference, options);
  await use(image);
  const ms = performance.now() - start;
  const { requests, bytes, imageBytes } = image.stats;
  await image.close();
  return { ms, requests, bytes, imageBytes };
}

async function list(image) {
  let entries = 0;
  for await (const _ of image.walk("/")) entries += 1;
  // mke2fs makes `lost+found`.
  if (entries !== 306 && entries !== 307) throw new Error(`${entries} entries`);
}

/** Rows of a table: one a layout. */
export async function benchFormats({ rounds = 9 } = {}) {
  const registry = await startFormatsRegistry();
  try {
    const rows = FORMATS.map(({ folder, name = folder, options }) => ({
      folder,
      name,
      options,
      list: [],
      read: [],
    }));
    for (let round = 0; round < rounds; round += 1) {
      for (const row of rows) {
        const reference = referenceOf(registry.host, row.folder);
        row.list.push(await measure(reference, row.options, list));
        row.read.push(await measure(reference, row.options, (image) => image.readFile(COLD)));
      }
    }
    return rows.map(({ name, list, read }) => {
      const of = (runs) => ({
        requests: runs[0].requests,
        bytes: runs[0].bytes,
        ms: median(runs.map((r) => r.ms)),
      });
      return { name, imageBytes: list[0].imageBytes, list: of(list), read: of(read) };
    });
  } finally {
    await registry.stop();
  }
}

/** The rows as Markdown. */
export function formatsTable(rows) {
  const n = (number) => number.toLocaleString("en-US");
  const cells = ({ requests, bytes, ms }) => `${requests} | ${n(bytes)} | ${ms.toFixed(1)}`;
  return [
    "| layout | layers, bytes | list: requests | bytes | ms | read: requests | bytes | ms |",
    "|---|---:|---:|---:|---:|---:|---:|---:|",
    ...rows.map((r) => `| ${r.name} | ${n(r.imageBytes)} | ${cells(r.list)} | ${cells(r.read)} |`),
  ].join("\n");
}
