/** User name and password as HTTP's Basic scheme has them (RFC 7617). @module */

/** The two in base64 of `user:password`; nothing where it is none. */
export function unpackBasic(base64: string): { username: string; password: string } | undefined {
  try {
    const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    const colon = text.indexOf(":");
    return colon < 0 ? undefined : { username: text.slice(0, colon), password: text.slice(colon + 1) };
  } catch {
    return undefined;
  }
}
