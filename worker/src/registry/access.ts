/** Allowed registries and repositories, by the configuration. @module */
import { apiHost, hostProblem } from "../../../web/host.ts";
import { isRepository } from "../../../web/reference.ts";
import type { Config } from "../config/config.ts";
import { matchesWildcard } from "../config/patterns.ts";
import { HttpError } from "../errors.ts";
import { isAddress } from "./public-host.ts";

/** A registry that the configuration lists. */
export interface Registry {
  /** As image names write it: `docker.io`. */
  readonly name: string;
  /** Where its API is: `https://registry-1.docker.io`. */
  readonly origin: string;
  /** For development: on whatever address. */
  readonly insecure: boolean;
  /** Patterns of its repositories, in segments. */
  readonly patterns: readonly (readonly string[])[];
}

/** The list, compiled. Names that it does not hold letter by letter are not in it. */
export class AccessList {
  readonly #byName = new Map<string, Registry>();
  readonly #byOrigin = new Map<string, Registry>();

  constructor(config: Pick<Config, "registries" | "insecureRegistries" | "tlsRegistries">) {
    for (const name of config.insecureRegistries) {
      const scheme = config.tlsRegistries.includes(name) ? "https" : "http";
      this.#add({ name, origin: `${scheme}://${apiHost(name)}`, insecure: true, patterns: [["**"]] });
    }
    for (const { registry, repository } of config.registries) {
      const known = this.#byName.get(registry);
      // Addresses only for development: what a name is for, a certificate cannot say of them.
      if (known?.insecure || isAddress(hostOf(registry))) continue;
      const patterns = [...(known?.patterns ?? []), repository.split("/")];
      this.#add({ name: registry, origin: `https://${apiHost(registry)}`, insecure: false, patterns });
    }
  }

  #add(registry: Registry): void {
    this.#byName.set(registry.name, registry);
    // As a URL writes it: without the scheme's own port.
    this.#byOrigin.set(new URL(registry.origin).origin, registry);
  }

  /** All registries. */
  get registries(): Iterable<Registry> {
    return this.#byName.values();
  }

  /** The registry whose API is at an origin. */
  at(origin: string): Registry | undefined {
    return this.#byOrigin.get(origin);
  }

  /**
   * The registry of a repository.
   * @throws HttpError `REGISTRY_NOT_ALLOWED`
   */
  check(registry: string, repository: string): Registry {
    const found = this.registry(registry);
    if (!this.allows(found, repository)) {
      throw refused(`the configuration does not list this repository of ${registry}`);
    }
    return found;
  }

  /**
   * The registry of that name.
   * @throws HttpError `REGISTRY_NOT_ALLOWED`
   */
  registry(name: string): Registry {
    const found = this.#byName.get(name);
    if (!found || hostProblem(name)) throw refused("the configuration does not list this registry");
    return found;
  }

  /** Whether a repository of a registry is listed. */
  allows(registry: Registry, repository: string): boolean {
    if (!isRepository(repository)) return false;
    const segments = repository.split("/");
    return registry.patterns.some((pattern) => matches(pattern, segments));
  }
}

/** `**` is any number of segments, `*` any run of characters in one. */
function matches(pattern: readonly string[], segments: readonly string[]): boolean {
  // Which prefixes of the segments the pattern so far can be; so no pattern takes more than their product.
  let reached = new Set([0]);
  for (const part of pattern) {
    const next = new Set<number>();
    for (const at of reached) {
      const segment = segments[at];
      if (part === "**") for (let end = at; end <= segments.length; end++) next.add(end);
      else if (segment !== undefined && matchesWildcard(part, segment)) next.add(at + 1);
    }
    reached = next;
  }
  return reached.has(segments.length);
}

function hostOf(registry: string): string {
  return registry.replace(/:\d+$/, "");
}

function refused(why: string): HttpError {
  return new HttpError("REGISTRY_NOT_ALLOWED", why);
}
