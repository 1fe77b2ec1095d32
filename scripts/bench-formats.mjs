// `npm run bench formats`: what each lazy format costs to list and to read one file of, cold, from docker-registry on this
// machine. Formats take turns within each round, so that what else the machine does falls on all alike.
import { open, openSource } from "ocipeek";
import { convertImage, pushArtifacts } from "ocipeek/build";
import { registryDestination } from "ocipeek/push";
import { COLD, FORMATS, referenceOf, startFormatsRegistry } from "../tests/lib/formats.mjs";
import { median } from "./lib/bench-report.mjs";

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

/** The layout `plain-gzip` with SOCI indexes, which `ocipeek/build` makes here. */
async function pushSoci(host) {
  const rows = [];
  for (const [name, spanSize] of Object.entries({
    "soci, 4 MiB spans": 4 << 20,
    "soci, 256 KiB spans": 256 << 10,
  })) {
    const repository = `${host}/soci-${spanSize >> 10}k`;
    const source = await openSource(referenceOf(host, "plain-gzip"));
    const image = await convertImage(source, undefined, { spanSize, minLayerSize: 0 });
    await pushArtifacts(source, image, await registryDestination(repository), { tag: "latest" });
    await image.close();
    await source.close();
    rows.push({ name, reference: `${repository}:latest`, options: undefined, list: [], read: [] });
  }
  return rows;
}

/** Rows of a table: one a layout. */
export async function benchFormats({ rounds = 9 } = {}) {
  const registry = await startFormatsRegistry();
  try {
    const rows = FORMATS.map(({ folder, name = folder, options }) => ({
      name,
      reference: referenceOf(registry.host, folder),
      options,
      list: [],
      read: [],
    }));
    rows.push(...(await pushSoci(registry.host)));
    for (let round = 0; round < rounds; round += 1) {
      for (const row of rows) {
        row.list.push(await measure(row.reference, row.options, list));
        row.read.push(await measure(row.reference, row.options, (image) => image.readFile(COLD)));
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
