/** The language of a source text, by its name and first line. @module */

/** Languages that there is a highlighter for, by the endings of names. */
const BY_ENDING = new Map(
  Object.entries({
    sh: "bash",
    bash: "bash",
    zsh: "bash",
    ksh: "bash",
    profile: "bash",
    c: "c",
    h: "c",
    cc: "cpp",
    cpp: "cpp",
    cxx: "cpp",
    hpp: "cpp",
    cs: "csharp",
    css: "css",
    scss: "css",
    diff: "diff",
    patch: "diff",
    go: "go",
    graphql: "graphql",
    java: "java",
    js: "javascript",
    mjs: "javascript",
    cjs: "javascript",
    jsx: "javascript",
    json: "json",
    jsonc: "json",
    map: "json",
    webmanifest: "json",
    kt: "kotlin",
    kts: "kotlin",
    lua: "lua",
    mk: "makefile",
    md: "markdown",
    markdown: "markdown",
    pl: "perl",
    pm: "perl",
    php: "php",
    properties: "properties",
    py: "python",
    pyi: "python",
    pth: "python",
    rb: "ruby",
    gemspec: "ruby",
    rake: "ruby",
    rs: "rust",
    sql: "sql",
    swift: "swift",
    ts: "typescript",
    mts: "typescript",
    cts: "typescript",
    tsx: "typescript",
    toml: "ini",
    ini: "ini",
    cfg: "ini",
    conf: "ini",
    cnf: "ini",
    desktop: "ini",
    service: "ini",
    socket: "ini",
    timer: "ini",
    target: "ini",
    repo: "ini",
    html: "xml",
    htm: "xml",
    xhtml: "xml",
    xml: "xml",
    svg: "xml",
    xsd: "xml",
    xsl: "xml",
    plist: "xml",
    pom: "xml",
    yaml: "yaml",
    yml: "yaml",
  }),
);

const BY_NAME = new Map(
  Object.entries({
    dockerfile: "dockerfile",
    containerfile: "dockerfile",
    makefile: "makefile",
    gnumakefile: "makefile",
    gemfile: "ruby",
    rakefile: "ruby",
    ".bashrc": "bash",
    ".profile": "bash",
    ".mkshrc": "bash",
    mkshrc: "bash",
    "bash.bashrc": "bash",
    profile: "bash",
    "os-release": "ini",
    "nginx.conf": "nginx",
    "cargo.lock": "ini",
    "package-lock.json": "json",
  }),
);

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
