/** Digests that tags named lately: in this isolate, and in those that share its cache. @module */
import { BoundedMap } from "../../../js/common/bounded-map.ts";
import type { Ports } from "../ports.ts";
import type { ImageName } from "./route.ts";

interface Entry {
  readonly digest: string;
  /** Milliseconds since the epoch. */
  readonly until: number;
}

/** Tags remembered in this isolate. */
const MAX_TAGS = 1000;

/** Digests by tag, each for the time that the configuration says. Tags of private reads do not get here. */
export class Tags {
  readonly #ports: Ports;
  readonly #tags = new BoundedMap<string, Entry>(MAX_TAGS);

  constructor(ports: Ports) {
    this.#ports = ports;
  }

  /** What this isolate knows. */
  known(name: ImageName): string | undefined {
    const entry = this.#tags.get(keyOf(name));
    return entry && entry.until > this.#ports.now() ? entry.digest : undefined;
  }

  /** What this isolate or its cache knows. */
  async find(name: ImageName): Promise<string | undefined> {
    const known = this.known(name);
    if (known) return known;
    const now = this.#ports.now();
    const entry = await this.#cached(keyOf(name)).catch(() => undefined);
    // A time further ahead than we would set was set by another configuration.
    if (!entry || entry.until <= now || entry.until > now + this.#ports.config.tagTtl * 1000)
      return undefined;
    this.#tags.set(keyOf(name), entry);
    return entry.digest;
  }

  /** Remembers what the registry said. */
  async remember(name: ImageName, digest: string): Promise<void> {
    const ttl = this.#ports.config.tagTtl;
    if (ttl === 0) return;
    const entry = { digest, until: this.#ports.now() + ttl * 1000 };
    this.#tags.set(keyOf(name), entry);
    try {
      await this.#ports.cache?.put(keyOf(name), new TextEncoder().encode(JSON.stringify(entry)));
    } catch {
      // A cache that keeps nothing costs a request later.
    }
  }

  async #cached(key: string): Promise<Entry | undefined> {
    const bytes = await this.#ports.cache?.get(key);
    if (!bytes) return undefined;
    const { digest, until } = JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>;
    const good = typeof digest === "string" && /^sha256:[0-9a-f]{64}$/.test(digest);
    return good && typeof until === "number" ? { digest, until } : undefined;
  }
}

function keyOf({ registry, repository, tag }: ImageName): string {
  return `tag-v1:${registry}/${repository}:${tag}`;
}
