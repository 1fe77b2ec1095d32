import { type ParseArgsConfig, parseArgs } from "node:util";
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

/** Options that every command takes. */
export const COMMON: Options = {
  platform: {
    type: "string",
    value: "OS/ARCH",
    help: "take this platform's image (default: linux on this machine's architecture, else the only one)",
  },
  json: { type: "boolean", help: "print JSON" },
  stats: { type: "boolean", help: "list the requests and their bytes on standard error" },
  "soci-index": { type: "string", value: "DIGEST", help: "use this SOCI index" },
  "no-soci": { type: "boolean", help: "use no SOCI index" },
  "attached-index": {
    type: "boolean",
    help: "also use an index that is merely attached to the image, for which whoever may push vouches",
  },
  reader: {
    type: "string",
    value: "NAME",
    help: "read as soci, estargz, zstd-chunked, nydus, overlaybd, turbooci or zstd (default: its own format)",
  },
  "build-index": {
    type: "boolean",
    help: "index every layer without an index that is read, not only those too large to be fetched whole",
  },
  "no-build-index": {
    type: "boolean",
    help: "index no layer: one that is too large to be fetched whole is an error",
  },
  "insecure-unverified": { type: "boolean", help: "do not verify content; results say so" },
  username: {
    type: "string",
    short: "u",
    value: "NAME",
    help: "log in with this name (default: Docker's or podman's credentials)",
  },
  "password-stdin": { type: "boolean", help: "read the password or token from standard input" },
  "plain-http": {
    type: "boolean",
    help: "use http (default: https, and http on this machine where there is no TLS)",
  },
  "ca-file": {
    type: "string",
    value: "FILE",
    help: "trust the certificate authorities in this file (PEM), too",
  },
  "insecure-skip-tls-verify": {
    type: "boolean",
    help: "accept any certificate; the network then decides what tags name, digests stay certain",
  },
  "token-host": {
    type: "string",
    multiple: true,
    value: "HOST",
    help: "a further host that may get the credentials",
  },
  "cache-dir": {
    type: "string",
    value: "DIR",
    help: "cache what was fetched and verified in this folder: new, empty, or made by ocipeek",
  },
  "no-cache": { type: "boolean", help: "cache nothing (default: indexes, in the user's cache folder)" },
  limit: {
    type: "string",
    multiple: true,
    value: "NAME=N",
    help: "change a limit, e.g. maxWholeLayerSize=1000000000",
  },
  help: { type: "boolean", help: "show this help" },
};

/** For commands that take paths. */
export const PATHS: Options = {
  escaped: {
    type: "boolean",
    short: "e",
    help: "take paths as they are shown on terminals: \\n, \\xe9, \\u{202e}, \\\\",
  },
  layer: {
    type: "string",
    value: "N",
    help: "look into layer N alone (0 is the lowest), with its whiteouts",
  },
};

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
  const config: NonNullable<ParseArgsConfig["options"]> = {};
  const all = { ...COMMON, ...options };
  const takenH = Object.values(options).some((option) => option.short === "h");
  for (const [name, { type, short, multiple }] of Object.entries(all)) {
    config[name] = { type, ...(short ? { short } : {}), ...(multiple ? { multiple } : {}) };
  }
  if (!takenH) config.help = { type: "boolean", short: "h" };
  try {
    const { values, positionals } = parseArgs({
      args: argv,
      options: config,
      allowPositionals: true,
      strict: true,
    });
    return new Args(values, positionals);
  } catch (error) {
    // Node adds advice after the first sentence that does not fit here.
    const message = (error as Error).message.split(". To specify")[0] ?? "";
    throw new UsageError(message);
  }
}
