/** Which registries answer pages of other origins; kept across visits, so that what fails is not tried each time. @module */

/** What of a registry is asked: its API, or blobs, which often lie with another host. */
export type Part = "api" | "blobs";

/** How it was reached. */
export type Way = "direct" | "proxy";

/** Where the book is kept between visits. */
export interface RouteStore {
  load(): Promise<Record<string, number>>;
  save(entries: Record<string, number>): Promise<void>;
}

const SETTINGS = "ocipeek-settings";
const ROUTES = "https://cache.ocipeek.invalid/routes";

/** Keeps what is known of routes in the Cache API. */
export const routeStore: RouteStore = {
  load: async () => {
    const found = await (await caches.open(SETTINGS)).match(ROUTES);
    const entries: unknown = await found?.json();
    const valid = Object.entries(Object(entries)).filter(([, at]) => typeof at === "number");
    return Object.fromEntries(valid) as Record<string, number>;
  },
  save: async (entries) => {
    await (await caches.open(SETTINGS)).put(ROUTES, new Response(JSON.stringify(entries)));
  },
};

/** So long is not tried again what did not answer. */
const REMEMBERED_MS = 7 * 24 * 3600_000;
const MOST = 500;

/** What worked. */
export class RouteBook {
  readonly #store: RouteStore | undefined;
  readonly #now = new Map<string, Way>();
  /** When each part of a registry was last found not to answer pages. */
  #closed: Promise<Record<string, number>> | undefined;
  readonly #first = new Map<string, Promise<void>>();

  constructor(store?: RouteStore) {
    this.#store = store;
  }

  /** What worked in this visit, or what needed the proxy in an earlier one. */
  async get(registry: string, part: Part): Promise<Way | undefined> {
    const key = keyOf(registry, part);
    const known = this.#now.get(key);
    if (known) return known;
    const at = (await this.#load())[key];
    return at !== undefined && Date.now() - at < REMEMBERED_MS ? "proxy" : undefined;
  }

  /** What worked in this visit. */
  seen(registry: string, part: Part): Way | undefined {
    return this.#now.get(keyOf(registry, part));
  }

  /** Notes what worked. */
  async set(registry: string, part: Part, way: Way): Promise<void> {
    const key = keyOf(registry, part);
    if (this.#now.get(key) === way) return;
    this.#now.set(key, way);
    const closed = await this.#load();
    if ((way === "proxy") === key in closed) return;
    if (way === "proxy") closed[key] = Date.now();
    else delete closed[key];
    await this.#save(closed);
  }

  /** Forgets a registry: it is tried anew. */
  async forget(registry: string): Promise<void> {
    const closed = await this.#load();
    for (const part of ["api", "blobs"] as const) {
      this.#now.delete(keyOf(registry, part));
      delete closed[keyOf(registry, part)];
    }
    await this.#save(closed);
  }

  /** Forgets all. */
  async clear(): Promise<void> {
    this.#now.clear();
    this.#closed = Promise.resolve({});
    await this.#save({});
  }

  /** Runs the first request of a part alone: what comes at the same time waits to learn from it. */
  async alone<T>(registry: string, part: Part, send: () => Promise<T>): Promise<T> {
    const key = keyOf(registry, part);
    for (let first = this.#first.get(key); first; first = this.#first.get(key)) await first;
    if (this.#now.has(key)) return send();
    const running = send();
    const settled = running.then(
      () => {},
      () => {},
    );
    this.#first.set(key, settled);
    void settled.then(() => this.#first.delete(key));
    return running;
  }

  #load(): Promise<Record<string, number>> {
    this.#closed ??= this.#store ? this.#store.load().catch(() => ({})) : Promise.resolve({});
    return this.#closed;
  }

  async #save(closed: Record<string, number>): Promise<void> {
    const newest = Object.entries(closed)
      .sort(([, a], [, b]) => b - a)
      .slice(0, MOST);
    await this.#store?.save(Object.fromEntries(newest)).catch(() => {});
  }
}

function keyOf(registry: string, part: Part): string {
  return `${registry} ${part}`;
}
