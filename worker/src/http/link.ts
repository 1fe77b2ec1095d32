/** `Link` (RFC 8288), as far as registries' lists use it. @module */

/** Longer fields are not read. */
const MAX_LINK = 16_384;

/** The target whose relation is `next`, as it is written; nothing where there is none. */
export function nextLink(field: string | null): string | undefined {
  if (field === null || field.length > MAX_LINK) return undefined;
  let rest = field;
  for (;;) {
    const target = /^[\s,]*<([^>]*)>/.exec(rest);
    if (!target) return undefined;
    rest = rest.slice(target[0].length);
    // Parameters up to the comma that ends this link; commas in quoted values are none.
    const params = /^(?:[^",]|"(?:[^"\\]|\\.)*")*/.exec(rest)?.[0] ?? "";
    rest = rest.slice(params.length);
    const rel = /(?:^|;)\s*rel\s*=\s*(?:"([^"]*)"|([^\s;"]+))/i.exec(params);
    const relations = (rel?.[1] ?? rel?.[2] ?? "").toLowerCase().split(/\s+/);
    if (relations.includes("next")) return target[1];
  }
}
