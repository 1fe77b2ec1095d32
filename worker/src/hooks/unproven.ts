/**
 * Bodies of callers who have not proved anything yet: a signature can be checked only when all of what it signs is there.
 * All of them together have a small share of memory, so that nobody without the secret takes more.
 * @module
 */
import { HttpError } from "../errors.ts";

/** Callers whose bodies are read at a time. */
const MAX_CALLERS = 64;

/** Body of one caller, as far as it was read. */
export class Reading {
  /** What came so far; nothing once it had to make room. */
  pieces: Uint8Array[] | undefined = [];
  size = 0;
}

/** The share. It holds no request's promise or stream: on the edge's platform these are of no use to another. */
export class Unproven {
  readonly #max: number;
  /** The oldest first. */
  readonly #open = new Set<Reading>();
  #held = 0;

  /** `max`: bytes of all bodies together. */
  constructor(max: number) {
    this.#max = max;
  }

  /** Bytes held now. */
  get held(): number {
    return this.#held;
  }

  /** A caller begins. */
  begin(): Reading {
    const reading = new Reading();
    this.#open.add(reading);
    if (this.#open.size > MAX_CALLERS) this.#makeRoom();
    return reading;
  }

  /**
   * Keeps a piece. Where there is no room, whoever has been at it for longest gives way: who knows the secret sends a
   * notification at once.
   * @throws HttpError `RATE_LIMITED`
   */
  add(reading: Reading, piece: Uint8Array): void {
    if (!reading.pieces) throw crowded();
    // Some platforms give a view of something larger.
    reading.pieces.push(piece.byteLength < piece.buffer.byteLength ? piece.slice() : piece);
    reading.size += piece.byteLength;
    this.#held += piece.byteLength;
    while (this.#held > this.#max) if (this.#makeRoom() === reading) throw crowded();
  }

  /** It is over with a caller: what was read is somebody else's, or nobody's. Twice is once. */
  end(reading: Reading): void {
    if (!this.#open.delete(reading)) return;
    this.#held -= reading.size;
    reading.pieces = undefined;
  }

  #makeRoom(): Reading | undefined {
    const [oldest] = this.#open;
    if (oldest) this.end(oldest);
    return oldest;
  }
}

/** The answer to whoever had to make room. */
export function crowded(): HttpError {
  return new HttpError("RATE_LIMITED", "too many notifications whose senders are not known; send it again", {
    status: 503,
    headers: { "retry-after": "5" },
  });
}
