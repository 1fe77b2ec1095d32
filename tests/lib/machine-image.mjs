// An image of this machine's own files, as large as real images are.
import { spawn } from "node:child_process";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { finished } from "node:stream/promises";
import { openSource } from "ocipeek";
import { convertImage, pushArtifacts } from "ocipeek/build";
import { LayoutDestination } from "ocipeek/node";
import { layoutWriter } from "./synthetic-image.mjs";

const MIB = 1 << 20;
const LARGEST = 2 * MIB;

/** Regular files below a folder, without links. */
function* filesBelow(folder) {
  let entries = [];
  try {
    entries = readdirSync(folder, { withFileTypes: true });
  } catch {
    // Not everybody's.
  }
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* filesBelow(path);
    else if (entry.isFile()) yield path;
  }
}

/**
 * Writes a layout in `dir` whose tag `indexed` is an image of one gzip layer with a SOCI index: files of /usr, as many as are
 * there of so many, up to so many bytes. Gives a file in the middle of it.
 * @param {string} dir
 * @param {{ entries?: number, megabytes?: number }} [size]
 */
export async function writeMachineImage(dir, { entries = 40_000, megabytes = 500 } = {}) {
  const paths = [];
  let bytes = 0;
  for (const path of filesBelow("/usr")) {
    if (paths.length === entries) break;
    const { size } = statSync(path);
    if (size > LARGEST || bytes + size > megabytes * MIB) continue;
    paths.push(path);
    bytes += size;
  }
  const layer = await gzippedTar(paths);
  const writer = layoutWriter(join(dir, "plain"));
  writer.addPlain("plain", layer);
  writer.finish();
  const source = await openSource(`oci:${join(dir, "plain")}:plain`);
  const image = await convertImage(source, undefined, { minLayerSize: 0 });
  await pushArtifacts(source, image, new LayoutDestination(join(dir, "image")), { tag: "indexed" });
  await image.close();
  await source.close();
  const path = paths.slice(paths.length >> 1).find((it) => statSync(it).size > 1000) ?? paths[0];
  return { dir: join(dir, "image"), path, content: readFileSync(path), entries: paths.length, bytes };
}

/** A tar of these files, by gzip. */
async function gzippedTar(paths) {
  const tar = spawn("tar", ["--null", "-T", "-", "-cz", "-P", "-f", "-"], {
    env: { ...process.env, GZIP: "-1" },
    stdio: ["pipe", "pipe", "ignore"],
  });
  tar.stdin.end(paths.map((path) => `${path}\0`).join(""));
  const chunks = [];
  tar.stdout.on("data", (chunk) => chunks.push(chunk));
  await finished(tar.stdout);
  return Buffer.concat(chunks);
}
