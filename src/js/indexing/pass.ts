/** One layer streaming past once, for all who want its index. @module */
import type { BuildProgress, ZtocEntry } from "../build/types.js";
import { OcipeekError } from "../errors.js";
import { ready } from "../runtime.js";

/** An index that was built, as wasm takes it. */
export interface Built {
  readonly ztoc: Uint8Array<ArrayBuffer>;
  /** Of the bytes that it was built of. */
  readonly layerDigest: string;
}

/** What is to be indexed, and how. Members who want the same share a pass. */
export interface Wanted {
  /** Passes are shared within a group. */
  readonly group: number;
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

/** A member's part in a pass. */
export interface Membership {
  readonly built: Promise<Built>;
  /** To be called when the member pauses or goes on. */
  changed(): void;
  /** The member does not wait any more. The pass ends with the last one. */
  leave(): void;
}

/** Joins the pass of what is wanted, or starts it. */
export function join(wanted: Wanted, member: Member): Membership {
  const key = JSON.stringify([wanted.group, wanted.digest, wanted.size, wanted.spanSize, wanted.limits]);
  let pass = passes.get(key);
  const isFirst = pass === undefined;
  if (!pass) {
    pass = new Pass(wanted, () => passes.get(key) === pass && passes.delete(key));
    passes.set(key, pass);
  }
  let hasLeft = false;
  pass.add(member);
  const built = pass.built.catch((error: unknown) => {
    // What failed for others may work from here.
    if (isFirst || hasLeft) throw error;
    const next = join(wanted, member);
    pass = undefined;
    membership.changed = next.changed;
    membership.leave = next.leave;
    return next.built;
  });
  // Whoever left does not look at it.
  built.catch(() => {});
  const membership = {
    built,
    changed: () => pass?.changed(),
    leave: () => {
      hasLeft = true;
      pass?.remove(member);
    },
  };
  return membership;
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
      throw new OcipeekError(
        "UNSUPPORTED",
        "UNSUPPORTED: this entry of the package has no builder of indexes",
      );
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
      if (!member) throw new OcipeekError("ABORTED", "ABORTED: nobody waits for the index any more");
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
