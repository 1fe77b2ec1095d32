/** SQLite databases (sqlite.org/fileformat2.html): the header, and the schema where it is small. @module */
import type { Identity } from "../../protocol/api.ts";
import { type Content, count, identity, startsWith, viewOf } from "./content.ts";

const ENCODINGS: Record<number, string> = { 1: "UTF-8", 2: "UTF-16 little endian", 3: "UTF-16 big endian" };
/** Pages of the schema that are read. */
const MAX_PAGES = 32;
const MAX_TABLES = 1000;

/** The facts of a database; `undefined` where it is none. */
export async function sqlite(content: Content): Promise<Identity | undefined> {
  const { head } = content;
  if (!startsWith(head, "SQLite format 3\0") || head.length < 100) return undefined;
  const view = viewOf(head);
  const raw = view.getUint16(16);
  const pageSize = raw === 1 ? 65536 : raw;
  const encoding = view.getUint32(56);
  const version = view.getUint32(96);
  const facts: Identity["facts"] = [
    ["Page size", `${count(pageSize)} B`],
    ["Pages", count(view.getUint32(28))],
    ["Text encoding", ENCODINGS[encoding] ?? "not set yet"],
    ["Journal", view.getUint8(18) === 2 ? "write-ahead log" : "rollback journal"],
    ["Schema format", String(view.getUint32(44))],
    ["User version", String(view.getInt32(60))],
    ["Free pages", count(view.getUint32(36))],
    ["Written by SQLite", versionText(version)],
  ];
  const application = view.getUint32(68);
  if (application !== 0) facts.push(["Application ID", `0x${application.toString(16).padStart(8, "0")}`]);
  const objects = await schemaOf(content, pageSize, encoding).catch((error: unknown) => {
    if (error instanceof RangeError) return [];
    throw error;
  });
  const titles = { table: "Tables", view: "Views", index: "Indexes", trigger: "Triggers" };
  const sections = Object.entries(titles).map(([type, title]) => ({
    title,
    rows: objects
      .filter((it) => it.type === type)
      .map(({ name, table }): [string, string] => [name, name === table ? "" : `on ${table}`]),
  }));
  return identity("sqlite", "SQLite 3 database", facts, sections);
}

function versionText(number: number): string {
  return number === 0
    ? "unknown"
    : `${Math.floor(number / 1_000_000)}.${Math.floor(number / 1000) % 1000}.${number % 1000}`;
}

interface SchemaObject {
  type: string;
  name: string;
  table: string;
}

/** What the schema table lists: its b-tree starts on page 1. */
async function schemaOf(content: Content, pageSize: number, encoding: number): Promise<SchemaObject[]> {
  if (pageSize < 512) return [];
  const objects: SchemaObject[] = [];
  const pages = [1];
  const seen = new Set<number>();
  while (pages.length > 0 && seen.size < MAX_PAGES && objects.length < MAX_TABLES) {
    const number = pages.shift() ?? 0;
    if (number < 1 || seen.has(number)) continue;
    seen.add(number);
    const page = await content.read((number - 1) * pageSize, number * pageSize);
    const view = viewOf(page);
    const start = number === 1 ? 100 : 0;
    const kind = view.getUint8(start);
    const cells = view.getUint16(start + 3);
    const pointers = start + (kind === 5 ? 12 : 8);
    for (let i = 0; i < cells; i++) {
      const at = view.getUint16(pointers + 2 * i);
      if (kind === 5) pages.push(view.getUint32(at));
      else if (kind === 13) objects.push(objectAt(page, at, encoding));
    }
    if (kind === 5) pages.push(view.getUint32(start + 8));
  }
  return objects;
}

function objectAt(page: Uint8Array, cell: number, encoding: number): SchemaObject {
  const decoder = new TextDecoder(encoding === 2 ? "utf-16le" : encoding === 3 ? "utf-16be" : "utf-8");
  let at = cell;
  at = varint(page, at).next;
  at = varint(page, at).next;
  const record = at;
  const header = varint(page, at);
  at = header.next;
  const types: number[] = [];
  for (let i = 0; i < 3; i++) {
    const type = varint(page, at);
    types.push(type.value);
    at = type.next;
  }
  let data = record + header.value;
  const texts = types.map((type) => {
    const length = type >= 12 ? (type - 12) >> 1 : ([0, 1, 2, 3, 4, 6, 8, 8, 0, 0][type] ?? 0);
    const bytes = page.subarray(data, data + length);
    data += length;
    return type >= 13 ? decoder.decode(bytes) : "";
  });
  return { type: texts[0] ?? "", name: texts[1] ?? "", table: texts[2] ?? "" };
}

function varint(bytes: Uint8Array, from: number): { value: number; next: number } {
  let value = 0;
  for (let i = 0; i < 9; i++) {
    const byte = bytes[from + i];
    if (byte === undefined) throw new RangeError("a number goes past the page");
    if (i === 8) return { value: value * 256 + byte, next: from + 9 };
    value = value * 128 + (byte & 0x7f);
    if (byte < 0x80) return { value, next: from + i + 1 };
  }
  return { value, next: from + 9 };
}
