/** Input and output of identification: a file by ranges, with its start at hand; the form of what is found. @module */
import type { Identity } from "../../protocol/api.ts";

/** A file's bytes. */
export interface Content {
  readonly size: number;
  /** Its last part, for what only an extension tells. */
  readonly name: string;
  /** The first bytes: all of a small file. */
  readonly head: Uint8Array;
  /** Bytes `start` to `end` (not included); fewer at the file's end. */
  read(start: number, end: number): Promise<Uint8Array>;
}

/** How much of a file is looked at first. */
export const HEAD = 64 << 10;

/** No part that is read besides is larger. */
export const MAX_PART = 4 << 20;

/** Content over a function that reads ranges. */
export async function contentOf(
  size: number,
  name: string,
  read: (start: number, end: number) => Promise<Uint8Array>,
): Promise<Content> {
  const head = size === 0 ? new Uint8Array(0) : await read(0, Math.min(size, HEAD));
  return {
    size,
    name,
    head,
    read: async (start, wanted) => {
      const end = Math.min(wanted, size, start + MAX_PART);
      if (start >= end) return new Uint8Array(0);
      return end <= head.length ? head.subarray(start, end) : read(start, end);
    },
  };
}

/** The bytes as a `DataView`; reading past its end throws a `RangeError`, which identification takes as damage. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Whether bytes of a file are these: `"PK\x03\x04"`, each character a byte. */
export function startsWith(bytes: Uint8Array, magic: string, at = 0): boolean {
  if (bytes.length < at + magic.length) return false;
  for (let i = 0; i < magic.length; i++) if (bytes[at + i] !== magic.charCodeAt(i)) return false;
  return true;
}

/** Bytes as Latin-1 text, up to the first NUL. */
export function cText(bytes: Uint8Array, at: number, max = 4096): string {
  let text = "";
  for (let i = at; i < Math.min(bytes.length, at + max); i++) {
    const byte = bytes[i] ?? 0;
    if (byte === 0) break;
    text += String.fromCharCode(byte);
  }
  return text;
}

/** A 64-bit number as far as a double holds it; file offsets beyond are past any end. */
export function u64(view: DataView, at: number, little: boolean): number {
  return Number(view.getBigUint64(at, little));
}

/** What is known of a file. */
export function identity(
  format: string,
  title: string,
  facts: Identity["facts"] = [],
  sections: Identity["sections"] = [],
): Identity {
  return { format, title, facts, sections: sections.filter(({ rows }) => rows.length > 0) };
}

/** Names by numbers, which stand behind a prefix: `{ "1.3.101.": "112 Ed25519, 113 Ed448" }`. */
export function namesOf(table: Record<string, string>): Map<string, string> {
  const pairs = Object.entries(table).flatMap(([prefix, names]) =>
    names
      .split(", ")
      .map((it) => [prefix + it.slice(0, it.indexOf(" ")), it.slice(it.indexOf(" ") + 1)] as const),
  );
  return new Map(pairs);
}

/** `12,345`. */
export function count(value: number): string {
  return value.toLocaleString("en-US");
}

/** `2024-03-01 12:30:05 UTC`, of seconds. */
export function utc(seconds: number): string {
  return `${new Date(seconds * 1000).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}
