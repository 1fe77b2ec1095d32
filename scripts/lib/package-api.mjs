// The public API of the npm package as text: for each entry the names that it exports, and their declarations.
import { readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { GENERIC, PLAIN } from "./older-types.mjs";

const NAMED = /^export (type )?\{([^}]*)\}(?: from "([^"]+)")?/;
const STAR = /^export (?:type )?\* from "([^"]+)"/;
const IMPORTED = /^import (?:type )?\{([^}]*)\} from "([^"]+)"/;
const DECLARED =
  /^(?:export )?(?:declare )?(?:abstract )?(class|interface|type|function|const|let|enum) (\w+)/;

/** Statements of a declaration file without comments, as TypeScript puts them out: each begins at a line's start. */
function statements(text) {
  return text
    .replaceAll(PLAIN, GENERIC)
    .replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "")
    .split(/^(?=(?:export|import|declare|interface|type|class|function|const)\b)/m)
    .map((it) => it.replace(/\n\s*\n/g, "\n").trim())
    .filter((it) => it !== "");
}

/** @typedef {{ name: string, file: string }} Place of a declaration */

export class PackageApi {
  /** @type {Map<string, string[]>} */
  #parsed = new Map();

  /** @param {string} root */
  constructor(root) {
    this.root = root;
  }

  #statements(file) {
    let found = this.#parsed.get(file);
    if (!found) {
      found = statements(readFileSync(join(this.root, file), "utf8"));
      this.#parsed.set(file, found);
    }
    return found;
  }

  #resolve(from, to) {
    return relative(this.root, join(this.root, dirname(from), to.replace(/\.js$/, ".d.ts")));
  }

  /** The names that a file exports, and where each is declared. @returns {Map<string, Place>} */
  exports(file) {
    const found = new Map();
    const outside = new Map();
    for (const it of this.#statements(file)) {
      const imported = IMPORTED.exec(it);
      for (const [name, as] of imported ? names(imported[1]) : [])
        outside.set(as, { file: this.#resolve(file, imported[2]), name });
    }
    for (const it of this.#statements(file)) {
      const [, , list, from] = NAMED.exec(it) ?? [];
      const [, star] = STAR.exec(it) ?? [];
      const [, , declared] = DECLARED.exec(it) ?? [];
      if (star) for (const [name, place] of this.exports(this.#resolve(file, star))) found.set(name, place);
      else if (list !== undefined)
        for (const [name, as] of names(list)) {
          const inner = from
            ? { file: this.#resolve(file, from), name }
            : (outside.get(name) ?? { file, name });
          found.set(as, this.#origin(inner));
        }
      else if (declared && it.startsWith("export")) found.set(declared, { file, name: declared });
    }
    return found;
  }

  /** @param {Place} place @returns {Place} */
  #origin(place) {
    if (this.#declarations(place) !== "") return place;
    const origin = this.exports(place.file).get(place.name);
    if (!origin) throw new Error(`${place.file} declares no ${place.name}`);
    return origin;
  }

  /** All that is declared by a name: overloads are several. @param {Place} place */
  #declarations({ file, name }) {
    return this.#statements(file)
      .filter((it) => DECLARED.exec(it)?.[2] === name)
      .map((it) =>
        it
          .replace(/^export /, "")
          .replace(/^declare /, "")
          .replace(/^ +(#private|private .*);\n/gm, ""),
      )
      .join("\n");
  }

  /** @param {Record<string, string>} entries declaration files by the names of entries */
  text(entries) {
    const lines = [];
    const declared = new Map();
    for (const [entry, file] of Object.entries(entries)) {
      const found = [...this.exports(file)].sort(([a], [b]) => (a < b ? -1 : 1));
      lines.push(entry, ...found.map(([name]) => `    ${name}`), "");
      for (const [, place] of found) declared.set(`${place.name} ${place.file}`, place);
    }
    for (const [, place] of [...declared].sort(([a], [b]) => (a < b ? -1 : 1)))
      lines.push(this.#declarations(place), "");
    return lines.join("\n");
  }
}

/** `a, type b as c` as pairs of the name and what it is called outside. */
function names(list) {
  return list
    .split(",")
    .map((it) => it.trim().replace(/^type /, ""))
    .filter((it) => it !== "")
    .map((it) => it.split(" as "))
    .map(([name, as = name]) => [name, as]);
}

/** Of the built package in `root`. */
export function packageApi(root) {
  const { exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const entries = Object.entries(exports)
    .filter(([, it]) => it.types && !it.types.endsWith(".wasm.d.ts"))
    .map(([name, it]) => [name.replace(/^\./, "ocipeek"), relative(".", it.types)]);
  return new PackageApi(root).text(Object.fromEntries(entries));
}
