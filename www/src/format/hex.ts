/** Bytes in rows of hexadecimal and ASCII. @module */

import { hex } from "../../../js/common/hex.ts";

/** `7f 45 4c 46  02 01`: groups of eight bytes stand apart. */
export function hexRow(bytes: Uint8Array): string {
  const groups: string[] = [];
  for (let at = 0; at < bytes.length; at += 8) groups.push(hex(bytes.subarray(at, at + 8), " "));
  return groups.join("  ");
}

/** What is no printable ASCII is a dot. */
export function asciiRow(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += byte >= 32 && byte < 127 ? String.fromCharCode(byte) : "·";
  return text;
}

/** An offset with as many digits as the file's last one has, eight at least. */
export function offsetText(offset: number, size: number): string {
  const digits = Math.max(8, Math.max(0, size - 1).toString(16).length);
  return offset.toString(16).padStart(digits, "0");
}

/** What people type for an offset: `0x1f0`, `1f0h`, `496`; nothing where it is none. */
export function parseOffset(text: string): number | undefined {
  const trimmed = text.trim().replace(/[_,\s]/g, "");
  const match = /^0x([0-9a-f]{1,13})$/i.exec(trimmed) ?? /^([0-9a-f]{1,13})h$/i.exec(trimmed);
  if (match) return Number.parseInt(match[1] ?? "", 16);
  if (/^\d{1,15}$/.test(trimmed)) return Number(trimmed);
  // Letters make it hexadecimal.
  return /^[0-9a-f]{1,13}$/i.test(trimmed) ? Number.parseInt(trimmed, 16) : undefined;
}
