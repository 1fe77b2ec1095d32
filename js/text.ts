/** Text of bytes. @module */

// Not fatal: a name that is not UTF-8 shows U+FFFD, and its true bytes stand beside it.
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Bytes as text; what is not UTF-8 becomes U+FFFD. */
export function decode(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}
