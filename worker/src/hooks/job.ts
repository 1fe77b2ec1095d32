/** An image that is to be indexed. @module */
import type { Version } from "../config/hooks.ts";
import { object, text, texts } from "./json.ts";
import { imageOf, KINDS, type Kind, type Push, pushOf } from "./push.ts";

/** Job that waits in a queue. */
export interface Job {
  readonly id: string;
  /** Who told of it. */
  readonly kind: Kind;
  readonly push: Push;
  readonly version: Version;
  /** Milliseconds since the epoch. */
  readonly queuedAt: number;
}

/** Subject of a job: another one with the same would do the same. A converted image is its tag's. */
export function subjectOf({ push, version }: Pick<Job, "push" | "version">): string {
  const digest = version === "V1" ? push.digest : undefined;
  return `${version} ${imageOf({ ...push, digest, tag: digest ? undefined : push.tag })}`;
}

/** A job as a queue gave it back, or nothing where it is none. */
export function parseJob(value: unknown): Job | undefined {
  const given = object(value);
  const kind = KINDS.find((name) => name === given.kind);
  const version = given.version === "V1" || given.version === "V2" ? given.version : undefined;
  const id = text(given, "id", 64);
  const names = {
    registry: "registry",
    repository: "repository",
    tag: "tag",
    digest: "digest",
    event: "event",
  };
  const push = pushOf(texts(given.push, names));
  const { queuedAt } = given;
  if (!kind || !version || !id || !push || typeof queuedAt !== "number") return undefined;
  return { id, kind, push, version, queuedAt };
}
