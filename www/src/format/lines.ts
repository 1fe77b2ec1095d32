/**
 * A text in rows, as it comes in pieces. A row is a line, or a part of a very long one: rows are bounded, so that what
 * shows a few of them works little whatever the text is.
 * @module
 */
import { firstIndex } from "./search.ts";

/** Longer lines go on in a further row. */
export const ROW_LENGTH = 2000;

interface Piece {
  text: string;
  /** Its first row. */
  row: number;
  /** Where each of its rows begins and ends in `text`, line ends left out. */
  starts: Uint32Array;
  ends: Uint32Array;
  /** The line of each row. */
  lineOf: Uint32Array;
  /** Whether its first row goes on with the last line of the piece before. */
  goesOn: boolean;
}

/** One row. */
export interface Row {
  text: string;
  /** 1 the first. */
  line: number;
  /** Whether it goes on with the line of the row before. */
  goesOn: boolean;
  /** Its piece, and where it begins in it. */
  piece: number;
  start: number;
}

/** The rows of a text. */
export class Lines {
  readonly #pieces: Piece[] = [];
  #rest = "";
  /** Rows so far. */
  rows = 0;
  /** Lines so far. */
  lines = 0;
  /** Characters so far. */
  length = 0;
  /** Characters of the longest row; a tabulator counts as eight, and what is wide as two. */
  widest = 0;
  /** Lines that end with CR and LF. */
  crlf = 0;

  /** Takes the next piece. Its last line is kept until its end comes, or `last` says that there is none. */
  append(text: string, last: boolean): void {
    this.length += text.length;
    const all = this.#rest + text;
    // A CR at the end may have its LF in the next piece; no line is kept back that is longer than a few rows.
    const cut = last ? all.length : all.lastIndexOf("\n") + 1 || (all.length > 64 * ROW_LENGTH ? -1 : 0);
    if (cut < 0) {
      // One line without an end: what fits into whole rows is given out, and goes on in the next piece.
      this.#rest = "";
      this.#add(all);
      return;
    }
    this.#rest = all.slice(cut);
    if (cut > 0) this.#add(all.slice(0, cut));
  }

  /** A piece's text, as it came, joined with what was kept of the one before. */
  pieceText(piece: number): string {
    return this.#pieces[piece]?.text ?? "";
  }

  /** All complete pieces' text. */
  text(): string {
    return this.#pieces.map((piece) => piece.text).join("");
  }

  /** Row `at`, 0 the first. */
  row(at: number): Row {
    const index = Math.max(0, firstIndex(this.#pieces.length, (i) => (this.#pieces[i]?.row ?? 0) > at) - 1);
    const piece = this.#pieces[index];
    const i = at - (piece?.row ?? 0);
    if (!piece || i >= piece.starts.length) return { text: "", line: 0, goesOn: false, piece: 0, start: 0 };
    const start = piece.starts[i] ?? 0;
    const line = piece.lineOf[i] ?? 0;
    const goesOn = i === 0 ? piece.goesOn : piece.lineOf[i - 1] === line;
    return { text: piece.text.slice(start, piece.ends[i]), line, goesOn, piece: index, start };
  }

  /** The first row of a line; nothing where it has not come yet. */
  rowOfLine(line: number): number | undefined {
    if (line < 1 || line > this.lines) return undefined;
    return firstIndex(this.rows, (at) => this.row(at).line >= line);
  }

  #add(text: string): void {
    const before = this.#pieces.at(-1);
    // A piece that ended within a line is gone on with.
    const isOpen = before !== undefined && !before.text.endsWith("\n");
    const starts: number[] = [];
    const ends: number[] = [];
    const lineOf: number[] = [];
    let goesOn = isOpen;
    for (let from = 0; from < text.length; ) {
      const newline = text.indexOf("\n", from);
      const next = newline < 0 ? text.length : newline + 1;
      let end = newline < 0 ? text.length : newline;
      if (end > from && newline >= 0 && text.charCodeAt(end - 1) === 13) {
        end--;
        this.crlf++;
      }
      if (!goesOn) this.lines++;
      goesOn = false;
      let at = from;
      do {
        let stop = Math.min(end, at + ROW_LENGTH);
        // Not between the halves of a pair of surrogates.
        if (stop < end && (text.charCodeAt(stop) & 0xfc00) === 0xdc00) stop--;
        starts.push(at);
        ends.push(stop);
        lineOf.push(this.lines);
        this.widest = Math.max(this.widest, widthOf(text, at, stop));
        at = stop;
      } while (at < end);
      from = next;
    }
    this.#pieces.push({
      text,
      row: this.rows,
      starts: Uint32Array.from(starts),
      ends: Uint32Array.from(ends),
      lineOf: Uint32Array.from(lineOf),
      goesOn: isOpen,
    });
    this.rows += starts.length;
  }
}

/** Columns that a row takes, roughly. */
export function widthOf(text: string, start = 0, end = text.length): number {
  let width = 0;
  for (let i = start; i < end; i++) {
    const code = text.charCodeAt(i);
    width += code === 9 ? 8 - (width % 8) : code < 0x1100 ? 1 : 2;
  }
  return width;
}
