// The imports of the Rust sources: `use` of every form, and paths in the code. Test code is none of it.
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/**
 * @typedef {{ name: string, path: string[], line: number, reexport: boolean }} Use
 * @typedef {{ at: string[], file: string, children: Set<string>, uses: Use[], mentions: { path: string[], line: number }[], words: Set<string> }} Module
 */

const SKIPPED =
  /\/\/[^\n]*|\/\*[\s\S]*?\*\/|b?r(#*)"[\s\S]*?"\1|b?"(?:[^"\\]|\\[\s\S])*"|b?'(?:[^'\\\n]|\\'|\\[^'\n]{1,10})'/g;
const TEST = /#\[cfg\((?![^\]]*not\(\s*test)[^\]]*\btest\b[^\]]*\]/;
const MOD = /\bmod\s+(\w+)\s*([;{])/;
const USE = /(\bpub(?:\([^)]*\))?\s+)?\buse\s+([^;<]+);/g;
const STANDARD = ["std", "core", "alloc"];

/** Text of which only the lines are left. */
const blank = (text) => text.replace(/[^\n]/g, " ");

/** Behind the item or block at `from`: its semicolon, or its closing brace. */
function endOf(code, from) {
  for (let [i, depth] = [from, 0]; i < code.length; i += 1) {
    if (/[({[]/.test(code[i])) depth += 1;
    else if (/[)}\]]/.test(code[i])) depth -= 1;
    if (depth === 0 && (code[i] === ";" || code[i] === "}")) return i + 1;
  }
  return code.length;
}

/** Replaces what begins with each match of `pattern`, up to the end of its item, by what keeps its lines. */
function without(code, pattern, take = (_match, _body, _at) => {}) {
  for (let match = pattern.exec(code); match; match = pattern.exec(code)) {
    const end = endOf(code, match.index);
    take(match, code.slice(match.index + match[0].length, end), match.index);
    code = code.slice(0, match.index) + blank(code.slice(match.index, end)) + code.slice(end);
  }
  return code;
}

/** The paths of a tree of `use`: `a::{b, c::{self, d as e}}` are `a::b`, `a::c` and `a::c::d as e`. */
function leavesOf(tree) {
  const group = /((?:\w+::|::)*)\{([^{}]*)\}/;
  let flat = tree.replace(/\s+/g, " ").replace(/ ?(::|[{},]) ?/g, "$1");
  while (group.test(flat)) {
    flat = flat.replace(group, (_, prefix, items) =>
      items
        .split(",")
        .filter(Boolean)
        .map((item) => prefix + item)
        .join(","),
    );
  }
  return flat.split(",").map((leaf) => {
    const [path = "", name] = leaf.trim().split(" as ");
    const parts = path.split("::").filter(Boolean);
    if (parts.length > 1 && parts.at(-1) === "self") parts.pop();
    const isGlob = parts.at(-1) === "*" && parts.pop();
    return { path: parts, name: isGlob ? "*" : (name ?? parts.at(-1) ?? "") };
  });
}

/** Reads a module's code, and says which files it has below it. `line` is that on which the code begins. */
function parse(code, at, file, line, modules) {
  const children = new Set();
  const below = [];
  const lineAt = (index) => line + code.slice(0, index).split("\n").length - 1;
  const rest = without(code, MOD, ([, name, open], body, index) => {
    children.add(name);
    if (open === ";") below.push([...at, name]);
    else below.push(...parse(body, [...at, name], file, lineAt(index), modules));
  });
  const uses = [...rest.matchAll(USE)].flatMap(({ 1: reexport, 2: tree, index }) =>
    leavesOf(tree).map((leaf) => ({ ...leaf, line: lineAt(index), reexport: reexport !== undefined })),
  );
  const own = rest.replace(USE, blank);
  const mentions = [...own.matchAll(/(?<![\w:])\w+(?:::\w+)+/g)].map(({ 0: path, index }) => {
    return { path: path.split("::"), line: lineAt(index) };
  });
  const words = new Set(own.match(/(?<!\w|::)\w+/g));
  modules.set(at.join("::"), { at, file, children, uses, mentions, words });
  return below;
}

/** Loads the module `at` from `file`, and all below it. */
function load(root, at, file, modules) {
  const text = readFileSync(join(root, file), "utf8").replace(SKIPPED, blank);
  const folder = /(^|\/)(mod|lib|main)\.rs$/.test(file) ? dirname(file) : file.replace(/\.rs$/, "");
  for (const child of parse(without(text, TEST), at, file, 1, modules)) {
    const name = `${folder}/${child.slice(at.length).join("/")}`;
    const found = [`${name}.rs`, `${name}/mod.rs`].find((it) => existsSync(join(root, it)));
    if (found) load(root, child, found, modules);
  }
}

/** The crates that a manifest names as dependencies. */
function cratesOf(manifest) {
  const sections = manifest.matchAll(/^\[(?:target\..*\.)?dependencies\]\n((?:(?!\[)[^\n]*\n?)*)/gm);
  const names = [...sections].flatMap(([, section]) => section.match(/^[\w-]+(?=\s*=)/gm) ?? []);
  return new Set(names.map((name) => name.replaceAll("-", "_")));
}

/**
 * All files with what each imports: other files by their path; a crate by its name, and the standard library by its
 * module, as `std::fs`. A module that only declares others, or gives their names on, does not import them.
 * @param {string} root the folder with `Cargo.toml`
 * @returns {Map<string, { line: number, to: string }[]>}
 */
export function rustImports(root) {
  /** @type {Map<string, Module>} */
  const modules = new Map();
  load(root, [], "src/lib.rs", modules);
  const crates = cratesOf(readFileSync(join(root, "Cargo.toml"), "utf8"));

  /** What `path` in `module` means: an absolute path, or `{ external }`. */
  const absolute = (module, path, seen = new Set()) => {
    const [first, ...rest] = path;
    if (first === "crate") return { path: rest };
    const up = path.findIndex((it) => it !== "self" && it !== "super");
    if (up !== 0) {
      const own = up < 0 ? path : path.slice(0, up);
      const supers = own.filter((it) => it === "super").length;
      return { path: [...module.at.slice(0, module.at.length - supers), ...path.slice(own.length)] };
    }
    if (module.children.has(first)) return { path: [...module.at, ...path] };
    const use = module.uses.find((it) => it.name === first && it.path.join() !== first);
    if (use && !seen.has(use)) {
      const target = absolute(module, use.path, new Set([...seen, use]));
      return target?.path ? { path: [...target.path, ...rest] } : target;
    }
    if (STANDARD.includes(first)) return { external: ["std", ...rest].slice(0, 3).join("::") };
    return crates.has(first) ? { external: first } : undefined;
  };

  /** Where an absolute path leads: a file, through names that are given on; or a crate. */
  const target = (path, seen = new Set()) => {
    let depth = 0;
    while (depth < path.length && modules.has(path.slice(0, depth + 1).join("::"))) depth += 1;
    const module = modules.get(path.slice(0, depth).join("::"));
    const use = module.uses.find(({ name }) => name !== "*" && name === path[depth]);
    if (!use || seen.has(use)) return module.file;
    const on = absolute(module, use.path);
    if (on?.path) return target([...on.path, ...path.slice(depth + 1)], new Set([...seen, use]));
    return on?.external ?? module.file;
  };

  /** @type {Map<string, { line: number, to: string }[]>} */
  const graph = new Map();
  for (const module of modules.values()) {
    const imports = graph.get(module.file) ?? [];
    graph.set(module.file, imports);
    const reexports = module.uses.filter(({ reexport, name }) => reexport && !module.words.has(name));
    for (const it of [...module.uses, ...module.mentions]) {
      const meant = absolute(module, it.path);
      const to = meant?.path ? target(meant.path) : meant?.external;
      const isOwn = module.at.every((segment, i) => meant?.path?.[i] === segment);
      const isGivenOn = reexports.some((use) => use === it) && meant?.path && isOwn;
      if (!to || to === module.file || isGivenOn || imports.some((known) => known.to === to)) continue;
      imports.push({ line: it.line, to });
    }
  }
  for (const imports of graph.values()) imports.sort((a, b) => a.line - b.line);
  return graph;
}
