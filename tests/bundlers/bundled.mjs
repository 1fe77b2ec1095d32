// Projects that need no other tools than those that are here anyway.
import { DEMO } from "../lib/docker-registry.mjs";
import { COPY_PAGE, PAGE, PROGRAM } from "../lib/users-project.mjs";

const esbuild = (from, ...flags) => ["esbuild", from, "--bundle", "--log-level=warning", ...flags];

export const ESBUILD = {
  name: "esbuild",
  files: { ...PAGE, ...PROGRAM },
  cases: [
    {
      name: "page",
      run: [esbuild("page.js", "--format=esm", "--outdir=dist"), COPY_PAGE],
      site: "dist",
      page: "/",
    },
    {
      name: "page, split",
      run: [esbuild("page.js", "--format=esm", "--splitting", "--outdir=dist"), COPY_PAGE],
      site: "dist",
      page: "/",
    },
    {
      name: "Node, ES module",
      run: [esbuild("main.js", "--platform=node", "--format=esm", "--outfile=esm/main.mjs")],
      alone: ["esm", "node", "main.mjs"],
    },
    {
      name: "Node, CommonJS",
      // It warns that import.meta is empty.
      run: [esbuild("main.js", "--platform=node", "--outfile=common/main.cjs", "--log-level=error")],
      alone: ["common", "node", "main.cjs"],
    },
  ],
};

export const BUN = {
  name: "Bun",
  files: PROGRAM,
  cases: [
    { name: "run", run: [["bun", "run", "main.js"]] },
    {
      name: "build for Node",
      run: [["bun", "build", "--target=node", "--outdir=for-node", "main.js"]],
      alone: ["for-node", "node", "main.js"],
    },
    {
      name: "build for Bun",
      run: [["bun", "build", "--target=bun", "--outdir=for-bun", "main.js"]],
      alone: ["for-bun", "bun", "main.js"],
    },
    {
      name: "compiled",
      run: [["bun", "build", "--compile", "--outfile=compiled/main", "main.js"]],
      alone: ["compiled", "./main"],
    },
  ],
};

export const VITE = {
  name: "Vite 8",
  files: PAGE,
  cases: [
    { name: "dev server", serve: ["vite", "--host", "127.0.0.1", "--port", "PORT"], page: "/" },
    { name: "build", run: [["vite", "build", "--logLevel", "warn"]], site: "dist", page: "/" },
  ],
};

/** The module that holds the wasm. */
export const INLINE = {
  name: "ocipeek/inline",
  from: ["ocipeek/inline", "ocipeek/build/inline"],
  files: { ...PAGE, ...PROGRAM },
  cases: [
    { name: "Node", run: [["node", "main.js"]] },
    {
      name: "Node, one file",
      run: [esbuild("main.js", "--platform=node", "--outfile=common/main.cjs")],
      alone: ["common", "node", "main.cjs"],
    },
    { name: "Bun", run: [["bun", "run", "main.js"]] },
    {
      name: "Deno",
      run: [["deno", "run", "--no-remote", "--node-modules-dir=manual", "-A", "main.js"]],
      env: { DENO_NO_UPDATE_CHECK: "1" },
    },
    {
      name: "page, one file",
      run: [esbuild("page.js", "--format=iife", "--outdir=dist"), COPY_PAGE],
      site: "dist",
      page: "/",
    },
  ],
};

/** Who says where the modules are, in code of their own. */
const given = (name, init, to, files) => `import { readFile } from "node:fs/promises";
import { ${init} } from "${name}";

const file = (name) => readFile(new URL(import.meta.resolve(name)));
${init}(file("${to}")${files});
export * from "${name}";
`;

export const RAW = {
  name: "ocipeek/raw",
  from: ["./read.js", "./build.js"],
  files: {
    ...PROGRAM,
    "read.js": given(
      "ocipeek/raw",
      "init",
      "ocipeek/wasm",
      ', { formats: () => file("ocipeek/formats/wasm") }',
    ),
    "build.js": given("ocipeek/build/raw", "initBuild", "ocipeek/build/wasm", ""),
  },
  cases: [
    { name: "Node", run: [["node", "main.js"]] },
    { name: "Bun", run: [["bun", "run", "main.js"]] },
  ],
};

export const REQUIRED = {
  name: "require()",
  files: {
    "main.cjs": `const { open } = require("ocipeek");

if (typeof open !== "function") throw new Error("no function");
import("./probe.js")
  .then(({ probe }) => probe(${JSON.stringify(DEMO)}))
  .then((text) => process.stdout.write(text));
`,
  },
  cases: [{ name: "Node", run: [["node", "--no-warnings", "main.cjs"]] }],
};

/** What is here anyway: `npm test` runs these. */
export const CORE = [VITE, ESBUILD, BUN, INLINE, RAW, REQUIRED];
