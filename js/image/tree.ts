import type { Tree } from "../../wasm/ocipeek.js";
import { Turns } from "../common/turns.js";
import { invalid, OcipeekError, unless } from "../errors.js";
import { baseName, pathBytes } from "../path.js";
import type { Scope } from "../scope.js";
import { decode } from "../text.js";
import type {
  Dirent,
  FileStream,
  ImagePath,
  OperationOptions,
  ReadOptions,
  ReadResult,
  Stats,
  WalkOptions,
} from "../types/index.js";
import { DirentOf, StatsOf } from "./stats.js";
import { openStream } from "./stream.js";

/** A turn of a walk; 2,048 entries where the clock stands still. */
const TURN = { ms: 8, units: 2048 };
/** Entries that one step of a walk gives at most. */
const BATCH = 128;

/** Cursor over batches. */
interface Cursor<T> {
  next(stop: Promise<unknown> | undefined): Promise<T[] | undefined>;
  free(): void;
}

/** Bytes of a file that are data: an offset and a length. */
export type Run = readonly [offset: number, length: number];

/** A sparse file. */
export interface SparseFile {
  /** Where its data is, in order; all else is zeros. */
  runs: Run[];
  /** These bytes, one run after the other. */
  data: FileStream;
}

/** Options of {@link FileTree.readdir}. */
export interface ReaddirOptions extends OperationOptions {
  /** Give {@link Dirent}s in place of names. */
  withFileTypes?: boolean | undefined;
  /** Give what is in folders below, too: names are paths from the folder on. Links to folders are not followed. */
  recursive?: boolean | undefined;
  /** `"buffer"` gives names as raw bytes. */
  encoding?: "utf8" | "utf-8" | "buffer" | undefined;
}

/** The encodings in which {@link FileTree.readFile} gives text. What is not UTF-8 becomes U+FFFD. */
export type TextEncoding = "utf8" | "utf-8";

/**
 * A tree of files with the methods of Node's `fs/promises`: the whole image, or one of its layers.
 *
 * Paths are absolute, or start at the root where they are not. Links never lead out of the image.
 *
 * @example
 * ```js
 * import { open } from "ocipeek";
 *
 * const image = await open("ghcr.io/owner/app:1");
 * const { size } = await image.stat("/etc/os-release");
 * console.log(size < 1000); // true
 * for (const entry of await image.readdir("/etc", { withFileTypes: true })) {
 *   if (entry.isFile()) console.log(entry.name);
 * }
 * for await (const entry of image.walk("/usr", { glob: "share/*" })) console.log(entry.path);
 * for await (const chunk of image.createReadStream("/bin/toybox", { start: 0, end: 4 })) {
 *   console.log(chunk.length); // 4
 * }
 * ```
 */
export class FileTree {
  readonly #tree: () => Tree;
  /** @internal */
  protected readonly scope: Scope;

  /** @internal */
  protected constructor(tree: () => Tree, scope: Scope) {
    this.#tree = tree;
    this.scope = scope;
  }

  /** Attributes of what `path` leads to. */
  stat(path: ImagePath, options: OperationOptions = {}): Promise<Stats> {
    return this.#stat(path, true, options.signal);
  }

  /** Attributes of `path` itself, where it is a symbolic link. */
  lstat(path: ImagePath, options: OperationOptions = {}): Promise<Stats> {
    return this.#stat(path, false, options.signal);
  }

  /** Whether `path` leads to something. Only a definite no is `false`; other errors are thrown. */
  async exists(path: ImagePath, options: OperationOptions = {}): Promise<boolean> {
    return (await unless(this.stat(path, options), "ENOENT", "ENOTDIR", "ELOOP")) !== undefined;
  }

  /** Where a symbolic link points, as it is written in the image. */
  readlink(path: ImagePath, options: OperationOptions & { encoding: "buffer" }): Promise<Uint8Array>;
  readlink(path: ImagePath, options?: OperationOptions): Promise<string>;
  async readlink(path: ImagePath, options: OperationOptions & { encoding?: "buffer" } = {}) {
    const { type, linknameBytes } = await this.lstat(path, options);
    if (type !== "symlink" || !linknameBytes) throw notALink(path, this.scope.name);
    return options.encoding === "buffer" ? linknameBytes : decode(linknameBytes);
  }

  /** The absolute path without links. */
  realpath(path: ImagePath, options: OperationOptions & { encoding: "buffer" }): Promise<Uint8Array>;
  realpath(path: ImagePath, options?: OperationOptions): Promise<string>;
  async realpath(path: ImagePath, options: OperationOptions & { encoding?: "buffer" } = {}) {
    const real = (await this.stat(path, options)).pathBytes;
    return options.encoding === "buffer" ? real : decode(real);
  }

