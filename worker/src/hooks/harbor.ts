/**
 * Harbor's webhook, in its own form and as a CloudEvent:
 * https://goharbor.io/docs/latest/working-with-projects/project-configuration/configure-webhooks/
 * @module
 */
import { list, object, text } from "./json.ts";
import { type Notification, notification, unreadable } from "./push.ts";

const MAX_RESOURCES = 1000;

/**
 * Reads it. `registry`: its name, where it is not to be the host that Harbor names.
 * @throws HttpError `INVALID_ARGUMENT`
 */
export function readHarbor(payload: unknown, registry?: string): Notification {
  const type = text(payload, "type");
  if (type === undefined) throw unreadable("a webhook of Harbor has a type");
  if (type !== "PUSH_ARTIFACT" && type !== "harbor.artifact.pushed") return notification("not-a-push");
  const { event_data, data, id } = object(payload);
  const told = object(event_data ?? data);
  const resources = list(told, "resources");
  if (!resources || resources.length > MAX_RESOURCES) {
    throw unreadable(`a push to Harbor has resources, ${MAX_RESOURCES} at most`);
  }
  const parts = resources.map((resource, i) => {
    const tag = text(resource, "tag");
    return {
      registry: registry ?? hostOf(text(resource, "resource_url")),
      repository: text(told.repository, "repo_full_name"),
      // Where there is none the digest stands there.
      tag: tag?.includes(":") ? undefined : tag,
      digest: text(resource, "digest"),
      event: typeof id === "string" ? `${id}/${i}` : undefined,
    };
  });
  return notification(...parts);
}

/** `harbor.example.com/project/app:tag`; a scheme may be in front. */
function hostOf(url: string | undefined): string | undefined {
  return /^(?:https?:\/\/)?([^/\s]+)\//.exec(url ?? "")?.[1];
}
