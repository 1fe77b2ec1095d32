// `npm run test:bundlers`: the packed package's types, for each TypeScript that is supported; publint, arethetypeswrong.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { ROOT, run } from "../../scripts/lib/run.mjs";
import { tempFolder } from "../lib/processes.mjs";
import { pack } from "../lib/users-place.mjs";
import { makeProject } from "../lib/users-project.mjs";

const VERSIONS = ["5.2.2", "5.3.3", "5.4.5", "5.5.4", "5.6.3", "5.7.3", "5.8.3", "5.9.3", "6.0.3", "7.0.2"];
const MODULES = { node16: "node16", nodenext: "nodenext", bundler: "esnext" };

/** Each entry is imported, and used. */
const MAIN = `import wasm from "ocipeek/wasm";
import buildWasm from "ocipeek/build/wasm";
import formatsWasm from "ocipeek/formats/wasm";
import { open, openSource, type OpenOptions, type Source } from "ocipeek";
import { open as openInline } from "ocipeek/inline";
import { init, type InitOptions } from "ocipeek/raw";
import { type Converted, convertImage, type IndexOptions, pushArtifacts } from "ocipeek/build";
import { buildZtoc } from "ocipeek/build/inline";
import { initBuild } from "ocipeek/build/raw";
import { dockerAuth, spillFile } from "ocipeek/node";
import { type Destination, registryDestination } from "ocipeek/push";
import { itemsOf, tar } from "ocipeek/tar";

export async function main(): Promise<string | undefined> {
  const given: InitOptions = { formats: formatsWasm };
  init(wasm, given);
  initBuild(buildWasm);
  const options: OpenOptions = { platform: "linux/amd64" };
  const image = await open("a", options);
  const text: string = await image.readFile("/a", "utf8");
  const bytes: Uint8Array = await image.readFile("/a");
  if (bytes.length !== text.length) throw new Error("lengths differ");
  await (await openInline("a")).close();
  const ztoc = await buildZtoc(tar(itemsOf(image, await image.lstat("/etc"), new Uint8Array())));
  await ztoc.close();
  const source: Source = await openSource("a", { auth: dockerAuth() });
  const indexing: IndexOptions = { minLayerSize: 0, platforms: "all", store: () => spillFile() };
  const converted: Converted = await convertImage(source, undefined, indexing);
  const destination: Destination = await registryDestination("localhost:1/a", { plainHttp: true });
  return (await pushArtifacts(source, converted, destination, { tag: "a" })).destination;
}
`;

let packed;
let tarball;
let folder;
before(async () => {
  packed = tempFolder("packed");
  tarball = await pack(packed.path);
  const versions = VERSIONS.map((it) => [`typescript-${it}`, `npm:typescript@${it}`]);
  const tools = { "@types/node": "22.20.5", publint: "0.3.25", "@arethetypeswrong/cli": "0.18.5" };
  const dependencies = { ...Object.fromEntries(versions), ...tools };
  folder = await makeProject({ dependencies, files: { "main.ts": MAIN } }, tarball);
});
after(() => {
  packed?.remove();
  folder?.remove();
});

for (const version of VERSIONS) {
  describe(`TypeScript ${version}`, () => {
    for (const [moduleResolution, module] of Object.entries(MODULES)) {
      test(moduleResolution, async () => {
        const options = {
          strict: true,
          skipLibCheck: false,
          target: "es2022",
          types: ["node"],
          noEmit: true,
        };
        const compilerOptions = { ...options, module, moduleResolution };
        writeFileSync(
          join(folder.path, "tsconfig.json"),
          JSON.stringify({ compilerOptions, files: ["main.ts"] }),
        );
        const tsc = join(folder.path, "node_modules", `typescript-${version}`, "bin", "tsc");
        await run(process.execPath, [tsc, "-p", "."], { cwd: folder.path });
      });
    }
  });
}

describe("the package", () => {
  const bin = (name) => join(folder.path, "node_modules", ".bin", name);

  test("publint has nothing to say", async () => {
    // A suggestion is left: `browser` is for tools that do not know the `exports` map (Parcel 2, by default).
    await run(bin("publint"), ["run", tarball, "--strict", "--level", "warning"], { cwd: ROOT });
  });

  test("arethetypeswrong finds nothing", async () => {
    // An ES module: CommonJS requires it where Node can, or imports it; resolution of before `exports` knows "ocipeek" alone.
    await run(bin("attw"), [tarball, "--profile", "esm-only"], { cwd: ROOT });
  });
});
