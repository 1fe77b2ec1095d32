/** How names out of an image are shown: they are an attacker's, and a terminal obeys control characters. */

import { UsageError } from "./exit.js";

/** The control characters from 7 on, as C writes them. */
const NAMED: Record<number, string> = Object.fromEntries([..."abtnvfr"].map((it, i) => [7 + i, `\\${it}`]));

/**
 * Bytes as one line of harmless text: control characters, marks that turn the direction of writing, invisible
 * characters and bytes that are not UTF-8 become escapes; a backslash is doubled.
 */
export function escapeBytes(bytes: Uint8Array): string {
  let out = "";
  for (let at = 0; at < bytes.length; ) {
    const length = utf8Length(bytes, at);
    const piece = bytes.subarray(at, at + Math.max(length, 1));
    out += length > 0 ? escapeCharacter(decoder.decode(piece)) : `\\x${hex(piece[0] ?? 0, 2)}`;
    at += piece.length;
  }
  return out;
}

/** Text as one line of harmless text. */
export function escapeText(text: string): string {
  return escapeBytes(new TextEncoder().encode(text));
}

/**
 * A value as JSON that is harmless on a terminal and in what pages through it: what {@link escapeText} escapes is written as
 * `\uXXXX`, which means the same to every reader of JSON.
 */
export function jsonText(value: unknown, indent?: number): string {
  const text = JSON.stringify(value, (_key, v) => (typeof v === "bigint" ? String(v) : v), indent);
  return text.replace(UNSEEN_IN_JSON, (character) =>
    character.replace(/[\s\S]/g, (unit) => `\\u${hex(unit.charCodeAt(0), 4)}`),
  );
}

/** The bytes that {@link escapeBytes} shows so. */
export function unescapeBytes(text: string): Uint8Array {
  const parts: Uint8Array[] = [];
  let at = 0;
  for (const match of text.matchAll(/\\(?:x([0-9a-fA-F]{2})|u\{([0-9a-fA-F]{1,6})\}|(.?))/gsu)) {
    const [all, byte, code, letter = ""] = match;
    parts.push(Buffer.from(text.slice(at, match.index)));
    at = match.index + all.length;
    if (byte) parts.push(Uint8Array.of(Number.parseInt(byte, 16)));
    else if (code && Number.parseInt(code, 16) <= 0x10ffff) {
      parts.push(Buffer.from(String.fromCodePoint(Number.parseInt(code, 16))));
    } else {
      const named = Object.entries(NAMED).find(([, name]) => name === all)?.[0];
      if (named === undefined && letter !== "\\") throw new UsageError(`there is no escape ${all} in paths`);
      parts.push(Uint8Array.of(named === undefined ? 0x5c : Number(named)));
    }
  }
  parts.push(Buffer.from(text.slice(at)));
  return Buffer.concat(parts);
}

/** Control, format (direction marks, joiners), line and paragraph separators, private use, unassigned. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cn}]/u;
/** Characters of {@link UNSEEN} that `JSON.stringify` leaves; a line feed there is the text's own. */
const UNSEEN_IN_JSON = /(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cn}]/gu;

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

function escapeCharacter(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  if (character === "\\") return "\\\\";
  if (NAMED[code] !== undefined) return NAMED[code];
  if (code < 0x20 || code === 0x7f) return `\\x${hex(code, 2)}`;
  // Not as \x85, which is a byte that is not UTF-8.
  if (UNSEEN.test(character)) return `\\u{${code.toString(16)}}`;
  return character;
}

/** Length of the UTF-8 sequence that starts at `at`; 0 where none does (RFC 3629, table 3-7 of Unicode). */
function utf8Length(bytes: Uint8Array, at: number): number {
  const first = bytes[at] ?? 0;
  if (first < 0x80) return 1;
  const length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4) return 0;
  const second = bytes[at + 1] ?? 0;
  const low = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  const high = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  if (second < low || second > high) return 0;
  for (let i = 2; i < length; i++) if (((bytes[at + i] ?? 0) & 0xc0) !== 0x80) return 0;
  return length;
}

function hex(n: number, width: number): string {
  return n.toString(16).padStart(width, "0");
}
