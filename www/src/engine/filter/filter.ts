/** Filters a catalogue as one types. @module */
import { nextTask, Turns } from "../../../../js/common/turns.ts";
import { EngineError } from "../../protocol/api.ts";
import { type Catalogue, TYPES } from "../../protocol/catalogue.ts";
import { compileGlob, compileText, isGlob } from "./glob.ts";
import { Matcher } from "./matcher.ts";

/** Longest that the engine's thread does one thing while other calls wait. */
export const TURN = { ms: 12 };
/** Longer queries are cut. */
const MAX_QUERY = 512;
/** The platform's search is the fastest, but its time may grow with the text's length times this. */
const MAX_PLAIN = 32;
/** Entries between two looks at the clock. */
const STRIDE = 4096;
const FOLDER = TYPES.indexOf("directory");

/** What is searched of a catalogue: made once, at the first key. */
export class FilterIndex {
  readonly #catalogue: Catalogue;
  /** Every name behind a slash, folded; that of the root is empty. */
  readonly #text: string;
  /** Where each name starts in the text. */
  readonly #starts: Uint32Array;
  #run = 0;

  constructor(catalogue: Catalogue) {
    this.#catalogue = catalogue;
    this.#text = fold(joinNames(catalogue));
    this.#starts = startsOf(this.#text, catalogue.count);
  }

  /**
   * Entries whose path matches, in order; see `EngineApi.filter`. A later call stops this one.
   * @throws EngineError `ABORTED`
   */
  async find(query: string, signal: AbortSignal): Promise<Uint32Array<ArrayBuffer>> {
    const run = ++this.#run;
    const check = (): void => {
      if (signal.aborted || run !== this.#run) {
        throw new EngineError({ code: "ABORTED", message: "ABORTED: a newer filter takes its place" });
      }
    };
    // Keys that were pressed meanwhile are messages that wait.
    await nextTask();
    check();
    const wanted = fold(query.slice(0, MAX_QUERY));
    const found = new Found(this.#catalogue.count);
    if (isGlob(wanted)) await this.#walk(compileGlob(wanted), found, check);
    else if (wanted.length <= MAX_PLAIN && !wanted.includes("/")) this.#search(wanted, found);
    else await this.#walk(compileText(wanted), found, check);
    return found.result();
  }

  /** A short text without a slash lies within a name. */
  #search(wanted: string, found: Found): void {
    const text = this.#text;
    const starts = this.#starts;
    const { count } = this.#catalogue;
    let entry = 0;
    for (let at = text.indexOf(wanted); at >= 0; ) {
      // Leaps first: most names do not match.
      for (let leap = 1; entry + leap < count && (starts[entry + leap] ?? 0) <= at; leap *= 2) entry += leap;
      while (entry + 1 < count && (starts[entry + 1] ?? 0) <= at) entry++;
      found.add(entry);
      const next = starts[entry + 1];
      if (next === undefined) return;
      at = text.indexOf(wanted, next);
    }
  }

  /** Paths are read once: each name goes on where its folder's ended. */
  async #walk(pattern: ReturnType<typeof compileGlob>, found: Found, check: () => void): Promise<void> {
    const { count, parent, type } = this.#catalogue;
    const text = this.#text;
    const matcher = new Matcher(pattern);
    const { whole, foldersOnly } = pattern;
    const turns = new Turns(TURN);
    /** Behind the slash that follows a folder. */
    const behind = new Int32Array(count);
    behind[0] = matcher.step(matcher.start, 0x2f);
    for (let entry = 1; entry < count; entry++) {
      if (entry % STRIDE === 0 && turns.isDue) {
        await turns.yield();
        check();
      }
      let state = behind[parent[entry] ?? 0] ?? 0;
      let matches = !whole && matcher.accepts(state);
      const end = (this.#starts[entry + 1] ?? text.length + 1) - 1;
      for (let at = this.#starts[entry] ?? 0; at < end; at++) {
        state = matcher.step(state, text.charCodeAt(at));
        matches ||= !whole && matcher.accepts(state);
      }
      const isFolder = type[entry] === FOLDER;
      if (whole) matches = matcher.accepts(state) && (isFolder || !foldersOnly);
      if (matches) found.add(entry);
      if (isFolder) behind[entry] = matcher.step(state, 0x2f);
    }
  }
}

/** Numbers in ascending order. */
class Found {
  readonly #entries: Uint32Array<ArrayBuffer>;
  #count = 0;

  constructor(most: number) {
    this.#entries = new Uint32Array(most);
  }

  add(entry: number): void {
    this.#entries[this.#count++] = entry;
  }

  result(): Uint32Array<ArrayBuffer> {
    return this.#entries.slice(0, this.#count);
  }
}

/** In any case and either form of accents, the same text. */
function fold(text: string): string {
  return text.normalize("NFC").toLowerCase().replaceAll("ς", "σ");
}

/** `/bin/ls`: one text of all names. No name has a slash, so that it tells where each starts, however letters fold. */
function joinNames({ count, names, nameEnds }: Catalogue): string {
  const bytes = new Uint8Array(names.length + count);
  let from = 0;
  let to = 0;
  for (let entry = 0; entry < count; entry++) {
    const end = nameEnds[entry] ?? from;
    bytes[to++] = 0x2f;
    // Short copies: a loop is faster than a view for each name.
    while (from < end) bytes[to++] = names[from++] ?? 0;
  }
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
}

function startsOf(text: string, count: number): Uint32Array {
  const starts = new Uint32Array(count);
  let at = -1;
  for (let entry = 0; entry < count; entry++) {
    at = text.indexOf("/", at + 1);
    starts[entry] = at + 1;
  }
  return starts;
}
