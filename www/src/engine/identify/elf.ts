/** ELF programs and libraries (System V ABI, chapters 4 and 5; elf(5)). @module */
import { hex } from "../../../../js/common/hex.ts";
import type { Identity } from "../../protocol/api.ts";
import { type Content, cText, identity, namesOf, startsWith, u64, viewOf } from "./content.ts";

const MACHINES = namesOf({
  "": "2 SPARC, 3 x86, 8 MIPS, 20 PowerPC, 21 PowerPC 64-bit, 22 IBM S/390, 40 ARM, 42 SuperH, 43 SPARC V9, 50 Itanium, 62 x86-64, 183 AArch64, 243 RISC-V, 247 eBPF, 258 LoongArch",
});
const SYSTEMS: Record<number, string> = { 0: "System V", 3: "Linux (GNU)", 9: "FreeBSD", 12: "OpenBSD" };

const PT = { load: 1, dynamic: 2, interpreter: 3, note: 4, stack: 0x6474e551, relro: 0x6474e552 };
const DT = { needed: 1, strtab: 5, strsz: 10, soname: 14, rpath: 15, runpath: 29 };
const DT_FLAGS = 30;
const DT_BIND_NOW = 24;
const DT_FLAGS_1 = 0x6ffffffb;
const DF_1_PIE = 0x08000000;
const MAX_TABLE = 1024;
const MAX_NEEDED = 512;

interface Segment {
  type: number;
  flags: number;
  offset: number;
  address: number;
  size: number;
}

interface Header {
  wide: boolean;
  little: boolean;
  type: number;
  machine: number;
  view: DataView;
  /** Reads a number of the class's width. */
  word(view: DataView, at: number): number;
}

/** The facts of an ELF file; `undefined` where it is none. */
export async function elf(content: Content): Promise<Identity | undefined> {
  const { head } = content;
  if (!startsWith(head, "\x7fELF") || head.length < 52) return undefined;
  const header = headerOf(head);
  const { wide, little, type, machine, view } = header;
  const segments = await segmentsOf(content, header);
  const dynamic = await dynamicOf(content, header, segments);
  const sections = await sectionsOf(content, header);
  const interpreter = await interpreterOf(content, segments);
  const stack = segments.find((it) => it.type === PT.stack);
  const hasRelro = segments.some((it) => it.type === PT.relro);
  const isPie = (dynamic.flags1 & DF_1_PIE) !== 0;
  const isProgram = isPie || (interpreter !== undefined && dynamic.soname === undefined);
  const shared = isProgram ? "PIE executable" : "shared object";
  const kind = ["", "relocatable object", "executable", shared, "core dump"][type] || `type ${type}`;
  const machineName = MACHINES.get(String(machine)) ?? `machine ${machine}`;
  const facts: Identity["facts"] = [
    ["Class", wide ? "64-bit" : "32-bit"],
    ["Byte order", little ? "little endian" : "big endian"],
    ["Machine", machineName],
    ["Type", kind],
    ["System ABI", SYSTEMS[view.getUint8(7)] ?? String(view.getUint8(7))],
    ["Linking", interpreter || dynamic.needed.length > 0 ? "dynamic" : "static"],
  ];
  if (interpreter) facts.push(["Interpreter", interpreter]);
  if (dynamic.soname) facts.push(["Library name", dynamic.soname]);
  if (dynamic.runpath) facts.push(["Search path", dynamic.runpath]);
  const buildId = await buildIdOf(content, header, segments);
  if (buildId) facts.push(["Build ID", buildId]);
  if (sections) facts.push(["Symbols", sections.includes(".symtab") ? "not stripped" : "stripped"]);
  if (sections?.some((name) => name.startsWith(".debug_"))) facts.push(["Debug information", "yes"]);
  if (sections?.includes(".note.go.buildid") || sections?.includes(".go.buildinfo"))
    facts.push(["Language", "Go"]);
  if (type === 2 || type === 3) {
    facts.push(["Position independent", type === 3 ? "yes" : "no"]);
    facts.push(["RELRO", hasRelro ? (dynamic.now ? "full" : "partial") : "no"]);
    facts.push(["Executable stack", stack ? (stack.flags & 1 ? "yes" : "no (NX)") : "as the system decides"]);
  }
  const needed = dynamic.needed.map((name): [string, string] => [name, ""]);
  const title = `ELF ${wide ? "64-bit" : "32-bit"} ${kind}, ${machineName}`;
  return identity("elf", title, facts, [{ title: "Needed libraries", rows: needed }]);
}

function headerOf(head: Uint8Array): Header {
  const view = viewOf(head);
  const wide = view.getUint8(4) === 2;
  const little = view.getUint8(5) !== 2;
  return {
    wide,
    little,
    type: view.getUint16(16, little),
    machine: view.getUint16(18, little),
    view,
    word: (from, at) => (wide ? u64(from, at, little) : from.getUint32(at, little)),
  };
}

