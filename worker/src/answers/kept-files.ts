/**
 * Files that were answered lately: what all answers about one have in common, and blocks of its content. Who asks for one
 * again is answered out of them at once: no image is taken, no timer set, nothing waited for.
 *
 * Only what digests vouch for, up from the one that the URL names or its tag was resolved to, gets here, and never what a
 * caller's own credentials opened. Content is kept under its repository, image and ETag: no other image gives it.
 * @module
 */
import { BoundedMap } from "../../../js/common/bounded-map.ts";
import { concat } from "../../../js/common/bytes.ts";
import type { ImageName } from "../request/route.ts";

/** What the answers about a file have in common; what they cost is that of kept files. */
export interface FileHead {
  /** As the URL names it. */
  readonly image: ImageName;
  /** What the image's reference came to. */
  readonly digest: string;
  /** Under which its content is kept. */
  readonly key: string;
  readonly size: number;
  readonly etag: string;
  readonly lastModified: Date | undefined;
  /** Whether it never changes under this URL. */
  readonly isPinned: boolean;
  /** Headers of an answer with all of it. */
  readonly whole: Readonly<Record<string, string>>;
  /** Headers of an answer with a part of it, but for which part. */
  readonly part: Readonly<Record<string, string>>;
  /** Headers of an answer that says that it has not changed. */
  readonly unchanged: Readonly<Record<string, string>>;
}

/** What a kept file costs, in words of the answer's head; see `RequestScope.costHeaders`. */
export const COST_OF_KEPT: Readonly<Record<string, string>> = {
  "server-timing": "kept;dur=0, total;dur=0",
  "x-ocipeek-requests": "0",
  "x-ocipeek-bytes": "0",
  "x-ocipeek-cache-hits": "0",
};

/** Bytes of a block. */
export const BLOCK = 256 << 10;
/** Files up to so many bytes, and ranges of that many, are read as blocks that are kept. */
export const MAX_KEPT_READ = 1 << 20;
/** Of all that is kept, one file's content may be so much. */
const LARGEST_SHARE = 2;
/** A head is weighed as so many bytes, and its URL. */
const HEAD_BYTES = 2 << 10;
/** Heads may be so many bytes. */
const MAX_HEAD_BYTES = 4 << 20;
/** Longer URLs are not remembered. */
const MAX_TARGET = 1024;
/** Files of which it is remembered which blocks were asked for, and blocks of each. */
const MAX_TOUCHED = 256;

/** Reads under way that are remembered. */
const MAX_READS = 1024;
/** So long a request waits for another one's read, in milliseconds, and so often it looks. */
const MAX_WAIT_MS = 500;
const WAIT_STEP_MS = 5;

type Bytes = Uint8Array<ArrayBuffer>;

/** Blocks of one file by where they begin. */
type Content = BoundedMap<number, Bytes>;

/** The files that are kept. */
export class KeptFiles {
  readonly #heads: BoundedMap<string, FileHead>;
  readonly #contents: BoundedMap<string, Content>;
  readonly #touched = new BoundedMap<string, Set<number>>(MAX_TOUCHED);
  /** Reads under way that are to be kept. */
  readonly #reads = new BoundedMap<string, number>(MAX_READS);
  readonly #maxBytes: number;

  /** Keeps so many bytes of content. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
    this.#heads = new BoundedMap(Math.min(MAX_HEAD_BYTES, maxBytes), (head) => HEAD_BYTES + head.key.length);
    this.#contents = new BoundedMap(maxBytes, (content) => content.weight);
  }

  /** What is known of the file at a URL. */
  head(target: string): FileHead | undefined {
    return this.#heads.use(target);
  }

  /** Remembers it. */
  keepHead(target: string, head: FileHead): void {
    if (target.length <= MAX_TARGET) this.#heads.set(target, head);
  }

  /** Bytes `start` to `end` (not included) of a file, where all of them are here. */
  content({ key, size }: Pick<FileHead, "key" | "size">, start: number, end: number): Bytes | undefined {
    if (end - start > MAX_KEPT_READ) return undefined;
    const content = this.#contents.use(key);
    if (!content) return undefined;
    const parts: Bytes[] = [];
    for (let at = start - (start % BLOCK); at < end; at += BLOCK) {
      const block = content.use(at);
      if (block?.length !== Math.min(BLOCK, size - at)) return undefined;
      const part = block.subarray(Math.max(0, start - at), end - at);
      if (part.length === end - start) return part;
      parts.push(part);
    }
    return concat(parts);
  }

  /**
   * Which bytes to read, so that blocks of a file can be kept, where `start` to `end` (not included) are asked for. Those of a
   * large file are kept from the second time on: what is asked for once is not worth reading more than that.
   */
  wanted(
    { key, size }: Pick<FileHead, "key" | "size">,
    start: number,
    end: number,
  ): [number, number] | undefined {
    if (this.#maxBytes === 0 || end - start > MAX_KEPT_READ) return undefined;
    const from = start - (start % BLOCK);
    const to = Math.min(size, Math.ceil(end / BLOCK) * BLOCK);
    if (to - from === end - start) return [from, to];
    const known = this.#touched.use(key);
    const touched = known && known.size < MAX_TOUCHED ? known : new Set<number>();
    let isNew = false;
    for (let at = from; at < to; at += BLOCK) {
      if (!touched.has(at)) isNew = true;
      touched.add(at);
    }
    this.#touched.set(key, touched);
    return isNew ? undefined : [from, to];
  }

  /**
   * Waits a bounded moment while another request reads the same, by `pause`, which is the request's own; then gives what
   * that has kept. Nothing: the request is to read it itself, and to call {@link endRead} then.
   */
  async readElsewhere(
    head: Pick<FileHead, "key" | "size">,
    [start, end]: readonly [number, number],
    pause: (ms: number) => Promise<void>,
  ): Promise<Bytes | undefined> {
    const name = `${head.key} ${start}-${end}`;
    for (let waited = 0; waited < MAX_WAIT_MS && this.#reads.has(name); waited += WAIT_STEP_MS) {
      await pause(WAIT_STEP_MS);
      const kept = this.content(head, start, end);
      if (kept) return kept;
    }
    this.#reads.set(name, 1);
    return undefined;
  }

  /** A read is over, well or not. */
  endRead({ key }: Pick<FileHead, "key">, [start, end]: readonly [number, number]): void {
    this.#reads.delete(`${key} ${start}-${end}`);
  }

  /** Keeps the blocks of `bytes`, which are those of a file from `start` on, as {@link wanted} said. */
  keepContent({ key }: Pick<FileHead, "key">, start: number, bytes: Bytes): void {
    const max = this.#maxBytes / LARGEST_SHARE;
    if (bytes.length > max) return;
    const blocks = this.#contents.get(key) ?? new BoundedMap<number, Bytes>(max, (block) => block.length);
    // Before it changes: it is weighed by its blocks.
    this.#contents.delete(key);
    // One block is the buffer itself, several are copies, so that each can go alone.
    const only = bytes.length <= BLOCK && bytes.buffer.byteLength === bytes.length;
    for (let at = 0; at < bytes.length; at += BLOCK) {
      blocks.set(start + at, only ? bytes : bytes.slice(at, at + BLOCK));
    }
    this.#contents.set(key, blocks);
  }
}
