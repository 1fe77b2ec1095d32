/** Pushes of images, as notifications tell of them. @module */

import { hostProblem } from "../../../web/host.ts";
import { isDigest, isRepository, isTag } from "../../../web/reference.ts";
import { HttpError } from "../errors.ts";

/** The notifications that are understood; names of the routes below `/hooks/`. */
export const KINDS = ["distribution", "ecr", "ghcr", "dockerhub", "harbor"] as const;

/** Who sends a notification. */
export type Kind = (typeof KINDS)[number];

/** A manifest that was pushed. */
export interface Push {
  /** As image names write it: `docker.io`, `ghcr.io`. */
  readonly registry: string;
  readonly repository: string;
  /** Nothing where it was pushed by digest alone. */
  readonly tag: string | undefined;
  /** Nothing where the notification does not say. */
  readonly digest: string | undefined;
  /** What tells this event from others; the same again is the same event. Nothing where its sender gives none. */
  readonly event: string | undefined;
}

/** Why a notification, or a part of one, comes to nothing. */
export type Reason =
  /** A pull, a deletion, a test of the connection. */
  | "not-a-push"
  /** A blob. */
  | "not-a-manifest"
  /** A package of another kind, or an artifact that is no image. */
  | "not-an-image"
  /** What it says of the image cannot be. */
  | "malformed"
  /** This worker's own: a converted image's tag. */
  | "own-tag"
  /** The tag that lists what refers to an image. */
  | "referrers-tag"
  /** A converted image needs a tag. */
  | "untagged"
  /** No filter matches. */
  | "filtered"
  /** The configuration does not list the registry or the repository. */
  | "not-allowed"
  /** The same event came before. */
  | "seen"
  /** The same image waits already. */
  | "waiting";

/** Something that comes to nothing. */
export interface Ignored {
  readonly reason: Reason;
  /** `registry/repository:tag@digest`, where it is known. */
  readonly image?: string;
}

/** A notification, read. */
export interface Notification {
  readonly pushes: readonly Push[];
  readonly ignored: readonly Ignored[];
}

/** Push as it is claimed, unchecked. */
export type Claim = { [name in keyof Push]?: Push[name] | undefined };

const EVENT = /^[\x21-\x7e]{1,128}$/;

/** The push that is claimed, or nothing where a name in it cannot be. */
export function pushOf({ registry, repository, tag, digest, event }: Claim): Push | undefined {
  if (registry === undefined || repository === undefined) return undefined;
  if (hostProblem(registry) || !isRepository(repository)) return undefined;
  if (tag !== undefined && !isTag(tag)) return undefined;
  if (digest !== undefined && !isDigest(digest)) return undefined;
  if (tag === undefined && digest === undefined) return undefined;
  return { registry, repository, tag, digest, event: event && EVENT.test(event) ? event : undefined };
}

/** Notification of parts, each a push that is claimed, or why it is none. */
export function notification(...parts: (Claim | Reason)[]): Notification {
  const pushes: Push[] = [];
  const ignored: Ignored[] = [];
  for (const part of parts) {
    const push = typeof part === "string" ? undefined : pushOf(part);
    if (push) pushes.push(push);
    else ignored.push({ reason: typeof part === "string" ? part : "malformed" });
  }
  return { pushes, ignored };
}

/** The notification is none of its kind. */
export function unreadable(what: string): HttpError {
  return new HttpError("INVALID_ARGUMENT", what);
}

/** How messages name what was pushed. */
export function imageOf({ registry, repository, tag, digest }: Omit<Push, "event">): string {
  return `${registry}/${repository}${tag ? `:${tag}` : ""}${digest ? `@${digest}` : ""}`;
}
