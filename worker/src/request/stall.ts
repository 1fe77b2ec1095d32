/** Callers that take nothing of what there is for them: how long they may, and what they hold meanwhile. @module */
import { parseAddress } from "../../../js/common/address.ts";
import { BoundedMap } from "../../../js/common/bounded-map.ts";
import { HttpError } from "../errors.ts";

/** Interval at which a caller is looked after that takes nothing, in milliseconds; after the first it holds no image. */
const STEP_MS = 250;
/** Milliseconds that an answer waits for its caller in all, beside what its rate allows. */
const GRACE_MS = 30_000;
/** Addresses that are remembered. */
const MAX_ADDRESSES = 10_000;

/** A request whose answer may stand still. */
export interface Standing {
  readonly address: string;
  /** Bytes that the caller has taken. */
  readonly sent: number;
  /** Since when it stands still, in milliseconds since the epoch. */
  stalledSince: number | undefined;
  /** Whether it is to end, as others want what it has. */
  isToGiveWay: boolean;
  /** Ends it. */
  stop(reason: HttpError): void;
}

/** What bounds callers that take nothing. */
export interface StallLimits {
  /** Bytes that a caller takes in a second at least, while there is something to take. */
  readonly minBytesPerSecond: number;
  /** Answers that callers of one address leave standing at a time. */
  readonly maxStalledPerClient: number;
}

/** Answers that stand still, by the address of who asked for them. */
export class StalledAnswers {
  readonly #byAddress = new BoundedMap<string, Set<Standing>>(MAX_ADDRESSES);

  /** One more; of those over `max` the oldest gives way. */
  add(address: string, scope: Standing, max: number): void {
    const client = clientOf(address);
    const scopes = this.#byAddress.get(client) ?? new Set();
    this.#byAddress.set(client, scopes.add(scope));
    let over = scopes.size - max;
    for (const oldest of scopes) {
      if (over-- <= 0) break;
      oldest.isToGiveWay = true;
    }
  }

  /** One less. */
  delete(address: string, scope: Standing): void {
    const client = clientOf(address);
    const scopes = this.#byAddress.get(client);
    scopes?.delete(scope);
    if (scopes?.size === 0) this.#byAddress.delete(client);
  }
}

/** Whoever has an address of version 6 has the 2^64 of its network. */
function clientOf(address: string): string {
  const parsed = parseAddress(address);
  return parsed?.bits === 128 ? `${(parsed.value >> 64n).toString(16)}::/64` : address;
}

/** The times at which one answer waits for its caller. */
export class Stall {
  readonly #scope: Standing;
  readonly #limits: StallLimits;
  readonly #now: () => number;
  readonly #answers: StalledAnswers;
  readonly #park: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Milliseconds of earlier times. */
  #waited = 0;
  #isListed = false;

  /** `park` gives up what the answer needs no more until the caller goes on. */
  constructor(
    scope: Standing,
    park: () => void,
    { limits, now, answers }: { limits: StallLimits; now: () => number; answers: StalledAnswers },
  ) {
    this.#scope = scope;
    this.#park = park;
    this.#limits = limits;
    this.#now = now;
    this.#answers = answers;
  }

  /** There is nothing to do but wait for the caller. */
  begin(): void {
    this.#scope.stalledSince = this.#now();
    this.#timer = setTimeout(() => this.#look(true), STEP_MS);
  }

  /** The caller takes something, or the answer is over. */
  end(): void {
    const { stalledSince, address } = this.#scope;
    if (stalledSince === undefined) return;
    clearTimeout(this.#timer);
    this.#waited += this.#now() - stalledSince;
    this.#scope.stalledSince = undefined;
    if (this.#isListed) this.#answers.delete(address, this.#scope);
    this.#isListed = false;
  }

  #look(isFirst: boolean): void {
    const scope = this.#scope;
    if (isFirst) {
      this.#isListed = true;
      this.#answers.add(scope.address, scope, this.#limits.maxStalledPerClient);
      this.#park();
    }
    const { minBytesPerSecond } = this.#limits;
    const waited = this.#waited + this.#now() - (scope.stalledSince ?? this.#now());
    const allowed = GRACE_MS + (minBytesPerSecond > 0 ? (scope.sent / minBytesPerSecond) * 1000 : Infinity);
    if (scope.isToGiveWay) {
      scope.stop(new HttpError("TIMEOUT", "the answer was not taken, and others waited for what it held"));
    } else if (waited > allowed) {
      const least = `minBytesPerSecond = ${minBytesPerSecond}`;
      scope.stop(new HttpError("TIMEOUT", `the answer was taken too slowly, see ${least}`));
    } else this.#timer = setTimeout(() => this.#look(false), STEP_MS);
  }
}
