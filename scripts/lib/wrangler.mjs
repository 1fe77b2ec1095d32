// `wrangler dev`: the worker in workerd, with the platform's cache and buckets emulated in a folder. Offline.
import { join } from "node:path";
import { ROOT } from "./run.mjs";

const COMMAND = join(ROOT, "node_modules", "wrangler", "wrangler-dist", "cli.js");

/**
 * File and arguments of the command.
 * @param {{ config: string, port: number, folder: string, vars?: Record<string, unknown> }} options
 *   `folder`: where cache and buckets are kept. `vars`: settings besides those of the configuration.
 */
export function wranglerDev({ config, port, folder, vars = {} }) {
  const set = Object.entries(vars).flatMap(([name, value]) => [
    "--var",
    `${name}:${typeof value === "string" ? value : JSON.stringify(value)}`,
  ]);
  const place = ["--ip", "127.0.0.1", "--port", String(port), "--inspector-port", "0"];
  const args = ["dev", "--config", config, "--local", ...place, "--persist-to", folder, ...set];
  return {
    // Not by the shim in .bin, which would outlive a signal's receiver.
    file: process.execPath,
    args: ["--no-warnings", COMMAND, ...args, "--show-interactive-dev-session=false"],
    env: {
      WRANGLER_SEND_METRICS: "false",
      CLOUDFLARE_CF_FETCH_ENABLED: "false",
      WRANGLER_LOG_PATH: join(folder, "logs"),
    },
  };
}
