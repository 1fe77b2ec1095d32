/** Names under which files are saved. @module */

/** Controls, and marks that change the direction of what follows them: `exe.txt` that reads `txt.exe`. */
const DECEPTIVE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/** A name to save under: what deceives, ends a header or names a folder becomes `_`. */
export function safeName(name: string): string {
  const clean = Array.from(name.replace(DECEPTIVE, "_").replace(/[/\\]/g, "_")).slice(0, 200).join("");
  return clean === "" || clean === "." || clean === ".." ? "file" : clean;
}

/** `Content-Disposition` with a {@link safeName} (RFC 6266, RFC 8187): in ASCII for old programs, in UTF-8 for others. */
export function contentDisposition(kind: "inline" | "attachment", name: string): string {
  const safe = safeName(name);
  const ascii = safe.replace(/[^\x20-\x7e]/gu, "_").replace(/["%]/g, "_");
  const simple = `${kind}; filename="${ascii}"`;
  if (ascii === safe) return simple;
  const encoded = encodeURIComponent(safe).replace(
    /['()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `${simple}; filename*=UTF-8''${encoded}`;
}
