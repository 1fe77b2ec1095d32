import { text } from "node:stream/consumers";
import type { BuildProgress } from "../js/build/entry/node.js";
import {
  type Auth,
  type Cache,
  type Credentials,
  type Fetch,
  type FileTree,
  type Image,
  type ImageSource,
  type OpenOptions,
  open,
  openSource,
  parseReference,
  type ReadStats,
  type Source,
} from "../js/entry/node.js";
import { dockerAuth, proxyFetchIfNeeded } from "../js/node/index.js";
import { splitScheme } from "../js/registry/scheme.js";
import type { Args } from "./args.js";
import { BuildLine } from "./build-line.js";
import { cacheOf, type Kept } from "./caching.js";
import { escapeText, jsonText, unescapeBytes } from "./escape.js";
import { EXIT, UsageError } from "./exit.js";
import { siSize, table } from "./format.js";
import { indexingNews } from "./indexing.js";
import type { Output } from "./output.js";
import { type Place, placeOf } from "./places.js";
import { ProgressLine } from "./progress.js";

/** The library's limit `maxWholeLayerSize`. */
const WHOLE_LAYER = 64 << 20;

/** Session of one command: its arguments, output, images and credentials. */
export class Session {
  readonly args: Args;
  readonly out: Output;
  /** Aborted by an interrupt. */
  readonly signal: AbortSignal;
  /** The exit code so far. */
  exitCode: number = EXIT.ok;
  readonly #progress = new ProgressLine();
  readonly #building: BuildLine;
  #images: Image[] = [];
  #sources: Source[] = [];
  #kept: Promise<Kept | undefined> | undefined;
  #login: Promise<Credentials | undefined> | undefined;
  #fetch: { own: Fetch | undefined } | undefined;
  /** The registry that is written to: what `--username` is for, if there are two. */
  #writesTo: string | undefined;

  constructor(args: Args, out: Output, signal: AbortSignal) {
    this.args = args;
    this.out = out;
    this.signal = signal;
    this.#building = new BuildLine(args.flag("quiet"));
    out.beforeWrite = this.#clear;
  }

