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

/** The values of a JSON text, or where it is none. */
export function parseJson(text: string): JsonColumns | { offset: number } {
  const columns = { kind: [], start: [], end: [], keyStart: [], keyEnd: [], next: [], size: [] } as Record<
    keyof JsonColumns,
    number[]
  >;
  const open: number[] = [];
  let at = text.charCodeAt(0) === 0xfeff ? 1 : 0;
  const fail = (): { offset: number } => ({ offset: at });
  let key: [number, number] = [0, 0];
  let wants: "value" | "value or end" | "key" | "key or end" | "comma or end" | "nothing" = "value";

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
  const after = (): typeof wants => (open.length > 0 ? "comma or end" : "nothing");
  const close = (): void => {
    const which = open.pop() ?? 0;
    columns.end[which] = ++at;
    columns.next[which] = columns.kind.length;
    wants = after();
  };

  for (;;) {
    at = skipSpace(text, at);
    const char = text[at];
    if (char === undefined) return wants === "nothing" && columns.kind.length > 0 ? typed(columns) : fail();
    if (wants === "nothing") return fail();
    if (wants === "comma or end") {
      const inObject = columns.kind[open.at(-1) ?? 0] === 0;
      if (char === ",") {
        at++;
        wants = inObject ? "key" : "value";
      } else if (char === (inObject ? "}" : "]")) close();
      else return fail();
      continue;
    }
    if (wants === "key" || wants === "key or end") {
      if (char === "}" && wants === "key or end") {
        close();
        continue;
      }
      const end = char === '"' ? endOfString(text, at) : undefined;
      if (end === undefined) return fail();
      key = [at, end];
      at = skipSpace(text, end);
      if (text[at] !== ":") return fail();
      at++;
      wants = "value";
      continue;
    }
    if (char === "]" && wants === "value or end") {
      close();
      continue;
    }
    if (char === "{" || char === "[") {
      if (open.length >= MAX_DEPTH) return fail();
      begin(char === "{" ? 0 : 1, 0);
      open.push(columns.kind.length - 1);
      at++;
      wants = char === "{" ? "key or end" : "value or end";
      continue;
    }
    const end = endOfScalar(text, at, char);
    if (end === undefined) return fail();
    begin(char === '"' ? 2 : char === "t" ? 4 : char === "f" ? 5 : char === "n" ? 6 : 3, end);
    at = end;
    wants = after();
  }
}

function skipSpace(text: string, from: number): number {
  let at = from;
  for (;;) {
    const code = text.charCodeAt(at);
    if (code !== 32 && code !== 10 && code !== 13 && code !== 9) return at;
    at++;
  }
}

function endOfScalar(text: string, at: number, char: string): number | undefined {
  if (char === '"') return endOfString(text, at);
  for (const word of ["true", "false", "null"]) if (text.startsWith(word, at)) return at + word.length;
  NUMBER.lastIndex = at;
  return NUMBER.test(text) ? NUMBER.lastIndex : undefined;
}

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;

function endOfString(text: string, start: number): number | undefined {
  for (let at = start + 1; at < text.length; ) {
    const code = text.charCodeAt(at);
    if (code === 0x22) return at + 1;
    if (code < 32) return undefined;
    if (code !== 0x5c) {
      at++;
      continue;
    }
    ESCAPE.lastIndex = at;
    if (!ESCAPE.test(text)) return undefined;
    at = ESCAPE.lastIndex;
  }
  return undefined;
}

function typed(columns: Record<keyof JsonColumns, number[]>): JsonColumns {
  const { kind, ...rest } = columns;
  const wide = Object.fromEntries(Object.entries(rest).map(([name, list]) => [name, Uint32Array.from(list)]));
  return { kind: Uint8Array.from(kind), ...(wide as unknown as Omit<JsonColumns, "kind">) };
}
