// The imports of the TypeScript sources, as text: of values and of types, static, dynamic, and `import("…")` in types.
import { globSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";

const SOURCES = "{js,cli,web,wasm,worker/src,www/src}/**/*.{ts,tsx,js}";

const IMPORT =
  /\b(?:import|export)\s[^;"'()]*?\bfrom\s*"([^"\n]*)"|\bimport\s*"([^"\n]*)"|\bimport\s*\(\s*"([^"\n]*)"/g;

/** Blanks comments and templates, and keeps the lines. */
function withoutComments(text) {
  const token = /"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`|\/\/[^\n]*|\/\*[\s\S]*?\*\//g;
  return text.replace(token, (found) => (/^[/`]/.test(found) ? found.replace(/[^\n]/g, " ") : found));
}

/**
 * The imports of one file's text, in its order.
 * @param {string} text
 * @returns {{ line: number, specifier: string }[]}
 */
export function importsOf(text) {
  const code = withoutComments(text);
  return [...code.matchAll(IMPORT)].map((match) => {
    const [specifier = ""] = match.slice(1).filter((it) => it !== undefined);
    const line = code.slice(0, match.index + match[0].lastIndexOf(`"${specifier}"`)).split("\n").length;
    return { line, specifier };
  });
}

/** The file that a relative specifier names: `./open.js` is `open.ts` where TypeScript writes it so. */
function resolve(from, specifier, files) {
  const path = posix.join(posix.dirname(from), specifier.replace(/\?.*/, ""));
  const source = path.replace(/\.js$/, "");
  return [path, `${source}.ts`, `${source}.d.ts`, `${path}.d.ts`].find((file) => files.has(file));
}

/**
 * All files with what each imports. A package is imported by its name, and so is ours by those who use it.
 * @param {string} root
 * @returns {Map<string, { line: number, to: string }[]>}
 */
export function typescriptImports(root) {
  const files = new Set(globSync(SOURCES, { cwd: root }).sort());
  const graph = new Map();
  for (const file of files) {
    const imports = importsOf(readFileSync(join(root, file), "utf8"));
    graph.set(
      file,
      imports.map(({ line, specifier }) => ({
        line,
        to: specifier.startsWith(".")
          ? (resolve(file, specifier, files) ?? posix.join(posix.dirname(file), specifier))
          : specifier,
      })),
    );
  }
  return graph;
}
