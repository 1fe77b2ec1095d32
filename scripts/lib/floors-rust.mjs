// The imports of the Rust sources: `use` of every form, and paths in the code. Test code is none of it.
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, posix } from "node:path";

/**
 * @typedef {{ name: string, path: string[], line: number, reexport: boolean, glob: boolean }} Use
 * @typedef {{ path: string[], line: number, word: string }} Mention
 * @typedef {{ at: string[], file: string, children: Set<string>, uses: Use[], mentions: Mention[], words: Map<string, number> }} Module
 */

const SKIPPED =
  /\/\/[^\n]*|\/\*[\s\S]*?\*\/|b?r(#*)"[\s\S]*?"\1|b?"(?:[^"\\]|\\[\s\S])*"|b?'(?:[^'\\\n]|\\'|\\[^'\n]{1,10})'/g;

const BRACKETS = { "{": "}", "(": ")", "[": "]" };

/** Words and signs with where they begin; comments and literals are none. */
function tokensOf(text) {
  const code = text.replace(SKIPPED, (found) => found.replace(/[^\n]/g, " "));
  return [...code.matchAll(/[A-Za-z_]\w*|::|[^\s\w]/g)].map((m) => ({ text: m[0], index: m.index }));
}

/** Reads one file's text into `module`, and says which files it has below it. */
function parse(text, module, modules) {
  const tokens = tokensOf(text);
  const breaks = [...text.matchAll(/\n/g)].map((m) => m.index);
  const lineOf = (token) => 1 + breaks.filter((at) => at < token.index).length;
  const is = (i, word) => tokens[i]?.text === word;
  /** Behind the bracket that closes the one at `i`. */
  const behind = (i) => {
    const close = [];
    for (; i < tokens.length; i += 1) {
      if (BRACKETS[tokens[i].text]) close.push(BRACKETS[tokens[i].text]);
      else if (tokens[i].text === close.at(-1) && close.pop() && close.length === 0) return i + 1;
    }
    return i;
  };
  /** Behind the item at `i`: its semicolon, or its block. */
  const behindItem = (i) => {
    while (i < tokens.length) {
      if (is(i, ";")) return i + 1;
      if (is(i, "{")) return behind(i);
      i = BRACKETS[tokens[i].text] ? behind(i) : i + 1;
    }
    return i;
  };
  /** The leaves of a tree of `use` at `i`, and where it ends. */
  const tree = (i, prefix, found) => {
    const path = [...prefix];
    for (;;) {
      const { text: word } = tokens[i] ?? { text: ";" };
      if (word === "{") {
        i += 1;
        while (!is(i, "}")) {
          i = tree(i, path, found);
          if (is(i, ",")) i += 1;
        }
        return i + 1;
      }
      const line = lineOf(tokens[i]);
      if (word === "*") {
        found.push({ name: "*", path, line, glob: true });
        return i + 1;
      }
      if (word === "self" && path.length > 0) i += 1;
      else if (word !== "::") {
        path.push(word);
        i += 1;
      }
      if (is(i, "::")) {
        i += 1;
        continue;
      }
      const name = is(i, "as") ? tokens[i + 1].text : path.at(-1);
      found.push({ name, path, line, glob: false });
      return is(i, "as") ? i + 2 : i;
    }
  };

  const inline = [];
  const files = [];
  let depth = 0;
  let here = module;
  let path = null;
  for (let i = 0; i < tokens.length; ) {
    const word = tokens[i].text;
    if (word === "#" && (is(i + 1, "[") || is(i + 1, "!"))) {
      const end = behind(is(i + 1, "!") ? i + 2 : i + 1);
      const attribute = text.slice(tokens[i].index, tokens[end - 1].index);
      path = /^#\[path\s*=\s*"([^"]*)"/.exec(attribute)?.[1] ?? path;
      i = end;
      if (/^#\[cfg\(/.test(attribute) && /\btest\b/.test(attribute) && !/not\(\s*test/.test(attribute)) {
        while (is(i, "#")) i = behind(i + 1);
        i = behindItem(i);
        path = null;
      }
      continue;
    }
    if (word === "mod" && /^\w+$/.test(tokens[i + 1]?.text ?? "")) {
      const name = tokens[i + 1].text;
      here.children.add(name);
      const at = [...here.at, name];
      if (is(i + 2, "{")) {
        inline.push({ depth, outer: here });
        here = { at, file: here.file, children: new Set(), uses: [], mentions: [], words: new Map() };
        modules.set(at.join("::"), here);
        depth += 1;
      } else files.push({ at, path, inside: inline.length > 0 });
      path = null;
      i += 3;
      continue;
    }
    if (word === "use" && !is(i - 1, "+") && !is(i + 1, "<")) {
      const reexport = is(i - 1, "pub") || is(i - 1, ")");
      const found = [];
      i = tree(i + 1, [], found);
      here.uses.push(...found.map((use) => ({ ...use, reexport })));
      continue;
    }
    if (word === "{") depth += 1;
    if (word === "}") {
      depth -= 1;
      if (inline.at(-1)?.depth === depth) here = inline.pop().outer;
    }
    if (/^\w/.test(word)) {
      here.words.set(word, (here.words.get(word) ?? 0) + 1);
      const mention = [word];
      let j = i + 1;
      while (is(j, "::") && /^\w/.test(tokens[j + 1]?.text ?? "")) {
        mention.push(tokens[j + 1].text);
        j += 2;
      }
      if (mention.length > 1 && !is(i - 1, "::")) {
        here.mentions.push({ path: mention, line: lineOf(tokens[i]), word });
      }
      i = j;
      continue;
    }
    i += 1;
  }
  return files;
}

/** Loads the module `at` from `file`, and all below it. */
function load(root, at, file, modules) {
  const module = { at, file, children: new Set(), uses: [], mentions: [], words: new Map() };
  modules.set(at.join("::"), module);
  const text = readFileSync(join(root, file), "utf8");
  const isFolder = /(^|\/)(mod|lib|main)\.rs$/.test(file);
  const folder = isFolder ? dirname(file) : file.replace(/\.rs$/, "");
  for (const child of parse(text, module, modules)) {
    const name = child.at.slice(at.length).join("/");
    const candidates = child.path
      ? [posix.join(dirname(file), child.path)]
      : [`${folder}/${name}.rs`, `${folder}/${name}/mod.rs`];
    const found = candidates.find((candidate) => existsSync(join(root, candidate)));
    if (found) load(root, child.at, found, modules);
  }
}

const STANDARD = ["std", "core", "alloc"];

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
  const manifest = readFileSync(join(root, "Cargo.toml"), "utf8");
  const crates = new Set(
    [...manifest.matchAll(/^\[(?:target\..*\.)?dependencies\]\n((?:(?!\[)[^\n]*\n?)*)/gm)]
      .flatMap((section) => [...section[1].matchAll(/^([\w-]+)\s*=/gm)])
      .map((dependency) => dependency[1].replaceAll("-", "_")),
  );

  /** What `path` in `module` means: an absolute path, or `{ external }`. */
  const absolute = (module, path, seen = new Set()) => {
    const [first, ...rest] = path;
    if (first === "crate") return { path: rest };
    if (first === "self" || first === "super") {
      let at = module.at;
      let i = 0;
      for (; path[i] === "self" || path[i] === "super"; i += 1) if (path[i] === "super") at = at.slice(0, -1);
      return { path: [...at, ...path.slice(i)] };
    }
    if (module.children.has(first)) return { path: [...module.at, ...path] };
    const use = module.uses.find((u) => u.name === first && !(u.path.length === 1 && u.path[0] === first));
    if (use && !seen.has(use)) {
      const target = absolute(module, use.path, new Set([...seen, use]));
      if (target?.path) return { path: [...target.path, ...rest] };
      return target;
    }
    if (STANDARD.includes(first)) return { external: ["std", ...rest].slice(0, 3).join("::") };
    if (crates.has(first)) return { external: first };
    return undefined;
  };

  /** Where an absolute path leads: a file, through names that are given on; or a crate. */
  const target = (path, seen = new Set()) => {
    let module = modules.get("");
    let i = 0;
    while (i < path.length && module.children.has(path[i])) {
      const child = modules.get([...module.at, path[i]].join("::"));
      if (!child) return undefined;
      module = child;
      i += 1;
    }
    if (i === path.length) return { file: module.file };
    const use = module.uses.find((u) => !u.glob && u.name === path[i]);
    if (use && !seen.has(use)) {
      const on = absolute(module, use.path);
      if (on?.external) return on;
      if (on?.path) return target([...on.path, ...path.slice(i + 1)], new Set([...seen, use]));
    }
    return { file: module.file };
  };

  /** @type {Map<string, { line: number, to: string }[]>} */
  const graph = new Map();
  for (const module of modules.values()) {
    const imports = graph.get(module.file) ?? [];
    graph.set(module.file, imports);
    const add = (path, line, below = false) => {
      const meant = absolute(module, path);
      const to = meant?.path ? target(meant.path) : meant;
      const name = to?.file ?? to?.external;
      if (!name || name === module.file) return;
      if (below && meant?.path && module.at.every((segment, i) => meant.path[i] === segment)) return;
      if (!imports.some((known) => known.to === name)) imports.push({ line, to: name });
    };
    for (const { path, line, reexport, name } of module.uses)
      add(path, line, reexport && !module.words.has(name));
    for (const { path, line } of module.mentions) add(path, line);
  }
  for (const imports of graph.values()) imports.sort((a, b) => a.line - b.line);
  return graph;
}
