/** A map with a bound: what was set, or used, longest ago goes first. @module */

/** Keeps entries up to `max`: so many, or so much as `weigh` says of their values in all. */
export class BoundedMap<K, V> extends Map<K, V> {
  readonly #max: number;
  readonly #weigh: (value: V) => number;
  #weight = 0;

  constructor(max: number, weigh: (value: V) => number = () => 1) {
    super();
    this.#max = max;
    this.#weigh = weigh;
  }

  /** The weight of all values. */
  get weight(): number {
    return this.#weight;
  }

  /** As {@link get}; it is the one that was used last then. */
  use(key: K): V | undefined {
    const value = this.get(key);
    // A map keeps the order of insertion.
    if (value !== undefined && super.delete(key)) super.set(key, value);
    return value;
  }

  override set(key: K, value: V): this {
    this.delete(key);
    super.set(key, value);
    this.#weight += this.#weigh(value);
    for (const oldest of this.keys()) {
      if (this.#weight <= this.#max) break;
      this.delete(oldest);
    }
    return this;
  }

  override delete(key: K): boolean {
    const value = this.get(key);
    if (!super.delete(key)) return false;
    this.#weight -= this.#weigh(value as V);
    return true;
  }

  override clear(): void {
    super.clear();
    this.#weight = 0;
  }
}
