// What users' projects read in the tests: a registry, an archive on the web, a layout on disk; and the packed package.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { CORS } from "../../scripts/lib/layout-registry.mjs";
import { run } from "../../scripts/lib/run.mjs";
import { closeServer, listen } from "../../scripts/lib/servers.mjs";
import { created } from "./built-demo.mjs";
import { DEMO, REPOSITORY, startDemoRegistry } from "./docker-registry.mjs";
import { merged } from "./expected.mjs";
import { tempFolder } from "./processes.mjs";
import { makeProject } from "./users-project.mjs";
import { IMAGE, layout } from "./variants.mjs";

export const FILE = "/usr/lib/os-release";

/** The file's text, by GNU tar. */
async function textOfFile() {
  const { layer_index } = merged().find((line) => `/${line.path}` === FILE);
  const { digest } = layout.manifests.get(IMAGE).json.layers[layer_index];
  const blob = join(DEMO, "blobs", "sha256", digest.slice("sha256:".length));
  const { stdout } = await run("tar", ["-xOzf", blob, FILE.slice(1)]);
  assert.ok(stdout.length > 10);
  return stdout;
}

/** An archive of the demo image, at a URL that pages of other origins may read. */
async function serveArchive() {
  const folder = tempFolder("archive");
  const tar = join(folder.path, "demo.tar");
  await run("tar", ["-cf", tar, "-C", DEMO, "."]);
  const bytes = gzipSync(readFileSync(tar), { level: 1 });
  folder.remove();
  const server = createServer((_request, response) => response.writeHead(200, CORS).end(bytes));
  const port = await listen(server);
  return { url: `http://127.0.0.1:${port}/demo.tar.gz`, stop: () => closeServer(server) };
}

/** `npm pack`, into `folder`. */
export async function pack(folder) {
  await run("npm", ["pack", "--ignore-scripts", "--loglevel=error", "--pack-destination", folder]);
  return join(
    folder,
    readdirSync(folder).find((name) => name.endsWith(".tgz")),
  );
}

/** All of it. */
export async function startPlace() {
  const packed = tempFolder("packed");
  const tarball = await pack(packed.path);
  const registry = await startDemoRegistry();
  const archive = await serveArchive();
  const reference = `${registry.host}/${REPOSITORY}:latest-soci`;
  const text = await textOfFile();
  const options = { ...created[0].options, platforms: ["linux/amd64"], force: true };
  const build = (from) => `import { createIndex } from "${from}";

const index = async () => {
  const source = await openSource(${JSON.stringify(reference.replace(/-soci$/, ""))});
  const { images } = await createIndex(source, undefined, ${JSON.stringify(options)});
  return images[0].index.digest;
};`;
  const none = 'const index = () => (openSource, "");';
  const probe = (
    [open, builder] = ["ocipeek", "ocipeek/build"],
  ) => `import { open, openSource } from "${open}";
${builder ? build(builder) : none}

export async function probe(layout) {
  const read = async (source, options) => {
    const image = await open(source, { platform: "linux/amd64", ...options });
    const text = await image.readFile(${JSON.stringify(FILE)}, "utf8");
    await image.close();
    return text;
  };
  const text = await read(${JSON.stringify(reference)});
  const archive = await (await fetch(${JSON.stringify(archive.url)})).blob();
  if ((await read(archive, { tag: "latest" })) !== text) throw new Error("the archive has another text");
  if (layout && (await read(\`oci:\${layout}:latest\`)) !== text) throw new Error("the layout has another text");
  return text + (await index());
}
`;
  return {
    reference,
    text,
    /** A project's folder, with the package, and code that reads by its three modules, which is imported `from` there. */
    project({ from, at = ["probe.js"], ...project }) {
      const files = { ...Object.fromEntries(at.map((file) => [file, probe(from)])), ...project.files };
      return makeProject({ ...project, files }, tarball);
    },
    /** What that code gives. */
    expected: ({ from }) => (from?.length === 1 ? text : text + created[0].index),
    stop: async () => {
      await archive.stop();
      await registry.stop();
      packed.remove();
    },
  };
}
