/** A fair queue: who waits for the same, in the order in which they came. @module */
import type { RequestScope } from "./request-scope.ts";

/** Who has not looked for so long, in milliseconds, is gone: the platform may drop a request without a word. */
const GONE_MS = 200;

/** Queues of waiting requests, by what they wait for. Without order those who come later could always be quicker. */
export class FairQueue {
  readonly #now: () => number;
  /** When each has last looked. A map keeps the order. */
  readonly #lines = new Map<string, Map<RequestScope, number>>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Whether it is this request's turn. Nobody has to have joined where nobody waits. */
  isFirst(what: string, scope: RequestScope): boolean {
    for (const [other, seen] of this.#lines.get(what) ?? []) {
      if (other === scope) return true;
      if (!other.stopped && this.#now() - seen < GONE_MS) return false;
      this.leave(what, other);
    }
    return true;
  }

  /** Joins the line, or stays in it. */
  join(what: string, scope: RequestScope): void {
    const line = this.#lines.get(what) ?? new Map<RequestScope, number>();
    this.#lines.set(what, line);
    line.set(scope, this.#now());
  }

  /** Leaves the line. */
  leave(what: string, scope: RequestScope): void {
    const line = this.#lines.get(what);
    line?.delete(scope);
    if (line?.size === 0) this.#lines.delete(what);
  }
}
