/** The language of a source text, by its name and first line. @module */

import { inverted } from "./inverted.ts";

/** Languages that there is a highlighter for, by the endings of names. */
const BY_ENDING = inverted({
  bash: "sh bash zsh ksh profile",
  c: "c h",
  cpp: "cc cpp cxx hpp",
  csharp: "cs",
  css: "css scss",
  diff: "diff patch",
  go: "go",
  graphql: "graphql",
  ini: "toml ini cfg conf cnf desktop service socket timer target repo",
  java: "java",
  javascript: "js mjs cjs jsx",
  json: "json jsonc map webmanifest",
  kotlin: "kt kts",
  lua: "lua",
  makefile: "mk",
  markdown: "md markdown",
  perl: "pl pm",
  php: "php",
  properties: "properties",
  python: "py pyi pth",
  ruby: "rb gemspec rake",
  rust: "rs",
  sql: "sql",
  swift: "swift",
  typescript: "ts mts cts tsx",
  xml: "html htm xhtml xml svg xsd xsl plist pom",
  yaml: "yaml yml",
});

const BY_NAME = inverted({
  bash: ".bashrc .profile .mkshrc mkshrc bash.bashrc profile",
  dockerfile: "dockerfile containerfile",
  ini: "os-release cargo.lock",
  json: "package-lock.json",
  makefile: "makefile gnumakefile",
  nginx: "nginx.conf",
  ruby: "gemfile rakefile",
});

const BY_INTERPRETER: [RegExp, string][] = [
  [/\b(?:ba|da|z|k|mk)?sh\b/, "bash"],
  [/\bpython[\d.]*\b/, "python"],
  [/\bperl\b/, "perl"],
  [/\bruby\b/, "ruby"],
  [/\b(?:node|deno|bun)\b/, "javascript"],
  [/\blua\b/, "lua"],
  [/\bphp\b/, "php"],
];

/** The language of a file; nothing where there is no highlighter for it. */
export function languageOf(name: string, text: string): string | undefined {
  const lower = name.toLowerCase();
  const byName = BY_NAME.get(lower) ?? (/^(docker|container)file[.-]/.test(lower) ? "dockerfile" : undefined);
  if (byName) return byName;
  const dot = lower.lastIndexOf(".");
  const byEnding = dot < 0 ? undefined : BY_ENDING.get(lower.slice(dot + 1));
  if (byEnding) return byEnding;
  const first = /^#!([^\n]{1,200})/.exec(text)?.[1];
  if (first) return BY_INTERPRETER.find(([pattern]) => pattern.test(first))?.[1];
  return /^<(\?xml|!doctype html)/i.test(text) ? "xml" : undefined;
}
