/** The highlighter's languages, each loaded when a text is written in it. @module */
import type { LanguageFn } from "highlight.js";

const FOLDER = "../../../node_modules/highlight.js/es/languages";
const LANGUAGES = import.meta.glob<LanguageFn>(
  [
    "../../../node_modules/highlight.js/es/languages/{bash,c,cpp,csharp,css,diff,dockerfile,go,graphql,ini}.js",
    "../../../node_modules/highlight.js/es/languages/{java,javascript,json,kotlin,lua,makefile,markdown}.js",
    "../../../node_modules/highlight.js/es/languages/{nginx,perl,php,properties,python,ruby,rust,sql}.js",
    "../../../node_modules/highlight.js/es/languages/{swift,typescript,xml,yaml}.js",
  ],
  { import: "default" },
);

/** Languages that others hold parts of. */
const EMBEDDED: Record<string, string[]> = {
  dockerfile: ["bash"],
  markdown: ["xml"],
  php: ["xml"],
  xml: ["css", "javascript"],
};

/** A language with those that it may hold; empty where there is none of this name. */
export async function loadLanguage(name: string): Promise<[name: string, language: LanguageFn][]> {
  const names = [name, ...(EMBEDDED[name] ?? [])];
  const loaded = names.map(async (it) => [it, await LANGUAGES[`${FOLDER}/${it}.js`]?.()] as const);
  return (await Promise.all(loaded)).flatMap(([it, language]) => (language ? [[it, language]] : []));
}
