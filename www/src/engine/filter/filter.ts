/** Filter of a catalogue, as one types. @module */
import type { Glob } from "ocipeek";
import { nextTask, Turns } from "../../../../js/common/turns.ts";
import { EngineError } from "../../protocol/api.ts";
import { type Catalogue, TYPES } from "../../protocol/catalogue.ts";
import { isGlob } from "../../protocol/query.ts";
import { failureOf } from "../failure.ts";
import { compileGlob } from "../library.ts";

/** Longest that the engine's thread does one thing while other calls wait. */
export const TURN = { ms: 12 };
/** Longer queries are cut. */
const MAX_QUERY = 512;
/** The platform's search is the fastest, but its time may grow with the text's length times this. */
const MAX_PLAIN = 32;
/** Names that are matched together. */
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
        throw new EngineError({ code: "ABORTED", message: "a newer filter takes its place" });
      }
    };
    // Keys that were pressed meanwhile are messages that wait.
    await nextTask();
    check();
    const wanted = fold(query.slice(0, MAX_QUERY));
    const found = new Found(this.#catalogue.count);
    const glob = isGlob(wanted) ? await globOf(wanted) : undefined;
    if (glob) await this.#match(glob, found, check);
    else if (wanted.length <= MAX_PLAIN && !wanted.includes("/")) this.#search(wanted, found);
    else await this.#match(await compileGlob(globForText(wanted)), found, check);
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

  async #match(glob: Glob, found: Found, check: () => void): Promise<void> {
    const { count, parent, type } = this.#catalogue;
    const turns = new Turns(TURN);
    try {
      let stride = STRIDE;
      for (let first = 0; first < count; ) {
        const end = Math.min(first + stride, count);
        // Without the slash behind the last one.
        const to = end < count ? (this.#starts[end] ?? 0) - 1 : this.#text.length;
        const names = this.#text.slice(this.#starts[first], to);
        const batch = glob.matchNames(first, names, parent.subarray(first, end));
        for (const entry of batch.found) if (!glob.foldersOnly || type[entry] === FOLDER) found.add(entry);
        // What it leaves would be handed over again.
        if (batch.count < end - first) stride = Math.max(batch.count, 1);
        first += batch.count;
        if (!turns.isDue) continue;
        await turns.yield();
        check();
      }
    } finally {
      glob.close();
    }
  }
}

/** The pattern; nothing where it is none, as it may be while it is being typed. */
async function globOf(query: string): Promise<Glob | undefined> {
  try {
    return await compileGlob(query);
  } catch (error) {
    if (failureOf(error).code === "INVALID_ARGUMENT") return undefined;
    throw error;
  }
}

/** The pattern of paths that hold a text which ends in the name of an entry. */
function globForText(text: string): string {
  const escaped = text.replace(/[\\*?[\]{},]/g, "\\$&");
  if (!text.includes("/")) return `*${escaped}*`;
  return text.startsWith("/") ? `**${escaped}*` : `**/*${escaped}*`;
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
