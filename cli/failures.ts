/** Failures of a copy: what it left out, and why. */
import type { Stats } from "../js/index.js";
import { isOwnFault, type TarItem } from "../js/tar/index.js";
import { escapeBytes } from "./escape.js";
import { EXIT, exitCodeOf } from "./exit.js";
import { SwappedTarget, UnsafeTarget } from "./extract.js";
import { counted } from "./format.js";
import { messageOf } from "./messages.js";
import type { Session } from "./session.js";

/** More are only counted. */
const LISTED = 1000;

/** Errors of the file system about one name, after which others may still be written. */
const OF_ONE_NAME: ReadonlySet<string | undefined> = new Set(
  "EACCES EEXIST EFBIG EILSEQ EINVAL EISDIR ENAMETOOLONG ENOENT ENOTDIR ENOTEMPTY EPERM".split(" "),
);

/** Collects failures while all else is copied. */
export class Failures {
  readonly #session: Session;
  readonly #lines: string[] = [];
  /** Folders that are not there, by their paths in the target, one character a byte. */
  readonly #lost = new Set<string>();
  #count = 0;
  #code = 0;

  constructor(session: Session) {
    this.#session = session;
  }

  /** Notes an item that failed. */
  async *noting(items: AsyncIterable<TarItem>): AsyncGenerator<TarItem, void, undefined> {
    for await (const item of items) {
      if (item.failure) this.#note(item.stats.pathBytes, messageOf(item.failure), exitCodeOf(item.failure));
      yield item;
    }
  }

  /** Runs what writes one entry. `path` is where. */
  async guard(path: Uint8Array, shown: Uint8Array, write: () => Promise<void>): Promise<void> {
    try {
      await write();
    } catch (error) {
      this.add(path, shown, error);
    }
  }

  /** Notes a failure; throws it where all that follows would fail too. */
  add(path: Uint8Array, shown: Uint8Array, error: unknown): void {
    const code = (error as NodeJS.ErrnoException).code;
    const ofOne = isOwnFault(error) || (error instanceof UnsafeTarget && !(error instanceof SwappedTarget));
    if (!ofOne && !OF_ONE_NAME.has(code)) throw error;
    this.#lost.add(latin1(path));
    this.#note(shown, messageOf(error), exitCodeOf(error));
  }

  /** Notes what is left out on purpose. */
  leaveOut(shown: Uint8Array, why: string): void {
    this.#note(shown, why, 0);
  }

  /** Whether an entry lies in a folder that could not be made. */
  isBelow(path: Uint8Array): boolean {
    if (this.#lost.size === 0) return false;
    const text = latin1(path);
    for (let at = text.lastIndexOf("/"); at > 0; at = text.lastIndexOf("/", at - 1)) {
      if (this.#lost.has(text.slice(0, at))) return true;
    }
    return false;
  }

  /** Says all, and sets the exit code. */
  report(): void {
    for (const line of this.#lines) this.#session.say(`left out: ${line}`);
    if (this.#count > LISTED) this.#session.say(`left out: ${counted(this.#count - LISTED, "other")}`);
    if (this.#count > 0) this.#session.exitCode ||= this.#code || EXIT.skipped;
  }

  #note(shown: Stats["pathBytes"], why: string, code: number): void {
    this.#code ||= code;
    this.#count += 1;
    if (this.#count <= LISTED) this.#lines.push(`${escapeBytes(shown)}: ${why}`);
  }
}

/** Bytes as a key: one character each. */
function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("latin1");
}
