/** What a filter looks for, as a finite automaton over the characters of paths. @module */

/** Characters that an edge takes: ranges of codes, or all but those; a slash only where it is named. */
export interface CharSet {
  readonly ranges: readonly (readonly [from: number, to: number])[];
  readonly negated: boolean;
}

/** A state: it reads a character, splits in two without reading, or is the end. */
export type State =
  | { readonly kind: "read"; readonly set: CharSet; next: number }
  | { readonly kind: "split"; readonly to: number[] }
  | { readonly kind: "end" };

/** An automaton that starts in state 0. */
export interface Automaton {
  readonly states: State[];
  /** A match must reach to the end of the name; else it must only end in the name. */
  readonly whole: boolean;
  /** Only folders match. */
  readonly foldersOnly: boolean;
}

const SLASH = 0x2f;
const ANY: CharSet = { ranges: [], negated: true };
const NOT_SLASH: CharSet = { ranges: [[SLASH, SLASH]], negated: true };

/** Whether a query is a glob. */
export function isGlob(query: string): boolean {
  return /[*?[{]/.test(query);
}

/** A text anywhere in a path. */
export function compileText(text: string): Automaton {
  const b = new Builder();
  b.loop(ANY);
  for (let i = 0; i < text.length; i++) b.char(text.charCodeAt(i));
  b.end();
  return { states: b.states, whole: false, foldersOnly: false };
}

/**
 * A glob: `*`, `?`, `[a-z]`, `{a,b}` within a name, `**` over any number of folders. It may begin in any folder; with a
 * slash at its start, at the root only. What is not closed is taken as it is written: it is being typed.
 */
export function compileGlob(glob: string): Automaton {
  const foldersOnly = glob.length > 1 && glob.endsWith("/");
  const text = foldersOnly ? glob.slice(0, -1) : glob;
  const b = new Builder();
  if (!text.startsWith("/")) {
    b.loop(ANY);
    b.char(SLASH);
  }
  new Parser(text, b).sequence();
  b.end();
  return { states: b.states, whole: true, foldersOnly };
}

/** Adds states one behind the other; what was added last leads to what is added next. */
class Builder {
  readonly states: State[] = [];

  char(code: number): void {
    this.set({ ranges: [[code, code]], negated: false });
  }

  set(set: CharSet): void {
    this.states.push({ kind: "read", set, next: this.states.length + 1 });
  }

  /** Any number of characters of a set. */
  loop(set: CharSet): void {
    const at = this.states.length;
    this.states.push({ kind: "split", to: [at + 1, at + 2] }, { kind: "read", set, next: at });
  }

  /** What `add` adds, or nothing. */
  optional(add: () => void): void {
    const split: State = { kind: "split", to: [this.states.length + 1] };
    this.states.push(split);
    add();
    split.to.push(this.states.length);
  }

  /** One of several. */
  choice(parts: (() => void)[]): void {
    const split: State = { kind: "split", to: [] };
    this.states.push(split);
    const ends: { kind: "split"; to: number[] }[] = [];
    for (const add of parts) {
      split.to.push(this.states.length);
      add();
      const end = { kind: "split" as const, to: [] as number[] };
      this.states.push(end);
      ends.push(end);
    }
    for (const end of ends) end.to.push(this.states.length);
  }

  end(): void {
    this.states.push({ kind: "end" });
  }
}

const MAX_DEPTH = 16;

class Parser {
  readonly #text: string;
  readonly #builder: Builder;
  #at = 0;
  #end: number;
  #depth = 0;

  constructor(text: string, builder: Builder) {
    this.#text = text;
    this.#builder = builder;
    this.#end = text.length;
  }

  sequence(): void {
    while (this.#at < this.#end) this.#item();
  }

  #item(): void {
    const b = this.#builder;
    const char = this.#text[this.#at];
    if (char === "*") {
      this.#stars();
      return;
    }
    if (char === "?") {
      this.#at++;
      b.set(NOT_SLASH);
      return;
    }
    if (char === "[" && this.#brackets()) return;
    if (char === "{" && this.#braces()) return;
    if (char === "\\" && this.#at + 1 < this.#end) this.#at++;
    b.char(this.#text.charCodeAt(this.#at++));
  }

  #stars(): void {
    const b = this.#builder;
    const from = this.#at;
    while (this.#at < this.#end && this.#text[this.#at] === "*") this.#at++;
    const startsName = from === 0 || this.#text[from - 1] === "/";
    const next = this.#text[this.#at];
    if (this.#at - from < 2 || !startsName) b.loop(NOT_SLASH);
    else if (next !== "/") b.loop(ANY);
    else {
      this.#at++;
      b.optional(() => {
        b.loop(ANY);
        b.char(SLASH);
      });
    }
  }

  /** `[a-z]`, `[!a-z]`; false where it is not closed. */
  #brackets(): boolean {
    const match = /^\[([!^]?)(\]?[^\]]*)\]/.exec(this.#text.slice(this.#at, this.#end));
    if (!match) return false;
    const [all, not, inner = ""] = match;
    const ranges: [number, number][] = [];
    for (let i = 0; i < inner.length; i++) {
      const from = inner.charCodeAt(i);
      if (inner[i + 1] === "-" && i + 2 < inner.length) {
        ranges.push([from, inner.charCodeAt(i + 2)]);
        i += 2;
      } else ranges.push([from, from]);
    }
    if (not) ranges.push([SLASH, SLASH]);
    this.#builder.set({ ranges, negated: not !== "" });
    this.#at += all.length;
    return true;
  }

  /** `{a,b}`; false where it is not closed. */
  #braces(): boolean {
    const parts = this.#depth < MAX_DEPTH ? this.#bracesAt(this.#at) : undefined;
    if (!parts) return false;
    const outer = this.#end;
    const after = (parts.at(-1)?.[1] ?? 0) + 1;
    this.#depth++;
    this.#builder.choice(
      parts.map(([from, to]) => () => {
        this.#at = from;
        this.#end = to;
        this.sequence();
      }),
    );
    this.#depth--;
    this.#end = outer;
    this.#at = after;
    return true;
  }

  #bracesAt(open: number): [from: number, to: number][] | undefined {
    const parts: [number, number][] = [];
    let depth = 0;
    let from = open + 1;
    for (let i = open; i < this.#end; i++) {
      const char = this.#text[i];
      if (char === "\\") i++;
      else if (char === "{") depth++;
      else if (char === "}" && --depth === 0) {
        parts.push([from, i]);
        return parts;
      } else if (char === "," && depth === 1) {
        parts.push([from, i]);
        from = i + 1;
      }
    }
    return undefined;
  }
}
