/** Which pushes are worked on. @module */

import type { HooksConfig, Version } from "../config/hooks.ts";
import { matchingFilter } from "../config/patterns.ts";
import type { AccessList } from "../registry/access.ts";
import { type Ignored, imageOf, type Notification, type Push, type Reason } from "./push.ts";

/** A push that is worked on, and the filter that chose it. */
export interface Selected {
  readonly push: Push;
  readonly filter: string;
}

/** Rules that pushes are checked against. */
export interface Rules {
  readonly config: Pick<HooksConfig, "filters" | "suffix" | "version">;
  /** The registries that the worker may reach. */
  readonly access: AccessList;
}

/** Sorts the pushes of a notification. What is named twice is worked on once. */
export function select(
  { pushes, ignored }: Notification,
  rules: Rules,
): { selected: Selected[]; ignored: Ignored[] } {
  const selected = new Map<string, Selected>();
  const others = [...ignored];
  for (const push of pushes) {
    const found = choose(push, rules);
    if (typeof found === "string") others.push({ reason: found, image: imageOf(push) });
    else selected.set(imageOf(push), selected.get(imageOf(push)) ?? found);
  }
  return { selected: [...selected.values()], ignored: others };
}

/** The push with its filter, or why it comes to nothing. */
export function choose(push: Push, { config, access }: Rules): Selected | Reason {
  const own = ownReason(push.tag, config.version, config.suffix);
  if (own) return own;
  const filter = matchingFilter(config.filters, push);
  if (filter === undefined) return "filtered";
  return isAllowed(push, access) ? { push, filter } : "not-allowed";
}

/** Whether the tag is one that indexing writes itself: that would never end. */
function ownReason(tag: string | undefined, version: Version, suffix: string): Reason | undefined {
  if (tag === undefined) return version === "V2" ? "untagged" : undefined;
  // Of the distribution specification, "Referrers Tag Schema"; a suffix may follow, as cosign's does.
  if (/^sha256-[0-9a-f]{64}/.test(tag)) return "referrers-tag";
  // Of v1 too: a worker that made v2 may have written it.
  return tag.endsWith(suffix) ? "own-tag" : undefined;
}

function isAllowed({ registry, repository }: Push, access: AccessList): boolean {
  try {
    access.check(registry, repository);
    return true;
  } catch {
    return false;
  }
}
