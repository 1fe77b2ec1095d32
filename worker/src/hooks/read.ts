/** Notifications of every kind. @module */
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
  const payload = parse(body);
  switch (kind) {
    case "distribution":
      return readDistribution(payload, registries.distribution);
    case "ecr":
      return readEcr(payload);
    case "ghcr":
      return readGitHub(payload, headers.get("x-github-event"), headers.get("x-github-delivery"));
    case "dockerhub":
      return readDockerHub(payload);
    case "harbor":
      return readHarbor(payload, registries.harbor);
  }
}

function parse(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch {
    throw unreadable("the body is not JSON in UTF-8; where the sender asks, choose application/json");
  }
}
