// workerd itself, serving one worker made of ES modules from a generated configuration.
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { extname, join, relative } from "node:path";
import { ROOT } from "../../scripts/lib/run.mjs";
import { freePort, startServer, tempFolder } from "./processes.mjs";

const KINDS = { ".js": "esModule", ".mjs": "esModule", ".wasm": "wasm", ".json": "json" };

/** Files of a folder, by their path below it. */
export function filesBelow(folder, under = folder) {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory()
      ? filesBelow(path, under)
      : [[relative(under, path), readFileSync(path)]];
  });
}

/**
 * Starts workerd. The first module is the worker.
 * @param {[name: string, content: string | Uint8Array][]} modules by the names that they import each other by
 * @param {{ vars?: Record<string, string>, flags?: string[], v8Flags?: string[], ready?: string, keepOutput?: boolean }} [options]
 *   `vars`: texts in its environment. `flags`: compatibility flags. `keepOutput`: whether its log is read; else it goes nowhere
 */
export async function startWorkerd(
  modules,
  { vars = {}, flags = [], v8Flags = [], ready = "/ready", keepOutput = true } = {},
) {
  const folder = tempFolder("workerd");
  const port = await freePort();
  const lines = modules
    .filter(([name]) => KINDS[extname(name)])
    .map(([name, content], i) => {
      const file = `m${i}${extname(name)}`;
      writeFileSync(join(folder.path, file), content);
      return `      (name = ${JSON.stringify(name)}, ${KINDS[extname(name)]} = embed ${JSON.stringify(file)}),`;
    });
  const bindings = Object.entries(vars).map(
    ([name, text]) => `(name = ${JSON.stringify(name)}, text = ${JSON.stringify(text)})`,
  );
  const list = (texts) => JSON.stringify(texts);
  writeFileSync(
    join(folder.path, "config.capnp"),
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = (
      modules = [
${lines.join("\n")}
      ],
      compatibilityDate = "2026-08-01",
      compatibilityFlags = ${list(flags)},
      bindings = [${bindings.join(", ")}],
      globalOutbound = "loopback",
    )),
    (name = "loopback", network = (allow = ["local"])),
  ],
  v8Flags = ${list(v8Flags)},
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "main")],
);
`,
  );
  const url = `http://127.0.0.1:${port}`;
  const program = join(ROOT, "node_modules", ".bin", "workerd");
  const server = await startServer(program, ["serve", join(folder.path, "config.capnp")], {
    url: `${url}${ready}`,
    keepOutput,
  });
  return {
    url,
    pid: server.child.pid,
    output: server.output,
    stop: async () => {
      await server.stop();
      folder.remove();
    },
  };
}
