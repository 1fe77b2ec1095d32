/** Encoding of bytes, where they are text. @module */

/** How a text is encoded. */
export interface Encoding {
  /** As `TextDecoder` names it. */
  label: "utf-8" | "utf-16le" | "utf-16be" | "windows-1252";
  /** For people. */
  title: string;
  /** Bytes of the mark at its start. */
  mark: number;
}

const UTF8: Encoding = { label: "utf-8", title: "UTF-8", mark: 0 };

/** Bytes that are looked at. */
const LOOKED_AT = 64 << 10;

/** The encoding of a text by its first bytes; nothing where they are no text. `whole`: nothing follows them. */
export function encodingOf(first: Uint8Array, whole: boolean): Encoding | undefined {
  const bytes = first.subarray(0, LOOKED_AT);
  const isCut = !whole || bytes.length < first.length;
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) {
    return { ...UTF8, title: "UTF-8 with byte order mark", mark: 3 };
  }
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return { label: "utf-16le", title: "UTF-16 LE", mark: 2 };
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return { label: "utf-16be", title: "UTF-16 BE", mark: 2 };
  const { zeros, controls, high, c1 } = countsOf(bytes);
  if (zeros > 0 || controls > bytes.length / 64) return undefined;
  if (high === 0) return UTF8;
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: isCut });
    return UTF8;
  } catch {
    // Some other one: Latin texts have letters beyond ASCII here and there.
    return high <= bytes.length / 4 && c1 === 0 && controls === 0
      ? { label: "windows-1252", title: "Latin-1 (guessed)", mark: 0 }
      : undefined;
  }
}

function countsOf(bytes: Uint8Array): { zeros: number; controls: number; high: number; c1: number } {
  let zeros = 0;
  let controls = 0;
  let high = 0;
  let c1 = 0;
  for (const byte of bytes) {
    if (byte === 0) zeros++;
    // Escape occurs in coloured logs, form feed in old sources.
    else if (byte < 32 && ![9, 10, 12, 13, 27].includes(byte)) controls++;
    else if (byte === 127) controls++;
    else if (byte >= 0x80) high++;
    if (byte >= 0x80 && byte < 0xa0) c1++;
  }
  return { zeros, controls, high, c1 };
}
