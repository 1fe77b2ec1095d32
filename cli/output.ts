import type { WriteStream } from "node:tty";
import type { EntryType, Stats } from "../js/index.js";
import { escapeBytes } from "./escape.js";

const BUFFER = 64 << 10;
const NEWLINE = new Uint8Array([10]);

/** Standard output has nobody who reads it any more. */
export class PipeClosed extends Error {}

/** Standard output cannot be written to, e.g. because the disk is full. */
export class OutputFailed extends Error {
  constructor(cause: Error) {
    super(`cannot write to standard output: ${cause.message}`, { cause });
  }
}

/** Standard output: buffered, with back-pressure, and quiet when the reader goes away. */
export class Output {
  readonly #stream: NodeJS.WriteStream | WriteStream;
  /** Whether it is a terminal. */
  readonly isTerminal: boolean;
  readonly #colors: boolean;
  #parts: Uint8Array[] = [];
  #size = 0;
  #failed: PipeClosed | OutputFailed | undefined;

  /** Called before bytes go to a terminal, so that a progress line can make way. */
  beforeWrite: (() => void) | undefined;

  constructor(stream: NodeJS.WriteStream = process.stdout, env: NodeJS.ProcessEnv = process.env) {
    this.#stream = stream;
    this.isTerminal = stream.isTTY === true;
    this.#colors = this.isTerminal && !env.NO_COLOR && env.TERM !== "dumb";
    stream.on("error", (error) => this.#fail(error));
  }

  /** Characters in a line of the terminal. */
  get width(): number {
    return this.#stream.columns || 80;
  }

  /** Writes text or bytes. */
  async write(data: string | Uint8Array): Promise<void> {
    const bytes = typeof data === "string" ? Buffer.from(data) : data;
    this.#parts.push(bytes);
    this.#size += bytes.length;
    if (this.#size >= BUFFER) await this.flush();
  }

  /** Writes a line. */
  async line(text: string | Uint8Array = ""): Promise<void> {
    await this.write(text);
    await this.write(NEWLINE);
  }

  /** Hands over what is buffered and waits until it is taken. */
  async flush(): Promise<void> {
    if (this.#failed) throw this.#failed;
    if (this.#size === 0) return;
    const chunk = this.#parts.length === 1 ? this.#parts[0] : Buffer.concat(this.#parts);
    this.#parts = [];
    this.#size = 0;
    if (this.isTerminal) this.beforeWrite?.();
    await new Promise<void>((resolve, reject) => {
      this.#stream.write(chunk ?? "", (error) => (error ? reject(this.#fail(error)) : resolve()));
    });
  }

  #fail(error: NodeJS.ErrnoException): PipeClosed | OutputFailed {
    this.#failed ??= error.code === "EPIPE" ? new PipeClosed() : new OutputFailed(error);
    return this.#failed;
  }

  /** A name: as it is for a pipe, escaped for a terminal. */
  name(bytes: Uint8Array): Uint8Array {
    return this.isTerminal ? Buffer.from(escapeBytes(bytes)) : bytes;
  }

  /** Writes a name, in the colour of its type where there are colours. */
  async writeName(bytes: Uint8Array, { type, mode }: Pick<Stats, "type" | "mode">): Promise<void> {
    const color = this.#colors ? (COLORS[type] ?? (mode & 0o111 ? "01;32" : undefined)) : undefined;
    await this.write(color ? `\x1b[${color}m` : "");
    await this.write(this.name(bytes));
    await this.write(color ? "\x1b[0m" : "");
  }

  /** Writes a name and where it leads, if it is a link, and ends the line. */
  async entry(name: Uint8Array, stats: Stats): Promise<void> {
    await this.writeName(name, stats);
    if (stats.linknameBytes && stats.isSymbolicLink()) {
      await this.write(" -> ");
      await this.write(this.name(stats.linknameBytes));
    }
    await this.line();
  }
}

/** The colours of GNU `ls`. */
const COLORS: Partial<Record<EntryType, string>> = {
  ...{ directory: "01;34", symlink: "01;36", fifo: "33" },
  ...{ "char-device": "01;33", "block-device": "01;33" },
};
