/** Tiers as one cache: asked from the nearest on, filled towards it. @module */
import type { Cache } from "ocipeek";
import { Patience } from "../../../js/common/patience.ts";
import type { Tier } from "./tier.ts";

/** What a {@link TieredCache} needs to know of its platform. */
export interface TieredOptions {
  /** Keeps what is still being written alive after the answer is out. */
  waitUntil(promise: Promise<unknown>): void;
  /**
   * Whether those who ask for the same at once share one look-up. Not on the edge's platform: there a request must
   * not wait for what was begun for another, which may end in the middle of it.
   */
  shareLookups?: boolean;
  /**
   * Milliseconds before a value is written. On the edge's platform writing counts against the same number of
   * subrequests as reading: what is read must not lack them, what is written may.
   */
  writeDelay?: number;
  /** Milliseconds that a tier may take to answer, or to keep a value; 0 waits for ever. Default 2,000. */
  maxCacheMs?: number;
  /** Milliseconds since the epoch. Default: the clock's. */
  now?(): number;
}

/** As {@link TieredOptions.maxCacheMs}. */
const MAX_CACHE_MS = 2_000;
/** Milliseconds for which a tier that was too late twice in a row is left alone. */
const REST_MS = 30_000;
/** Milliseconds that copying a value from a tier to another may take: it is not waited for, but held. */
const MAX_COPY_MS = 25_000;

/** Bytes that may wait for {@link TieredOptions.writeDelay}; with more, what comes is written at once. */
const MAX_DELAYED = 8 << 20;
/** Bytes that may wait to be written. More are not kept: a slow tier must not fill the isolate's memory. */
const MAX_WAITING = 32 << 20;
/** The largest value that is copied to a nearer tier since a part of it was asked for. */
const MAX_COPIED = 64 << 20;
/** Keys remembered as copied. */
const MAX_REMEMBERED = 1000;

/**
 * A cache over tiers, the nearest first. A tier that fails, or has no answer in time, is one that has nothing. Writing is done when the value is
 * in memory; the other tiers follow while the answer is on its way.
 */
export class TieredCache implements Cache {
  readonly #tiers: readonly Tier[];
  readonly #options: TieredOptions;
  readonly #lookups = new Map<string, Promise<Uint8Array | undefined>>();
  readonly #copied = new Set<string>();
  readonly #patience = new Map<Tier, Patience>();
  #waiting = 0;

  constructor(tiers: readonly Tier[], options: TieredOptions) {
    this.#tiers = tiers;
    this.#options = options;
    const now = options.now ?? Date.now;
    for (const tier of tiers) {
      this.#patience.set(tier, new Patience(options.maxCacheMs ?? MAX_CACHE_MS, { rest: REST_MS, now }));
    }
  }

  get(key: string): Promise<Uint8Array | undefined> {
    return this.#shared(key, () => this.#find(key));
  }

  getRange(key: string, start: number, end: number): Promise<Uint8Array | undefined> {
    return this.#shared(`${key} ${start}-${end}`, () => this.#findRange(key, start, end));
  }

  put(key: string, value: Uint8Array): void {
    this.#keep(this.#tiers, key, value);
  }

  async #find(key: string): Promise<Uint8Array | undefined> {
    for (const [i, tier] of this.#tiers.entries()) {
      const value = await this.#ask(tier, () => tier.get(key));
      if (value) {
        this.#keep(this.#tiers.slice(0, i), key, value);
        return value;
      }
    }
    return undefined;
  }

  async #findRange(key: string, start: number, end: number): Promise<Uint8Array | undefined> {
    for (const [i, tier] of this.#tiers.entries()) {
      const part = await this.#ask(tier, () => tier.getRange(key, start, end));
      if (!part) continue;
      for (const nearer of this.#tiers.slice(0, i)) {
        if (nearer.putRange) nearer.putRange(key, start, end, part);
        else this.#copy(key, tier, nearer);
      }
      return part;
    }
    return undefined;
  }

  /** Writes to memory at once, and to the others while the platform waits. */
  #keep(tiers: readonly Tier[], key: string, value: Uint8Array): void {
    for (const tier of tiers) {
      if (tier.isMemory) void attempt(() => tier.put(key, value));
      else if (this.#waiting + value.byteLength <= MAX_WAITING) {
        const delay = this.#waiting < MAX_DELAYED ? (this.#options.writeDelay ?? 0) : 0;
        this.#waiting += value.byteLength;
        const written = attempt(async () => {
          if (delay > 0) await new Promise((resolve) => setTimeout(resolve, delay));
          await this.#ask(tier, () => tier.put(key, value));
        }).finally(() => {
          this.#waiting -= value.byteLength;
        });
        this.#options.waitUntil(written);
      }
    }
  }

  /** What a tier gives; nothing where it fails, or is too late. */
  #ask<T>(tier: Tier, call: () => Promise<T> | T): Promise<T | undefined> {
    return attempt(() => (tier.isMemory ? call() : this.#patience.get(tier)?.wait(call)));
  }

  /** Brings a value nearer of which a part was asked for; once, and never through memory. */
  #copy(key: string, from: Tier, to: Tier): void {
    if (!from.getBody || !to.putBody || this.#copied.has(key)) return;
    if (this.#copied.size >= MAX_REMEMBERED) this.#copied.clear();
    this.#copied.add(key);
    const copied = attempt(async () => {
      const body = await this.#ask(from, () => from.getBody?.(key));
      if (!body) return;
      const put = (): Promise<void> | undefined => to.putBody?.(key, body);
      if (body.size <= MAX_COPIED) await new Patience(MAX_COPY_MS).wait(put);
      else await body.stream.cancel();
    });
    this.#options.waitUntil(copied);
  }

  #shared(name: string, look: () => Promise<Uint8Array | undefined>): Promise<Uint8Array | undefined> {
    if (!this.#options.shareLookups) return look();
    const running = this.#lookups.get(name);
    if (running) return running;
    const begun = look().finally(() => this.#lookups.delete(name));
    this.#lookups.set(name, begun);
    return begun;
  }
}

/** What a tier gives; nothing where it fails. */
async function attempt<T>(ask: () => Promise<T> | T): Promise<T | undefined> {
  try {
    return await ask();
  } catch {
    return undefined;
  }
}
