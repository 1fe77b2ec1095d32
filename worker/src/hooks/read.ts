/** Notifications of every kind. @module */
import { parsed } from "../../../js/common/json.ts";
import type { HooksConfig } from "../config/hooks.ts";
import { readDistribution } from "./distribution.ts";
import { readDockerHub } from "./docker-hub.ts";
import { readEcr } from "./ecr.ts";
import { readGitHub } from "./github.ts";
import { readHarbor } from "./harbor.ts";
import { KINDS, type Kind, type Notification, unreadable } from "./push.ts";

/** Whether there are notifications of this kind. */
export function isKind(name: string): name is Kind {
  return (KINDS as readonly string[]).includes(name);
}

/**
 * Reads a notification's body.
 * @throws HttpError `INVALID_ARGUMENT` where it is none of its kind
 */
export function readNotification(
  kind: Kind,
  body: Uint8Array,
  headers: Headers,
  registries: HooksConfig["registries"] = {},
): Notification {
  return READERS[kind](parse(body), headers, registries);
}

/** Readers of each kind of notification. */
const READERS: Readonly<
  Record<Kind, (payload: unknown, headers: Headers, registries: HooksConfig["registries"]) => Notification>
> = {
  distribution: (payload, _, { distribution }) => readDistribution(payload, distribution),
  ecr: readEcr,
  ghcr: (payload, headers) =>
    readGitHub(payload, headers.get("x-github-event"), headers.get("x-github-delivery")),
  dockerhub: readDockerHub,
  harbor: (payload, _, { harbor }) => readHarbor(payload, harbor),
};

function parse(body: Uint8Array): unknown {
  const value = parsed(body);
  if (value !== undefined) return value;
  throw unreadable("the body is not JSON in UTF-8; where the sender asks, choose application/json");
}
