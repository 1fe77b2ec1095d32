import type { Progress } from "../js/index.js";
import { siSize } from "./format.js";

const QUIET_MS = 1000;

/** A line on standard error that changes, and makes way for others. */
export class StatusLine {
  protected readonly stream: NodeJS.WriteStream;
  protected isShown = false;

  constructor(stream: NodeJS.WriteStream = process.stderr) {
    this.stream = stream;
  }

  /** Shows a text in place of the last one. */
  protected show(text: string): void {
    this.stream.write(`\r${text}\x1b[K`);
    this.isShown = true;
  }

  /** Takes the line away. */
  readonly clear = (): void => {
    if (this.isShown) this.stream.write("\r\x1b[K");
    this.isShown = false;
  };
}

/** Says how far it is: only on a terminal, and only where the work takes long. */
export class ProgressLine extends StatusLine {
  readonly #start = Date.now();

  /** For the option `onProgress`. */
  readonly update = ({ requests, bytes }: Progress): void => {
    if (!this.stream.isTTY || Date.now() - this.#start < QUIET_MS) return;
    this.show(`${siSize(bytes)} in ${requests} requests`);
  };
}
