/**
 * JSON as its text has it: no number is rounded, no key is lost that occurs twice. Values are columns, in the order of
 * the text, so that a large document is handed from a worker to the page without an object for each.
 * @module
 */

/** What a value is; a column holds an index into this. */
export const JSON_KINDS = ["object", "array", "string", "number", "true", "false", "null"] as const;

/** The values of a document; 0 is the outermost. */
export interface JsonColumns {
  /** Index into {@link JSON_KINDS}. */
  kind: Uint8Array<ArrayBuffer>;
  /** Where a value begins and ends in the text. */
  start: Uint32Array<ArrayBuffer>;
  end: Uint32Array<ArrayBuffer>;
  /** Where its key begins and ends, quotes included; both 0 without one. */
  keyStart: Uint32Array<ArrayBuffer>;
  keyEnd: Uint32Array<ArrayBuffer>;
  /** The first value that is not in this one. */
  next: Uint32Array<ArrayBuffer>;
  /** Values directly in it. */
  size: Uint32Array<ArrayBuffer>;
}

/** Deeper ones are shown as text. */
const MAX_DEPTH = 2000;

/** One of JSON's words: a sign, a string, a name or a number. */
const TOKEN =
  /(?:[{}[\],:]|"(?:[ !#-[\]-\uffff]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"|true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)/y;
const SPACE = /[ \t\n\r]*/y;

/** The values of a JSON text, or where it is none. */
export function parseJson(text: string): JsonColumns | { offset: number } {
  const columns = { kind: [], start: [], end: [], keyStart: [], keyEnd: [], next: [], size: [] } as Record<
    keyof JsonColumns,
    number[]
  >;
  const open: number[] = [];
  let at = text.charCodeAt(0) === 0xfeff ? 1 : 0;
  let key: [number, number] = [0, 0];
  let wants: "value" | "value or end" | "key" | "key or end" | "colon" | "comma or end" | "nothing" = "value";
  const begin = (kind: number, end: number): void => {
    columns.kind.push(kind);
    columns.start.push(at);
    columns.end.push(end);
    columns.keyStart.push(key[0]);
    columns.keyEnd.push(key[1]);
    columns.next.push(columns.kind.length);
    columns.size.push(0);
    key = [0, 0];
    const parent = open.at(-1);
    if (parent !== undefined) columns.size[parent] = (columns.size[parent] ?? 0) + 1;
  };
  for (;;) {
    SPACE.lastIndex = at;
    SPACE.test(text);
    at = SPACE.lastIndex;
    TOKEN.lastIndex = at;
    if (at === text.length && wants === "nothing") return typed(columns);
    if (wants === "nothing" || !TOKEN.test(text)) return { offset: at };
    const end = TOKEN.lastIndex;
    const char = text[at] ?? "";
    const bracket = columns.kind[open.at(-1) ?? 0] === 0 ? "}" : "]";
    if (char === bracket && wants.endsWith("end")) {
      const which = open.pop() ?? 0;
      columns.end[which] = end;
      columns.next[which] = columns.kind.length;
      wants = open.length > 0 ? "comma or end" : "nothing";
    } else if (wants === "comma or end") {
      if (char !== ",") return { offset: at };
      wants = bracket === "}" ? "key" : "value";
    } else if (wants === "key" || wants === "key or end") {
      if (char !== '"') return { offset: at };
      key = [at, end];
      wants = "colon";
    } else if (wants === "colon") {
      if (char !== ":") return { offset: at };
      wants = "value";
    } else if (char === "{" || char === "[") {
      if (open.length >= MAX_DEPTH) return { offset: at };
      begin(char === "{" ? 0 : 1, 0);
      open.push(columns.kind.length - 1);
      wants = char === "{" ? "key or end" : "value or end";
    } else {
      if (/[}\],:]/.test(char)) return { offset: at };
      begin({ '"': 2, t: 4, f: 5, n: 6 }[char] ?? 3, end);
      wants = open.length > 0 ? "comma or end" : "nothing";
    }
    at = end;
  }
}

function typed(columns: Record<keyof JsonColumns, number[]>): JsonColumns {
  const { kind, ...rest } = columns;
  const wide = Object.fromEntries(Object.entries(rest).map(([name, list]) => [name, Uint32Array.from(list)]));
  return { kind: Uint8Array.from(kind), ...(wide as unknown as Omit<JsonColumns, "kind">) };
}
