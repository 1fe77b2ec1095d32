import type { Progress } from "../js/index.js";
import { siSize } from "./format.js";

const QUIET_MS = 1000;

/** A line on standard error that says how far it is: only on a terminal, and only where the work takes long. */
export class ProgressLine {
  readonly #stream: NodeJS.WriteStream;
  readonly #start = Date.now();
  #shown = false;

  constructor(stream: NodeJS.WriteStream = process.stderr) {
    this.#stream = stream;
  }

  /** For the option `onProgress`. */
  readonly update = ({ requests, bytes }: Progress): void => {
    if (!this.#stream.isTTY || Date.now() - this.#start < QUIET_MS) return;
    this.#stream.write(`\r${siSize(bytes)} in ${requests} requests\x1b[K`);
    this.#shown = true;
  };

  /** Takes the line away. */
  readonly clear = (): void => {
    if (this.#shown) this.#stream.write("\r\x1b[K");
    this.#shown = false;
  };
}
