/**
 * Runs an {@link Automaton} over texts: one look-up a character, as sets of its states become states of their own
 * when they are first met. No pattern and no name makes it go back.
 * @module
 */
import { EngineError } from "../../protocol/api.ts";
import type { Automaton, CharSet } from "./glob.ts";

/** A pattern that needs more is refused; that takes a dozen of `?` behind a `*`, and names that meet them all. */
const MAX_STATES = 10_000;
const CODES = 0x10000;

/** A compiled pattern. */
export class Matcher {
  readonly #nfa: Automaton;
  readonly #classes: Uint16Array;
  readonly #representatives: number[];
  /** The next state by state and class; -1 where it is not known yet. */
  #next: Int32Array;
  #accepting: Uint8Array;
  readonly #sets: number[][] = [];
  readonly #ids = new Map<string, number>();
  readonly start: number;

  constructor(nfa: Automaton) {
    this.#nfa = nfa;
    const { classes, representatives } = partition(nfa);
    this.#classes = classes;
    this.#representatives = representatives;
    this.#next = new Int32Array(64 * representatives.length).fill(-1);
    this.#accepting = new Uint8Array(64);
    this.start = this.#idOf(this.#close([0]));
  }

  /** Whether what was read so far matches. */
  accepts(state: number): boolean {
    return this.#accepting[state] === 1;
  }

  /** The state behind a character. */
  step(state: number, code: number): number {
    const kind = this.#classes[code] ?? 0;
    const at = state * this.#representatives.length + kind;
    const known = this.#next[at] ?? -1;
    return known >= 0 ? known : this.#make(state, kind);
  }

  #make(state: number, kind: number): number {
    const code = this.#representatives[kind] ?? 0;
    const reached: number[] = [];
    for (const i of this.#sets[state] ?? []) {
      const it = this.#nfa.states[i];
      if (it?.kind === "read" && takes(it.set, code)) reached.push(it.next);
    }
    const id = this.#idOf(this.#close(reached));
    this.#next[state * this.#representatives.length + kind] = id;
    return id;
  }

  /** With all that is reached without reading; in order. */
  #close(from: number[]): number[] {
    const seen = new Set<number>();
    const stack = [...from];
    for (let i = stack.pop(); i !== undefined; i = stack.pop()) {
      if (seen.has(i)) continue;
      seen.add(i);
      const it = this.#nfa.states[i];
      if (it?.kind === "split") stack.push(...it.to);
    }
    return [...seen].sort((a, b) => a - b);
  }

  #idOf(set: number[]): number {
    const key = set.join();
    const known = this.#ids.get(key);
    if (known !== undefined) return known;
    const id = this.#sets.length;
    if (id === MAX_STATES) {
      const message = "LIMIT_EXCEEDED: this pattern is too complex; use fewer `*` and `?`";
      throw new EngineError({ code: "LIMIT_EXCEEDED", message });
    }
    if (id === this.#accepting.length) this.#grow();
    this.#sets.push(set);
    this.#ids.set(key, id);
    this.#accepting[id] = set.some((i) => this.#nfa.states[i]?.kind === "end") ? 1 : 0;
    return id;
  }

  #grow(): void {
    const next = new Int32Array(2 * this.#next.length).fill(-1);
    next.set(this.#next);
    this.#next = next;
    const accepting = new Uint8Array(2 * this.#accepting.length);
    accepting.set(this.#accepting);
    this.#accepting = accepting;
  }
}

function takes({ ranges, negated }: CharSet, code: number): boolean {
  return ranges.some(([from, to]) => code >= from && code <= to) !== negated;
}

/** Characters between which no edge tells apart are one class. */
function partition({ states }: Automaton): { classes: Uint16Array; representatives: number[] } {
  const cuts = new Set<number>([0]);
  for (const it of states) {
    if (it.kind !== "read") continue;
    for (const [from, to] of it.set.ranges) cuts.add(from).add(Math.min(to + 1, CODES - 1));
  }
  const sorted = [...cuts].sort((a, b) => a - b);
  const classes = new Uint16Array(CODES);
  // Those that every edge takes or leaves alike share a class: most of them are "any other".
  const bySignature = new Map<string, number>();
  const representatives: number[] = [];
  const reads = states.flatMap((it) => (it.kind === "read" ? [it.set] : []));
  const sets = [...new Map(reads.map((set) => [JSON.stringify(set), set])).values()];
  for (const [i, from] of sorted.entries()) {
    const signature = sets.map((set) => (takes(set, from) ? "1" : "0")).join("");
    let kind = bySignature.get(signature);
    if (kind === undefined) {
      kind = representatives.push(from) - 1;
      bySignature.set(signature, kind);
    }
    classes.fill(kind, from, sorted[i + 1] ?? CODES);
  }
  return { classes, representatives };
}