async function segmentsOf(content: Content, header: Header): Promise<Segment[]> {
  const { wide, little, view, word } = header;
  const offset = word(view, wide ? 32 : 28);
  const size = view.getUint16(wide ? 54 : 42, little);
  const count = Math.min(view.getUint16(wide ? 56 : 44, little), MAX_TABLE);
  if (count === 0 || size < (wide ? 56 : 32)) return [];
  const table = viewOf(await content.read(offset, offset + size * count));
  const segments: Segment[] = [];
  for (let at = 0; at + size <= table.byteLength; at += size) {
    segments.push({
      type: table.getUint32(at, little),
      flags: table.getUint32(at + (wide ? 4 : 24), little),
      offset: word(table, at + (wide ? 8 : 4)),
      address: word(table, at + (wide ? 16 : 8)),
      size: word(table, at + (wide ? 32 : 16)),
    });
  }
  return segments;
}

async function interpreterOf(content: Content, segments: Segment[]): Promise<string | undefined> {
  const segment = segments.find((it) => it.type === PT.interpreter);
  if (!segment) return undefined;
  return cText(await content.read(segment.offset, segment.offset + Math.min(segment.size, 4096)), 0);
}

interface Dynamic {
  needed: string[];
  soname: string | undefined;
  runpath: string | undefined;
  now: boolean;
  flags1: number;
}

async function dynamicOf(content: Content, header: Header, segments: Segment[]): Promise<Dynamic> {
  const result: Dynamic = { needed: [], soname: undefined, runpath: undefined, now: false, flags1: 0 };
  const segment = segments.find((it) => it.type === PT.dynamic);
  if (!segment) return result;
  const { wide, little, word } = header;
  const width = wide ? 16 : 8;
  const size = Math.min(segment.size, MAX_TABLE * width);
  const table = viewOf(await content.read(segment.offset, segment.offset + size));
  const values: [number, number][] = [];
  for (let at = 0; at + width <= table.byteLength; at += width) {
    const tag = wide ? Number(table.getBigInt64(at, little)) : table.getInt32(at, little);
    if (tag === 0) break;
    values.push([tag >>> 0, word(table, at + width / 2)]);
  }
  const value = (tag: number): number | undefined => values.find(([it]) => it === tag)?.[1];
  result.flags1 = value(DT_FLAGS_1) ?? 0;
  result.now =
    value(DT_BIND_NOW) !== undefined || ((value(DT_FLAGS) ?? 0) & 8) !== 0 || (result.flags1 & 1) !== 0;
  const strings = await stringsOf(content, segments, value(DT.strtab), value(DT.strsz));
  if (!strings) return result;
  const text = (tag: number): string | undefined => {
    const at = value(tag);
    return at === undefined ? undefined : cText(strings, at);
  };
  result.soname = text(DT.soname);
  result.runpath = text(DT.runpath) ?? text(DT.rpath);
  result.needed = values
    .filter(([tag]) => tag === DT.needed)
    .slice(0, MAX_NEEDED)
    .map(([, at]) => cText(strings, at));
  return result;
}

async function stringsOf(
  content: Content,
  segments: Segment[],
  address: number | undefined,
  size: number | undefined,
): Promise<Uint8Array | undefined> {
  if (address === undefined || size === undefined) return undefined;
  const holder = segments.find(
    (it) => it.type === PT.load && address >= it.address && address < it.address + it.size,
  );
  if (!holder) return undefined;
  const offset = holder.offset + (address - holder.address);
  return content.read(offset, offset + size);
}

async function buildIdOf(content: Content, header: Header, segments: Segment[]): Promise<string | undefined> {
  const { little } = header;
  for (const segment of segments.filter((it) => it.type === PT.note).slice(0, 16)) {
    const bytes = await content.read(segment.offset, segment.offset + Math.min(segment.size, 4096));
    const view = viewOf(bytes);
    for (let at = 0; at + 12 <= bytes.length; ) {
      const nameSize = view.getUint32(at, little);
      const size = view.getUint32(at + 4, little);
      const data = at + 12 + 4 * Math.ceil(nameSize / 4);
      if (view.getUint32(at + 8, little) === 3 && cText(bytes, at + 12, 4) === "GNU") {
        return hex(bytes.subarray(data, data + Math.min(size, 64)));
      }
      at = data + 4 * Math.ceil(size / 4);
    }
  }
  return undefined;
}

/** Names of the sections; `undefined` where the file has no table of them. */
async function sectionsOf(content: Content, header: Header): Promise<string[] | undefined> {
  const { wide, little, view, word } = header;
  const offset = word(view, wide ? 40 : 32);
  const size = view.getUint16(wide ? 58 : 46, little);
  const count = Math.min(view.getUint16(wide ? 60 : 48, little), MAX_TABLE);
  const names = view.getUint16(wide ? 62 : 50, little);
  if (offset === 0 || count === 0 || names >= count) return undefined;
  const table = viewOf(await content.read(offset, offset + size * count));
  const start = word(table, names * size + (wide ? 24 : 16));
  const length = word(table, names * size + (wide ? 32 : 20));
  const strings = await content.read(start, start + length);
  const list: string[] = [];
  for (let i = 0; i < count; i++) list.push(cText(strings, table.getUint32(i * size, little), 256));
  return list;
}