  /** What a folder holds, sorted by bytes of the names; with `recursive` each folder before what is in it. */
  readdir(path: ImagePath, options: ReaddirOptions & { withFileTypes: true }): Promise<Dirent[]>;
  readdir(
    path: ImagePath,
    options: ReaddirOptions & { withFileTypes?: false | undefined; encoding: "buffer" },
  ): Promise<Uint8Array[]>;
  readdir(
    path: ImagePath,
    options?: ReaddirOptions & {
      withFileTypes?: false | undefined;
      encoding?: "utf8" | "utf-8" | undefined;
    },
  ): Promise<string[]>;
  async readdir(path: ImagePath, options: ReaddirOptions = {}) {
    const { recursive = false, signal } = options;
    const parent = typeof path === "string" ? path : decode(path);
    // Entries have paths without links.
    const root = recursive ? (await this.stat(path, { signal })).pathBytes.length : 0;
    const below = (entry: Uint8Array) => entry.subarray(root > 1 ? root + 1 : 1);
    const entries: Dirent[] = [];
    const names: Uint8Array[] = [];
    // In turns: a folder may hold millions. Where names are all that is wanted, nothing else is kept.
    for await (const batch of this.#walked(path, recursive ? undefined : "/*", signal)) {
      for (const entry of batch) {
        const name = baseName(entry.path);
        if (!options.withFileTypes) names.push(recursive ? below(entry.path).slice() : name);
        else {
          const between = recursive ? decode(below(entry.path).subarray(0, -name.length - 1)) : "";
          const folder = between && (parent.endsWith("/") ? parent + between : `${parent}/${between}`);
          entries.push(new DirentOf(entry, folder || parent));
        }
      }
    }
    if (options.withFileTypes) return entries;
    return options.encoding === "buffer" ? names : names.map(decode);
  }

  /** A file's content: bytes, or text where an encoding is given. Large files are better streamed. */
  readFile(
    path: ImagePath,
    options: TextEncoding | (ReadOptions & { encoding: TextEncoding }),
  ): Promise<string>;
  readFile(
    path: ImagePath,
    options?: (ReadOptions & { encoding?: null | undefined }) | null,
  ): Promise<Uint8Array<ArrayBuffer>>;
  async readFile(
    path: ImagePath,
    options?: TextEncoding | (ReadOptions & { encoding?: TextEncoding | null | undefined }) | null,
  ) {
    const { encoding, ...rest } = typeof options === "string" ? { encoding: options } : (options ?? {});
    if (encoding && encoding !== "utf8" && encoding !== "utf-8") throw invalid("encoding must be utf8");
    const { data } = await this.read(path, rest);
    return encoding ? decode(data) : data;
  }

  /** A file's content with its attributes and how it was verified. */
  async read(path: ImagePath, options: ReadOptions = {}): Promise<ReadResult> {
    const bytes = pathBytes(path);
    const { stat, data } = await this.scope.run(options.signal, (stop) =>
      this.#tree().readFile(bytes, options.start, options.end, stop),
    );
    const stats = new StatsOf(stat);
    return { data, stats, verified: stats.verified };
  }

  /**
   * A file's content as a stream of bytes. Nothing is fetched before the first read; its first bytes come when the
   * first span is there.
   */
  createReadStream(path: ImagePath, options: ReadOptions = {}): FileStream {
    const bytes = pathBytes(path);
    this.scope.check();
    return openStream(this.scope, options.signal, (stop) =>
      this.#tree().readStream(bytes, options.start, options.end, stop),
    );
  }

  /**
   * All entries below a folder, parents before children, sorted by bytes of the names, with their own attributes (as
   * `lstat` gives them). Links are not followed; the folder itself is not given out.
   */
  async *walk(path: ImagePath = "/", options: WalkOptions = {}): AsyncGenerator<Stats, void, undefined> {
    for await (const batch of this.#walked(path, options.glob, options.signal)) {
      for (const entry of batch) yield new StatsOf(entry);
    }
  }

  #walked(path: ImagePath, glob: string | undefined, signal: AbortSignal | undefined) {
    const bytes = pathBytes(path);
    return this.batches(() => this.#tree().walk(bytes, glob), signal);
  }

  /**
   * What a cursor of wasm gives, in turns with others.
   * @internal
   */
  protected async *batches<T>(
    open: () => Cursor<T>,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<T[], void, undefined> {
    const cursor = await this.scope.run(signal, open);
    const turns = new Turns(TURN);
    try {
      for (;;) {
        const batch = await this.scope.run(signal, (stop) => cursor.next(stop));
        if (batch === undefined) return;
        yield batch;
        // One that is not full ended because much was passed over for it.
        await (batch.length < BATCH ? turns.yield() : turns.spend(batch.length));
      }
    } finally {
      cursor.free();
    }
  }

  /**
   * Where the data of a sparse file is, and these bytes alone; nothing for what is not known to have holes.
   * @internal
   */
  async readSparse(path: ImagePath, options: OperationOptions = {}): Promise<SparseFile | undefined> {
    const bytes = pathBytes(path);
    const found = await this.scope.run(options.signal, (stop) => this.#tree().readSparse(bytes, stop));
    if (!found) return undefined;
    const { runs, data } = found;
    const pairs = Array.from(
      { length: runs.length / 2 },
      (_, i): Run => [runs[2 * i] ?? 0, runs[2 * i + 1] ?? 0],
    );
    return { runs: pairs, data: openStream(this.scope, options.signal, async () => data) };
  }

  async #stat(path: ImagePath, follow: boolean, signal: AbortSignal | undefined): Promise<Stats> {
    const bytes = pathBytes(path);
    return new StatsOf(await this.scope.run(signal, (stop) => this.#tree().stat(bytes, follow, stop)));
  }
}

function notALink(path: ImagePath, reference: string | undefined): OcipeekError {
  const bytes = pathBytes(path);
  const details = { path: decode(bytes), pathBytes: bytes, reference };
  return new OcipeekError("EINVAL", `${JSON.stringify(details.path)}: not a symbolic link`, details);
}
