/** One layer streaming past once, for all who want its index. @module */

import { BoundedMap } from "../common/bounded-map.js";
import { OcipeekError } from "../errors.js";
import { ready } from "../runtime.js";
import type { BuildProgress, ZtocEntry } from "../types/build.js";

/** An index that was built, as wasm takes it. */
export interface Built {
  readonly ztoc: Uint8Array<ArrayBuffer>;
  /** Of the bytes that it was built of. */
  readonly layerDigest: string;
}

/** Layer to index, and how. Members who want the same share a pass, and its failure. */
export interface Wanted {
  /** Passes are shared within a group. */
  readonly group: number;
  /** The repository that the layer comes from: what another one does decides nothing here. */
  readonly place: string;
  readonly digest: string;
  readonly size: number;
  readonly spanSize: number | undefined;
  readonly limits: Record<string, number> | undefined;
}

/** Somebody who waits for an index. */
export interface Member {
  /** The layer's bytes from `from` on, out of this member's image. */
  stream(from: number, signal: AbortSignal): AsyncIterable<Uint8Array>;
  /** While all members pause, so does the pass. */
  isPaused: boolean;
  /** Told how far the pass is. */
  tell?(progress: BuildProgress): void;
  /** Given entries, each once, from when it joined. */
  give?(entries: ZtocEntry[]): void;
}

/** The passes under way. */
const passes = new Map<string, Pass>();

/** Milliseconds that a failure is remembered: one that would come again, and one that may pass. */
const LASTING_MS = 60_000;
const PASSING_MS = 5_000;
const PASSING = ["NETWORK", "RATE_LIMITED"];
/** Failures that are remembered. */
const MAX_FAILURES = 256;

/** Failures of late: each try costs all that comes before it, so that not every read tries again. */
const failures = new BoundedMap<string, { error: OcipeekError; until: number }>(MAX_FAILURES);

/** Remembers a failure for a while. */
function remember(key: string, error: unknown): void {
  // Whatever else is thrown, and what was stopped, says nothing of the layer.
  if (!(error instanceof OcipeekError) || error.code === "ABORTED") return;
  const passing = Math.max(PASSING_MS, Math.min((error.retryAfter ?? 0) * 1000, LASTING_MS));
  const time = PASSING.includes(error.code) ? passing : LASTING_MS;
  failures.set(key, { error, until: Date.now() + time });
}

/** The failure that is remembered. */
function remembered(key: string): OcipeekError | undefined {
  const failure = failures.get(key);
  if (failure && failure.until > Date.now()) return failure.error;
  failures.delete(key);
  return undefined;
}

/** A member's part in a pass. */
export interface Membership {
  readonly built: Promise<Built>;
  /** To be called when the member pauses or goes on. */
  changed(): void;
  /** The member does not wait any more. The pass ends with the last one. */
  leave(): void;
}

/**
 * Joins the pass of what is wanted, or starts it. Where it failed a moment ago, that is all there is to say, but for who
 * wants it tried `anew`.
 */
export function join(wanted: Wanted, member: Member, anew = false): Membership {
  const { group, place, digest, size, spanSize, limits } = wanted;
  const key = JSON.stringify([group, place, digest, size, spanSize, limits]);
  const failure = anew || passes.has(key) ? undefined : remembered(key);
  if (failure) return failed(failure);
  let pass = passes.get(key);
  if (!pass) {
    pass = new Pass(wanted, () => passes.get(key) === pass && passes.delete(key));
    passes.set(key, pass);
    pass.built.then(
      () => failures.delete(key),
      (error: unknown) => remember(key, error),
    );
  }
  const joined = pass;
  joined.add(member);
  return { built: joined.built, changed: () => joined.changed(), leave: () => joined.remove(member) };
}

function failed(error: OcipeekError): Membership {
  const built = Promise.reject<Built>(error);
  built.catch(() => {});
  return { built, changed: () => {}, leave: () => {} };
}

class Pass {
  readonly built: Promise<Built>;
  readonly #wanted: Wanted;
  readonly #members = new Set<Member>();
  readonly #stop = new AbortController();
  readonly #end: () => void;
  #wake = (): void => {};

  constructor(wanted: Wanted, end: () => void) {
    this.#wanted = wanted;
    this.#end = end;
    // After the first member was added.
    this.built = Promise.resolve()
      .then(() => this.#run())
      .finally(end);
    this.built.catch(() => {});
  }

  add(member: Member): void {
    this.#members.add(member);
    this.changed();
  }

  remove(member: Member): void {
    this.#members.delete(member);
    if (this.#members.size === 0) {
      // Whoever comes now starts anew.
      this.#end();
      this.#stop.abort();
    }
    this.changed();
  }

  changed(): void {
    this.#wake();
  }

  async #run(): Promise<Built> {
    const { builder } = await ready();
    if (!builder) {
      throw new OcipeekError("UNSUPPORTED", "this entry of the package has no builder of indexes");
    }
    const { buildZtoc } = await builder();
    const { digest, size, spanSize, limits } = this.#wanted;
    const built = await buildZtoc(this.#bytes(0), {
      digest,
      size,
      spanSize,
      limits,
      signal: this.#stop.signal,
      resume: (from) => this.#bytes(from),
      onProgress: (progress) => {
        for (const member of this.#members) member.tell?.(progress);
      },
      onEntries: (entries) => {
        for (const member of this.#members) member.give?.(entries);
      },
    });
    try {
      return { ztoc: await built.bytes(), layerDigest: built.layerDigest };
    } finally {
      await built.close();
    }
  }

  /** The layer from `from` on: out of the first member's image; where that member leaves, out of the next one's. */
  async *#bytes(from: number): AsyncGenerator<Uint8Array, void, undefined> {
    let at = from;
    for (;;) {
      await this.#turn();
      const [member] = this.#members;
      if (!member) throw new OcipeekError("ABORTED", "nobody waits for the index any more");
      try {
        for await (const chunk of member.stream(at, this.#stop.signal)) {
          await this.#turn();
          at += chunk.length;
          yield chunk;
        }
        return;
      } catch (error) {
        // An image that is closed fails first and leaves then.
        await new Promise((resolve) => setTimeout(resolve));
        if (this.#members.has(member)) throw error;
      }
    }
  }

  /** Waits while all pause. */
  async #turn(): Promise<void> {
    while (this.#members.size > 0 && [...this.#members].every((it) => it.isPaused)) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