  /** Opens an image, by the options of the command line; `options` go before them. */
  async open(reference: ImageSource, options: OpenOptions = {}): Promise<Image> {
    const image = await open(reference, { ...(await this.#options(reference)), ...options });
    this.#images.push(image);
    if (image.platformBy === "only") {
      this.say(
        `no image is for this machine's platform; reading the only one there is, for ${image.platform}`,
      );
    }
    return image;
  }

  /** Opens what holds an image's manifests and blobs. */
  async source(reference: string): Promise<Source> {
    // What builds shows its own progress.
    const options = { ...(await this.#options(reference)), onProgress: undefined };
    const source = await openSource(reference, options);
    this.#sources.push(source);
    return source;
  }

  /**
   * A place to write to; `from` is the image that is read, whose layers may be mounted there. `archive`: whether it may
   * be an archive, which is made anew.
   */
  async destination(text: string, from?: string, { archive = false } = {}): Promise<Place> {
    const { args } = this;
    await this.aim(text);
    const sameRegistry = from !== undefined && (await registryOf(from)) === this.#writesTo;
    const mountFrom = sameRegistry && this.#writesTo ? [(await parseReference(from)).repository] : [];
    const options = {
      ...this.#network(),
      plainHttp: args.flag("plain-http"),
      tokenHosts: args.texts("token-host"),
      mountFrom,
      maxIdleMs: args.limits().maxIdleMs,
    };
    return placeOf(text, { auth: await this.#auth(text), archive, ...options });
  }

  /** Says what will be written to, before anything else is opened: `--username` is for its registry. */
  async aim(text: string): Promise<void> {
    this.#writesTo = await registryOf(text);
  }

  /** What is kept between runs, if anything is. */
  async cache(): Promise<Cache | undefined> {
    return (await this.#caching())?.cache;
  }

  #caching(): Promise<Kept | undefined> {
    this.#kept ??= cacheOf(this.args, (message) => this.say(message));
    return this.#kept;
  }

  /** For `onProgress` of what builds and writes indexes. */
  buildProgress(): (progress: BuildProgress) => void {
    return this.#building.update;
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
    this.#clear();
    process.stderr.write(`ocipeek: ${escapeText(message).replaceAll("\\\\", "\\")}\n`);
  }

  /** Prints a value as JSON. */
  async json(value: unknown): Promise<void> {
    await this.out.line(jsonText(value, 2));
  }

  /** Prints a result by its lines; with `--json` as JSON, with `--quiet` by these fewer lines, if there are such. */
  async print(value: unknown, lines: () => Iterable<string>, quiet?: Iterable<string>): Promise<void> {
    if (this.args.flag("json")) return this.json(value);
    for (const line of (this.args.flag("quiet") && quiet) || lines()) await this.out.line(line);
  }

  /** Says that what was asked for is not there, which JSON shows by itself. */
  sayMissing(message: string): void {
    if (!this.args.flag("json")) this.say(message);
    this.exitCode = EXIT.notFound;
  }

  /** Ends: shows the cost if asked to, and closes the image. */
  async close(): Promise<void> {
    this.#clear();
    for (const opened of [...this.#images, ...this.#sources]) {
      if (this.args.flag("stats")) {
        process.stderr.write(statsReport(opened.stats));
        if ("layers" in opened) process.stderr.write(foundReport(opened));
      }
      await opened.close();
    }
  }

  readonly #clear = (): void => {
    this.#progress.clear();
    this.#building.clear();
  };

  async #options(source: ImageSource): Promise<OpenOptions> {
    const { args } = this;
    args.exclusive("no-soci", "soci-index");
    const attached = args.flag("attached-index");
    if (attached && (args.has("no-soci") || args.has("soci-index"))) {
      throw new UsageError("--attached-index excludes --no-soci and --soci-index");
    }
    args.exclusive("build-index", "no-build-index");
    const isEach = args.flag("build-index");
    const kept = await this.#caching();
    const limits = args.limits();
    return {
      ...this.#network(),
      platform: args.text("platform"),
      auth: await this.#auth(source),
      signal: this.signal,
      onProgress: this.#progress.update,
      sociIndex: args.flag("no-soci") ? false : args.text("soci-index"),
      attachedIndex: attached,
      reader: args.text("reader") as OpenOptions["reader"],
      index: args.flag("no-build-index") ? undefined : "build",
      // What can be fetched whole is, unless asked for otherwise.
      indexAbove: isEach ? 0 : (limits.maxWholeLayerSize ?? WHOLE_LAYER),
      onIndexing: indexingNews(this.#building, kept?.folder, (message) => this.say(message)),
      verify: !args.flag("insecure-unverified"),
      plainHttp: args.flag("plain-http"),
      tokenHosts: args.texts("token-host"),
      limits,
      cache: kept?.cache,
    };
  }

  /** How requests leave: through proxies of the environment, and which certificates are trusted. */
  #network(): { fetch?: Fetch } {
    this.#fetch ??= { own: proxyFetchIfNeeded(networkOptions(this.args)) };
    const { own } = this.#fetch;
    return own ? { fetch: own } : {};
  }

  /** Docker's credentials, or those of `--username`: these for one registry only. */
  async #auth(source: ImageSource): Promise<Auth> {
    this.#login ??= this.#readLogin();
    const login = await this.#login;
    if (login === undefined) return dockerAuth();
    const isOther =
      this.#writesTo !== undefined &&
      typeof source === "string" &&
      (await registryOf(source)) !== this.#writesTo;
    return isOther ? dockerAuth() : login;
  }

  async #readLogin(): Promise<Credentials | undefined> {
    const username = this.args.text("username");
    if (!this.args.flag("password-stdin")) {
      if (username === undefined) return undefined;
      throw new UsageError("--username needs --password-stdin: a password does not belong on a command line");
    }
    if (username === undefined) throw new UsageError("--password-stdin needs --username");
    // One line, as `docker login --password-stdin` takes it.
    const password = (await text(process.stdin)).replace(/\r?\n$/, "");
    return { username, password };
  }
}

/** Options of connections. */
export function networkOptions(args: Args): { caFile?: string; insecureSkipTlsVerify: boolean } {
  const caFile = args.text("ca-file");
  return {
    ...(caFile === undefined ? {} : { caFile }),
    insecureSkipTlsVerify: args.flag("insecure-skip-tls-verify"),
  };
}

/** The registry of a reference; nothing for what lies elsewhere. */
async function registryOf(source: string): Promise<string | undefined> {
  const isElsewhere =
    /^(?:oci|oci-archive|docker-archive|https?):/i.test(source) && splitScheme(source).scheme === undefined;
  return isElsewhere ? undefined : (await parseReference(source)).registry;
}

/** How the search for what is attached went, if there was one, and what was found not to fit its layer; for people. */
export function foundReport({ discovery, layers }: Pick<Image, "discovery" | "layers">): string {
  const lines = discovery ? [`attached: ${discovery.found.length} found`] : [];
  if (discovery?.failed) lines.push(`discovery failed: ${discovery.failed.message}`);
  for (const { index, reader } of layers) {
    if (reader.setAside) lines.push(`layer ${index}, read as it is: ${reader.setAside}`);
  }
  return lines.map((line) => `${escapeText(line)}\n`).join("");
}

/** The requests as a table, and their sum. */
export function statsReport(stats: Omit<ReadStats, "imageBytes"> & { imageBytes?: number }): string {
  const rows = stats.log.map((r) => [
    r.purpose,
    `${r.method} ${r.status || "-"}`,
    siSize(r.bytes),
    r.range ? `${r.range[0]}-${r.range[1] - 1}` : "",
    escapeText(r.target),
  ]);
  const cached = stats.cacheHits > 0 ? `, ${stats.cacheHits} cache hits` : "";
  const retried = stats.retries > 0 ? `, ${stats.retries} retries` : "";
  const of = stats.imageBytes === undefined ? "" : ` of an image of ${siSize(stats.imageBytes)}`;
  const sum = `${stats.requests} requests, ${siSize(stats.bytes)}${of}`;
  return `${[...table(rows, [2]), `${sum}${cached}${retried}`].join("\n")}\n`;
}
