/** The building of one layer's index, as the caller sees it. @module */

import { OcipeekError } from "../errors.js";
import type { Scope } from "../scope.js";
import type { BuildProgress, ZtocEntry } from "../types/build.js";
import type { IndexJob, IndexProgress, LayerInfo } from "../types/index.js";
import { type Built, join, type Member, type Membership, type Wanted } from "./pass.js";

/** Interface of an image for its jobs. */
export interface JobOf {
  readonly layer: LayerInfo;
  readonly wanted: Wanted;
  stream(from: number, signal: AbortSignal): AsyncIterable<Uint8Array>;
  /** Looks whether the layer has an index already. */
  find(): Promise<LayerInfo | undefined>;
  /** Reads the layer by this index from now on. */
  use(built: Built): Promise<LayerInfo>;
  readonly scope: Scope;
  readonly signal: AbortSignal | undefined;
}

/** A running {@link IndexJob}. */
export class Job implements IndexJob {
  readonly done: Promise<LayerInfo>;
  readonly #of: JobOf;
  readonly #member: Member;
  #membership: Membership | undefined;
  #cancel = (): void => {};
  /** Who waits for news. */
  readonly #readers = new Set<Reader>();
  #last: Omit<IndexProgress, "newEntries" | "paused">;
  #isOver = false;

  constructor(of: JobOf) {
    this.#of = of;
    this.#member = {
      stream: of.stream,
      isPaused: false,
      tell: (progress) => this.#tell(progress),
      give: (entries) => this.#give(entries),
    };
    const { index: layer, digest, size: total } = of.layer;
    this.#last = { layer, digest, total, bytes: 0, entries: 0, spans: 0, bytesPerSecond: 0 };
    this.done = of.scope.run(of.signal, (stop) => this.#run(stop));
    const end = (): void => {
      this.#isOver = true;
      for (const reader of this.#readers) reader.end();
    };
    this.done.then(end, end);
  }

  get paused(): boolean {
    return this.#member.isPaused && !this.#isOver;
  }

  pause(): void {
    this.#setPaused(true);
  }

  resume(): void {
    this.#setPaused(false);
  }

  cancel(): void {
    this.#cancel();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<IndexProgress, void, undefined> {
    const reader = new Reader();
    this.#readers.add(reader);
    try {
      while (!this.#isOver) {
        if (await reader.next()) yield { ...this.#last, ...reader.take(), paused: this.paused };
      }
      if (reader.hasNews) yield { ...this.#last, ...reader.take(), paused: false };
    } finally {
      this.#readers.delete(reader);
    }
    await this.done;
  }

  async #run(stop: Promise<void>): Promise<LayerInfo> {
    const stopped = new Promise<never>((_, reject) => {
      this.#cancel = () => reject(new OcipeekError("ABORTED", "stopped by the caller"));
      void stop.then(this.#cancel);
    });
    stopped.catch(() => {});
    const found = await Promise.race([this.#of.find(), stopped]);
    if (found) return found;
    // Who asks for it does not ask for what came of it before.
    this.#membership = join(this.#of.wanted, this.#member, true);
    try {
      const built = await Promise.race([this.#membership.built, stopped]);
      return await Promise.race([this.#of.use(built), stopped]);
    } finally {
      this.#membership.leave();
    }
  }

  #setPaused(isPaused: boolean): void {
    if (this.#member.isPaused === isPaused) return;
    this.#member.isPaused = isPaused;
    this.#membership?.changed();
    this.#wake();
  }

  #tell({ layer, bytesPerSecond, etaSeconds }: BuildProgress): void {
    if (!layer) return;
    const { bytes, entries, spans } = layer;
    const { layer: index, digest, total } = this.#last;
    const eta = etaSeconds === undefined ? {} : { etaSeconds };
    this.#last = { layer: index, digest, total, bytes, entries, spans, bytesPerSecond, ...eta };
    this.#wake();
  }

  #give(entries: ZtocEntry[]): void {
    for (const reader of this.#readers) reader.give(entries);
  }

  #wake(): void {
    for (const reader of this.#readers) reader.wake();
  }
}

/** News for one loop over a job: what it did not take yet is told together. */
class Reader {
  #entries: ZtocEntry[] = [];
  hasNews = false;
  #isOver = false;
  #resolve = (): void => {};

  give(entries: ZtocEntry[]): void {
    for (const entry of entries) this.#entries.push(entry);
    this.hasNews = true;
  }

  wake(): void {
    this.hasNews = true;
    this.#resolve();
  }

  end(): void {
    this.#isOver = true;
    this.#resolve();
  }

  take(): { newEntries: ZtocEntry[] } {
    const newEntries = this.#entries;
    this.#entries = [];
    this.hasNews = false;
    return { newEntries };
  }

  /** Whether there are news, once there are or the end came. */
  async next(): Promise<boolean> {
    if (!this.hasNews && !this.#isOver) {
      await new Promise<void>((resolve) => {
        this.#resolve = resolve;
      });
    }
    return this.hasNews;
  }
}
