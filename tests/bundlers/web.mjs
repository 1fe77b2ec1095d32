// Tools that make pages.
import { COPY_PAGE, PAGE } from "../lib/users-project.mjs";

const RULES =
  '{ entry: "./page.js", mode: "production", output: { path: import.meta.dirname + "/dist", filename: "page.js" } }';
const DEV =
  '{ ...configuration, mode: "development", devServer: { host: "127.0.0.1", port: process.env.PORT, static: "." } }';
const packed = {
  ...PAGE,
  "made.config.js": `export default ${RULES};\n`,
  "dev.config.js": `import configuration from "./made.config.js";\nexport default ${DEV};\n`,
};

/** Vite pre-bundles dependencies in its dev server. */
const vite = (version) => ({
  name: `Vite ${version.split(".")[0]}`,
  dependencies: { vite: version },
  files: PAGE,
  cases: [
    { name: "dev server", serve: ["vite", "--host", "127.0.0.1", "--port", "PORT"], page: "/" },
    { name: "build", run: [["vite", "build", "--logLevel", "warn"]], site: "dist", page: "/" },
  ],
});

const parcel = (name, more) => ({
  name,
  dependencies: { parcel: "2.16.4" },
  files: PAGE,
  cases: [
    {
      name: "dev server",
      serve: ["parcel", "index.html", "--no-hmr", "--host", "127.0.0.1", "--port", "PORT"],
      page: "/",
    },
    { name: "build", run: [["parcel", "build", "index.html"]], site: "dist", page: "/" },
  ],
  ...more,
});

export const WEB = [
  vite("6.4.6"),
  vite("7.3.8"),
  {
    name: "webpack 5",
    dependencies: { webpack: "5.113.0", "webpack-cli": "7.3.1", "webpack-dev-server": "6.1.0" },
    files: packed,
    cases: [
      { name: "dev server", serve: ["webpack", "serve", "--config", "dev.config.js"], page: "/" },
      {
        name: "build",
        run: [["webpack", "--config", "made.config.js"], COPY_PAGE],
        site: "dist",
        page: "/",
      },
    ],
  },
  {
    name: "Rspack",
    dependencies: { "@rspack/core": "2.3.4", "@rspack/cli": "2.2.8", "@rspack/dev-server": "2.2.2" },
    files: packed,
    cases: [
      { name: "dev server", serve: ["rspack", "dev", "--config", "dev.config.js"], page: "/" },
      {
        name: "build",
        run: [["rspack", "build", "--config", "made.config.js"], COPY_PAGE],
        site: "dist",
        page: "/",
      },
    ],
  },
  {
    name: "Rollup",
    dependencies: { rollup: "4.68.8", "@rollup/plugin-node-resolve": "16.0.3" },
    files: {
      ...PAGE,
      "rollup.config.js": `import { nodeResolve } from "@rollup/plugin-node-resolve";
export default { input: "page.js", output: { dir: "dist" }, plugins: [nodeResolve({ browser: true })] };
`,
    },
    cases: [
      {
        name: "build",
        run: [["rollup", "--silent", "-c", "rollup.config.js"], COPY_PAGE],
        site: "dist",
        page: "/",
      },
    ],
  },
  parcel("Parcel 2", { manifest: { "@parcel/resolver-default": { packageExports: true } } }),
  // By default it does not know the `exports` map.
  parcel("Parcel 2, as it is", { from: ["ocipeek"] }),
];
