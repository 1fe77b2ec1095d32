/** Programs of virtual machines and other systems. @module */
import type { Identity } from "../../protocol/api.ts";
import { type Content, count, cText, identity, startsWith, utc, viewOf } from "./content.ts";

/** The facts of a program; `undefined` where it is none that is known. */
export function program(content: Content): Identity | undefined {
  const { head, name } = content;
  if (/\.py[co]$/i.test(name) && startsWith(head, "\r\n", 2)) return python(head);
  if (startsWith(head, "\0asm")) {
    const kind = viewOf(head).getUint16(6, true) === 0 ? "module" : "component";
    return identity("wasm", `WebAssembly ${kind}`, [["Version", String(viewOf(head).getUint16(4, true))]]);
  }
  if (startsWith(head, "\xca\xfe\xba\xbe") && head.length > 8) return javaOrFat(head);
  if (startsWith(head, "MZ")) return windows(head);
  if (/^(feedface|feedfacf|cefaedfe|cffaedfe)$/.test(firstWord(head))) return mach(head);
  if (startsWith(head, "\x1bLua")) {
    const version = head[4] ?? 0;
    return identity("lua", `Lua ${version >> 4}.${version & 15} bytecode`);
  }
  if (startsWith(head, "BC\xc0\xde")) return identity("bitcode", "LLVM bitcode");
  if (startsWith(head, "dex\n")) return identity("dex", "Android bytecode (dex)");
  return undefined;
}

function firstWord(head: Uint8Array): string {
  return head.length < 4 ? "" : viewOf(head).getUint32(0).toString(16).padStart(8, "0");
}

/** Magic numbers of CPython's releases begin at these (Include/internal/pycore_magic_number.h). */
const PYTHONS = [3190, 3250, 3320, 3360, 3390, 3400, 3420, 3430, 3450, 3500, 3550, 3600, 3650];
const FIRST_PYTHON = 3;

function python(head: Uint8Array): Identity {
  const view = viewOf(head);
  const magic = view.getUint16(0, true);
  const at = PYTHONS.findLastIndex((from) => magic >= from);
  const version = magic >= 20_000 ? "2" : at < 0 ? undefined : `3.${FIRST_PYTHON + at}`;
  const facts: Identity["facts"] = [["Magic number", String(magic)]];
  const hasFlags = version !== undefined && !["2", "3.3", "3.4", "3.5", "3.6"].includes(version);
  if (hasFlags && view.getUint32(4, true) & 1) {
    facts.push(["Checked against", view.getUint32(4, true) & 2 ? "hash of the source" : "nothing"]);
  } else if (hasFlags) {
    facts.push(["Source modified", utc(view.getUint32(8, true))]);
    facts.push(["Source size", `${count(view.getUint32(12, true))} B`]);
  }
  return identity("pyc", `Python${version ? ` ${version}` : ""} bytecode`, facts);
}

/** Java classes and Mach-O files for several machines share a magic number; no Java has a version below 43. */
function javaOrFat(head: Uint8Array): Identity {
  const view = viewOf(head);
  const major = view.getUint16(6);
  if (view.getUint32(4) < 43) {
    return identity("mach-o", "Mach-O for several machines", [["Machines", String(view.getUint32(4))]]);
  }
  const version = major >= 49 ? String(major - 44) : `1.${major - 44}`;
  return identity("class", `Java class, for Java ${version}`, [
    ["Class file version", `${major}.${view.getUint16(4)}`],
  ]);
}

const PE_MACHINES: Record<number, string> = { 332: "x86", 34404: "x86-64", 43620: "AArch64", 452: "ARM" };

function windows(head: Uint8Array): Identity {
  const view = viewOf(head);
  const at = head.length >= 64 ? view.getUint32(60, true) : head.length;
  if (at + 96 > head.length || !startsWith(head, "PE\0\0", at)) return identity("dos", "DOS program");
  const machine = view.getUint16(at + 4, true);
  const flags = view.getUint16(at + 22, true);
  const subsystem = view.getUint16(at + 92, true);
  return identity(
    "pe",
    `Windows ${flags & 0x2000 ? "library" : "program"} (PE), ${PE_MACHINES[machine] ?? machine}`,
    [
      ["Machine", PE_MACHINES[machine] ?? String(machine)],
      ["Subsystem", { 1: "native", 2: "windows", 3: "console", 10: "EFI" }[subsystem] ?? String(subsystem)],
    ],
  );
}

function mach(head: Uint8Array): Identity {
  const view = viewOf(head);
  const little = head[0] === 0xce || head[0] === 0xcf;
  const cpu = view.getUint32(4, little);
  const machine = { 7: "x86", 16777223: "x86-64", 12: "ARM", 16777228: "ARM64" }[cpu] ?? String(cpu);
  const type = { 1: "object", 2: "program", 6: "library", 8: "bundle" }[view.getUint32(12, little)] ?? "file";
  return identity("mach-o", `Mach-O ${type}, ${machine}`, [["Machine", machine]]);
}

/** A script's interpreter, out of its first line. */
export function script({ head }: Content): Identity | undefined {
  if (!startsWith(head, "#!")) return undefined;
  const line = /^#! *([^\n\0]{1,200})/.exec(cText(head, 0, 256))?.[1]?.trim();
  return line ? identity("script", `script for ${line}`, [["Interpreter", line]]) : undefined;
}
