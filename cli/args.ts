import { parseArgs } from "node:util";
import { UsageError } from "./exit.js";

/** One option of a command: what `parseArgs` needs, and its line of help. */
export interface Option {
  type: "boolean" | "string";
  short?: string;
  multiple?: boolean;
  /** How its value is called in the help. */
  value?: string;
  help: string;
}

export type Options = Record<string, Option>;

/**
 * Options, written as the help shows them: `-u, --username NAME  log in …`. Dots behind a value say that it may be given many
 * times.
 */
export function options(text: string): Options {
  const lines = text.trim().split("\n");
  return Object.fromEntries(
    lines.map((line) => {
      const [, short, name = "", value, many, help = ""] =
        /^\s*(?:-(.), )?--([\w-]+)(?: ([^\s.]+)(\.{3})?)?\s{2,}(.*)$/.exec(line) ?? [];
      const option: Option = { type: value ? "string" : "boolean", help };
      return [
        name,
        { ...option, ...(short && { short }), ...(value && { value }), ...(many && { multiple: true }) },
      ];
    }),
  );
}

/** Options that every command takes. */
export const COMMON: Options = options(`
  --platform OS/ARCH         take this platform's image (default: linux on this machine's architecture, else the only one)
  --json                     print JSON
  --stats                    list the requests and their bytes on standard error
  --soci-index DIGEST        use this SOCI index
  --no-soci                  use no SOCI index
  --attached-index           also use an index that is merely attached to the image, which anyone who may push can do
  --reader NAME              read as soci, estargz, zstd-chunked, nydus, overlaybd, turbooci or zstd (default: its own format)
  --build-index              build an index of every layer that is read (default: of those too large to fetch whole)
  --no-build-index           build no index: a layer that is too large to fetch whole is then an error
  --insecure-unverified      do not verify content; results say so
  -u, --username NAME        log in with this name (default: Docker's or podman's credentials)
  --password-stdin           read the password or token from standard input
  --plain-http               use http (default: https, and http on this machine where there is no TLS)
  --ca-file FILE             also trust the certificate authorities in this file (PEM)
  --insecure-skip-tls-verify  accept any certificate: the network then decides what a tag names, but not what a digest does
  --token-host HOST...       also send the credentials to this host, where the registry names it as its token service
  --cache-dir DIR            keep what was fetched and verified in this folder: a new or empty one, or one that ocipeek made
  --no-cache                 keep nothing (default: indexes are kept in the user's cache folder)
  --limit NAME=N...          change a limit, e.g. maxWholeLayerSize=1000000000
  --help                     show this help
`);

/** Names of the common options that say how layers are read. */
export const READING = [
  ...["soci-index", "no-soci", "attached-index", "build-index", "no-build-index", "reader"],
  "insecure-unverified",
];

/** For commands that take paths. */
export const PATHS: Options = options(`
  -e, --escaped  read paths as terminals show them: \\n, \\xe9, \\u{202e}, \\\\
  --layer N      look at layer N alone (0 is the lowest), whiteouts included
`);

/** The values of a parsed command line. */
export class Args {
  readonly #values: Record<string, unknown>;
  /** What is no option. */
  readonly positionals: string[];

  constructor(values: Record<string, unknown>, positionals: string[]) {
    this.#values = values;
    this.positionals = positionals;
  }

  /** Whether a flag is given. */
  flag(name: string): boolean {
    return this.#values[name] === true;
  }

  /** Whether an option is given, of whatever kind. */
  has(name: string): boolean {
    return this.#values[name] !== undefined;
  }

  /** Throws where both options are given. */
  exclusive(one: string, other: string): void {
    if (this.has(one) && this.has(other)) throw new UsageError(`--${one} and --${other} exclude each other`);
  }

  /** The value of an option. */
  text(name: string): string | undefined {
    const value = this.#values[name];
    return typeof value === "string" ? value : undefined;
  }

  /** The values of an option that may be given many times. */
  texts(name: string): string[] {
    const value = this.#values[name];
    return Array.isArray(value) ? value.map(String) : [];
  }

  /** The value of an option as a whole number that is not negative. */
  number(name: string): number | undefined {
    const text = this.text(name);
    return text === undefined ? undefined : wholeNumber(`--${name}`, text);
  }

  /** The value of an option that takes one of these words. */
  oneOf(name: string, words: readonly string[], or = ", "): string | undefined {
    const value = this.text(name);
    if (value === undefined || words.includes(value)) return value;
    throw new UsageError(`--${name} takes ${words.join(or)}, not ${JSON.stringify(value)}`);
  }

  /** The limits of `--limit`, by their names. */
  limits(): Record<string, number> {
    const limits: Record<string, number> = {};
    for (const item of this.texts("limit")) {
      const [name, value] = item.split("=", 2);
      if (!name || value === undefined) {
        throw new UsageError(`--limit wants NAME=N, not ${JSON.stringify(item)}`);
      }
      limits[name] = wholeNumber(`--limit ${name}`, value);
    }
    return limits;
  }
}

/** A whole number that is not negative. */
export function wholeNumber(what: string, text: string): number {
  const n = /^[0-9]+$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(n))
    throw new UsageError(`${what} must be a whole number, not ${JSON.stringify(text)}`);
  return n;
}

/** Parses the arguments of a command that has these options besides the common ones. */
export function parse(argv: string[], options: Options): Args {
  const isTaken = Object.values(options).some(({ short }) => short === "h");
  const help: Options = isTaken ? {} : { help: { type: "boolean", short: "h", help: "" } };
  try {
    const all = { ...COMMON, ...options, ...help };
    const { values, positionals } = parseArgs({ args: argv, options: all, allowPositionals: true });
    return new Args(values, positionals);
  } catch (error) {
    // Node adds advice after the first sentence that does not fit here.
    const message = (error as Error).message.split(". To specify")[0] ?? "";
    throw new UsageError(message);
  }
}
