import { text } from "node:stream/consumers";
import {
  type Auth,
  type FileTree,
  type Image,
  type OpenOptions,
  open,
  type ReadStats,
} from "../js/entry/node.js";
import { DirectoryCache, dockerAuth } from "../js/node/index.js";
import type { Args } from "./args.js";
import { escapeText, unescapeBytes } from "./escape.js";
import { EXIT, UsageError } from "./exit.js";
import { siSize, table } from "./format.js";
import type { Output } from "./output.js";
import { ProgressLine } from "./progress.js";

/** What a command works with. */
export class Session {
  readonly args: Args;
  readonly out: Output;
  /** Aborted by an interrupt. */
  readonly signal: AbortSignal;
  /** The exit code so far. */
  exitCode: number = EXIT.ok;
  readonly #progress = new ProgressLine();
  #image: Image | undefined;

  constructor(args: Args, out: Output, signal: AbortSignal) {
    this.args = args;
    this.out = out;
    this.signal = signal;
    out.beforeWrite = this.#progress.clear;
  }

  /** Opens the image that the first argument names. */
  async open(reference: string): Promise<Image> {
    this.#image = await open(reference, await this.#options());
    return this.#image;
  }

  /** The image's file system, or that of the layer that `--layer` names. */
  async tree(reference: string): Promise<FileTree> {
    const image = await this.open(reference);
    const layer = this.args.number("layer");
    return layer === undefined ? image : image.layer(layer);
  }

  /** A path that the command line names, as bytes. */
  path(text: string): Uint8Array {
    return this.args.flag("escaped") ? unescapeBytes(text) : Buffer.from(text);
  }

  /** Says something on standard error. */
  say(message: string): void {
    this.#progress.clear();
    process.stderr.write(`ocipeek: ${escapeText(message).replaceAll("\\\\", "\\")}\n`);
  }

  /** Prints a value as JSON. */
  async json(value: unknown): Promise<void> {
    await this.out.line(JSON.stringify(value, (_key, v) => (typeof v === "bigint" ? String(v) : v), 2));
  }

  /** Ends: shows the cost if asked to, and closes the image. */
  async close(): Promise<void> {
    this.#progress.clear();
    if (!this.#image) return;
    if (this.args.flag("stats")) process.stderr.write(statsReport(this.#image.stats));
    await this.#image.close();
  }

  async #options(): Promise<OpenOptions> {
    const { args } = this;
    if (args.flag("no-soci") && args.text("soci-index") !== undefined) {
      throw new UsageError("--no-soci and --soci-index exclude each other");
    }
    const cacheDir = args.text("cache-dir");
    return {
      platform: args.text("platform"),
      auth: await this.#auth(),
      signal: this.signal,
      onProgress: this.#progress.update,
      sociIndex: args.flag("no-soci") ? false : args.text("soci-index"),
      verify: !args.flag("insecure-unverified"),
      plainHttp: args.flag("plain-http"),
      tokenHosts: args.texts("token-host"),
      limits: args.limits(),
      cache: cacheDir === undefined ? undefined : new DirectoryCache(cacheDir),
    };
  }

  async #auth(): Promise<Auth> {
    const username = this.args.text("username");
    if (!this.args.flag("password-stdin")) {
      if (username === undefined) return dockerAuth();
      throw new UsageError("--username needs --password-stdin: a password does not belong on a command line");
    }
    if (username === undefined) throw new UsageError("--password-stdin needs --username");
    // One line, as `docker login --password-stdin` takes it.
    const password = (await text(process.stdin)).replace(/\r?\n$/, "");
    return { username, password };
  }
}

/** The requests as a table, and their sum. */
export function statsReport(stats: ReadStats): string {
  const rows = stats.log.map((r) => [
    r.purpose,
    `${r.method} ${r.status || "-"}`,
    siSize(r.bytes),
    r.range ? `${r.range[0]}-${r.range[1] - 1}` : "",
    escapeText(r.target),
  ]);
  const cached = stats.cacheHits > 0 ? `, ${stats.cacheHits} cache hits` : "";
  const retried = stats.retries > 0 ? `, ${stats.retries} retries` : "";
  const sum = `${stats.requests} requests, ${siSize(stats.bytes)} of an image of ${siSize(stats.imageBytes)}`;
  return `${[...table(rows, [2]), `${sum}${cached}${retried}`].join("\n")}\n`;
}
