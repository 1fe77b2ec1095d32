/** Texts of rows. @module */
import { bytes, KINDS, permissions, plural, time } from "../../format/format.ts";
import { textOf, visible } from "../../format/visible.ts";
import { type Catalogue, Flag, type Mark, nameBytes, typeOf } from "../../protocol/catalogue.ts";
import type { Kind } from "./icons.tsx";

/** What a tree can show beside names. */
export const COLUMNS = ["size", "mtime", "layer", "mode", "owner"] as const;

/** A column beside the name. */
export type Column = (typeof COLUMNS)[number];

const KIND_WORDS: Record<Kind, string> = {
  ...KINDS,
  program: "program",
  open: "folder",
  whiteout: "whiteout",
  opaque: "opaque mark",
};

/** A mark's letter and its words. */
export const MARK_WORDS: Record<Exclude<Mark, "none">, { letter: string; words: string }> = {
  added: { letter: "A", words: "added" },
  changed: { letter: "C", words: "changed" },
  removed: { letter: "R", words: "removed" },
  "unverified-same": { letter: "?", words: "same attributes, contents not compared" },
};

const EXECUTABLE = 0o111;
const LETTERS: Record<string, string> = {
  directory: "d",
  symlink: "l",
  "char-device": "c",
  "block-device": "b",
  fifo: "p",
};

/** Which icon an entry has. */
export function kindOf(c: Catalogue, entry: number, isOpen: boolean): Kind {
  const type = typeOf(c, entry);
  if (type === "directory" && isOpen) return "open";
  return type === "file" && (c.mode[entry] ?? 0) & EXECUTABLE ? "program" : type;
}

/** What a column says of an entry; empty where it is not known. */
export function cellOf(c: Catalogue, entry: number, column: Column): string {
  switch (column) {
    case "size":
      return hasSize(c, entry) ? bytes(c.size[entry] ?? 0) : "";
    case "mtime":
      // To the minute, also where the year has more than four digits.
      return time(c.mtime[entry] ?? Number.NaN).replace(/:\d\d UTC$/, "");
    case "layer":
      return (c.layer[entry] ?? -1) < 0 ? "" : `${c.layer[entry]}`;
    case "mode":
      return isImplied(c, entry) ? "" : (LETTERS[typeOf(c, entry)] ?? "-") + permissions(c.mode[entry] ?? 0);
    case "owner":
      return isImplied(c, entry) ? "" : `${c.uid[entry]}:${c.gid[entry]}`;
  }
}

/** What else there is to say of an entry, in few words. */
export function noteOf(c: Catalogue, entry: number): string {
  const type = typeOf(c, entry);
  if (type === "whiteout") return "removed by this layer";
  if (type === "opaque") return "hides what lower layers have here";
  return (c.flags[entry] ?? 0) & Flag.hardlink ? "hard link" : "";
}

/** What kind of entry it is, for screen readers. */
export function wordOf(c: Catalogue, entry: number): string {
  return KIND_WORDS[kindOf(c, entry, false)];
}

/** More of an entry, shown where the mouse rests. */
export function tipOf(c: Catalogue, entry: number): string {
  const when = time(c.mtime[entry] ?? Number.NaN);
  const layer = c.layer[entry] ?? -1;
  const lines = [
    visible(textOf(nameBytes(c, entry))),
    isImplied(c, entry) ? "" : `${cellOf(c, entry, "mode")}  ${cellOf(c, entry, "owner")}`,
    typeOf(c, entry) === "directory" ? plural(c.files[entry] ?? 0, "file") : "",
    when && `modified ${when}`,
    layer >= 0 ? `from layer ${layer}` : "",
    isImplied(c, entry) ? "in no layer itself, only what is in it" : "",
  ];
  return lines.filter((line) => line !== "").join("\n");
}

function hasSize(c: Catalogue, entry: number): boolean {
  const type = typeOf(c, entry);
  return type === "file" || type === "directory";
}

function isImplied(c: Catalogue, entry: number): boolean {
  return ((c.flags[entry] ?? 0) & Flag.implied) !== 0;
}
