/** Visible text: names from images, with nothing hidden. @module */

/** What has no shape of its own, or changes how the text around it is shown. */
const HIDDEN = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}\p{Default_Ignorable_Code_Point}]|[^\P{Zs} ]|^ +| +$/gu;

/**
 * Text in which controls, direction marks, what has no width, and spaces other than U+0020 between words can be seen:
 * `‹U+000A›` for a line feed, `‹U+202E›` for a right-to-left override.
 */
export function visible(text: string): string {
  return text.replace(HIDDEN, (found) =>
    Array.from(found, (char) => `‹U+${hex(char.codePointAt(0) ?? 0, 4)}›`).join(""),
  );
}

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The text of bytes; nothing where they are not UTF-8. */
export function strictText(bytes: Uint8Array): string | undefined {
  try {
    return strict.decode(bytes);
  } catch {
    return undefined;
  }
}

/** The text of a name's bytes, each byte that is not UTF-8 as `‹E9›`. Not yet {@link visible}. */
export function textOf(bytes: Uint8Array): string {
  return strictText(bytes) ?? mixed(bytes);
}

/** What to show of a name: all of its bytes can be told from it. */
export function visibleName(bytes: Uint8Array): string {
  return visible(textOf(bytes));
}

function mixed(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; ) {
    const length = sequenceLength(bytes[at] ?? 0);
    const part = strictText(bytes.subarray(at, at + length));
    text += part ?? `‹${hex(bytes[at] ?? 0, 2)}›`;
    at += part === undefined ? 1 : length;
  }
  return text;
}

function sequenceLength(first: number): number {
  if (first >= 0xf0) return 4;
  if (first >= 0xe0) return 3;
  return first >= 0xc0 ? 2 : 1;
}

function hex(code: number, digits: number): string {
  return code.toString(16).toUpperCase().padStart(digits, "0");
}
