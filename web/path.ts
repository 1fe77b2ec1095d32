/** Paths in images, in URLs. @module */

/** Bytes of a path for a URL; slashes stay. */
export function encodePath(path: Uint8Array): string {
  let text = "";
  for (const byte of path) {
    const char = String.fromCharCode(byte);
    // A colon in the first segment of a relative reference would make it a scheme.
    text += /[A-Za-z0-9\-._~/]/.test(char) ? char : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return text;
}
