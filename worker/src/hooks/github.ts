/**
 * GitHub's webhook events `package` and `registry_package`, for images in ghcr.io:
 * https://docs.github.com/webhooks/webhook-events-and-payloads#registry_package
 * @module
 */
import { field, object, text } from "./json.ts";
import { type Notification, notification, unreadable } from "./push.ts";

const REGISTRY = "ghcr.io";

/**
 * Reads an event. `name`: of the header `X-GitHub-Event`; `delivery`: of `X-GitHub-Delivery`.
 * @throws HttpError `INVALID_ARGUMENT`
 */
export function readGitHub(payload: unknown, name: string | null, delivery: string | null): Notification {
  if (name === "ping") return notification("not-a-push");
  const told = object(field(payload, "registry_package") ?? field(payload, "package"));
  const version = object(told.package_version);
  if (text(told, "name") === undefined && text(version, "package_url") === undefined) {
    throw unreadable("an event of GitHub has a registry_package or a package");
  }
  const action = text(payload, "action");
  if (action !== "published" && action !== "updated") return notification("not-a-push");
  if (!isContainer(told)) return notification("not-an-image");
  const container = object(object(version.container_metadata).tag);
  const named = parseUrl(text(version, "package_url"));
  return notification({
    registry: REGISTRY,
    repository: named?.repository ?? repositoryOf(told),
    tag: text(container, "name") ?? named?.tag,
    digest: digestOf(version, container),
    event: delivery ?? undefined,
  });
}

/** A container image: of one field or the other, in capitals or not. */
function isContainer(told: Readonly<Record<string, unknown>>): boolean {
  const kinds = [text(told, "package_type"), text(told, "ecosystem"), text(told.registry, "type")];
  return kinds.some((kind) => kind?.toLowerCase() === "container");
}

/** `ghcr.io/Owner/app:tag`, of which the tag may be empty. */
function parseUrl(url: string | undefined): { repository: string; tag: string | undefined } | undefined {
  const match = /^(?:https:\/\/)?ghcr\.io\/([^:@\s]+)(?::([^:@\s]*))?(?:@.*)?$/i.exec(url ?? "");
  if (!match) return undefined;
  return { repository: (match[1] ?? "").toLowerCase(), tag: match[2] || undefined };
}

function repositoryOf(told: Readonly<Record<string, unknown>>): string | undefined {
  const owner = text(told, "namespace") ?? text(told.owner, "login");
  const name = text(told, "name");
  return owner && name ? `${owner}/${name}`.toLowerCase() : undefined;
}

/** A version's own name is the manifest's digest. The digest of the tag counts where it is one. */
function digestOf(...places: unknown[]): string | undefined {
  const [version, tag] = places;
  const told = [text(version, "version"), text(tag, "digest"), text(version, "name")];
  return told.find((digest) => /^sha256:[0-9a-f]{64}$/.test(digest ?? ""));
}
