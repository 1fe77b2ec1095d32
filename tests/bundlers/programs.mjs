// Releases of Node, package managers and test runners.
import { DEMO } from "../lib/docker-registry.mjs";
import { PROGRAM } from "../lib/users-project.mjs";
import { REQUIRED } from "./bundled.mjs";

/** A release of Node, by the package of that name. */
const node = (version, commonJs) => ({
  name: `Node ${version}`,
  dependencies: { node: version },
  files: { ...PROGRAM, ...REQUIRED.files },
  cases: [
    { name: "import", run: [["node", "main.js"]] },
    { name: "require", run: [["node", "--no-warnings", "main.cjs"]], ...commonJs },
  ],
});

/** Node says what to write where it cannot. */
const CANNOT = { says: /require\(\) of ES Module .* not supported[\s\S]*dynamic import\(\)/ };

export const NODES = [
  node("20.0.0", CANNOT),
  node("20.20.2"),
  node("22.23.3"),
  node("24.21.0"),
  node("26.10.0"),
];

const managed = (command, ...args) => ({
  files: PROGRAM,
  cases: [{ name: "import", run: [[command, ...args, "node", "main.js"]] }],
});

export const MANAGERS = [
  {
    name: "pnpm",
    ...managed("pnpm", "exec"),
    tool: { pnpm: "12.21.0" },
    install: [["pnpm", "install", "--ignore-scripts"]],
  },
  {
    name: "Yarn, Plug'n'Play",
    ...managed("yarn"),
    tool: { "@yarnpkg/cli-dist": "4.18.1" },
    install: [["yarn", "install", "--no-immutable"]],
  },
];

const test = (from, ...first) => `${first.join("")}import { expect, test } from "${from}";
import { probe } from "./probe.js";

test("it runs", async () => {
  expect(await probe(${JSON.stringify(DEMO)})).toContain("sha256:");
}, 30_000);
`;
const ESM = { env: { NODE_OPTIONS: "--experimental-vm-modules" } };

const COMMON = { run: [["jest", "common.test.cjs", "--testMatch=**/*.cjs"]], ...ESM };
const JEST_COMMON = {
  "common.test.cjs": `test("it runs", () => {
  expect(typeof require("ocipeek").open).toBe("function");
});
`,
};

export const RUNNERS = [
  {
    name: "Vitest",
    dependencies: { vitest: "5.1.2" },
    files: { "it.test.js": test("vitest") },
    cases: [{ name: "run", run: [["vitest", "run"]], says: /1 passed/ }],
  },
  {
    name: "Jest",
    dependencies: { jest: "30.5.2", "jest-environment-jsdom": "30.5.2" },
    files: {
      "it.test.js": test("@jest/globals"),
      "dom.test.js": test("@jest/globals", "/** @jest-environment jsdom */\n"),
      ...JEST_COMMON,
    },
    cases: [
      { name: "ES modules", run: [["jest", "it.test.js"]], ...ESM, says: /1 passed/ },
      // Jest says what helps.
      { ...COMMON, name: "CommonJS, before Node 24.9", says: /Use Node v24\.9\+/ },
      { name: "jsdom", run: [["jest", "dom.test.js"]], ...ESM, says: /TextDecoder is not defined/ },
    ],
  },
  {
    name: "Jest, Node 24",
    dependencies: { jest: "30.5.2", node: "24.21.0" },
    files: JEST_COMMON,
    cases: [{ ...COMMON, name: "CommonJS", says: /1 passed/ }],
  },
];
