/** Log of a plain server: lines on standard error, those of one turn of the event loop together. @module */

/** Takes lines, and writes them behind what runs just now: a write for each would take longer than many an answer. */
export class ErrorLog {
  #lines = "";

  /** One more line. */
  readonly add = (line: string): void => {
    if (this.#lines === "") setImmediate(this.flush);
    this.#lines += `${line}\n`;
  };

  /** Writes what waits. */
  readonly flush = (): void => {
    const lines = this.#lines;
    this.#lines = "";
    if (lines) process.stderr.write(lines);
  };
}
