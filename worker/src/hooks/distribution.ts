/**
 * Notifications of CNCF Distribution (docker-registry), and of registries made of it:
 * https://distribution.github.io/distribution/about/notifications
 * @module
 */
import { list, object, text, texts } from "./json.ts";
import { type Notification, notification, unreadable } from "./push.ts";

/** Far more than a registry sends at once. */
const MAX_EVENTS = 1000;

const MANIFESTS = new Set([
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.docker.distribution.manifest.v2+json",
]);

/**
 * Reads an envelope of events. `registry`: its name, where it is not to be the host that the registry was asked at.
 * @throws HttpError `INVALID_ARGUMENT`
 */
export function readDistribution(payload: unknown, registry?: string): Notification {
  const events = list(payload, "events");
  if (!events) throw unreadable("a notification of Distribution has a list of events");
  if (events.length > MAX_EVENTS) {
    throw unreadable(`a notification of Distribution has ${MAX_EVENTS} events at most`);
  }
  const parts = events.map((event) => {
    if (text(event, "action") !== "push") return "not-a-push";
    const target = object(object(event).target);
    if (!MANIFESTS.has(text(target, "mediaType") ?? "")) return "not-a-manifest";
    const host = text(object(event).request, "host") ?? hostOf(text(target, "url", 4096));
    const names = { repository: "repository", tag: "tag", digest: "digest" };
    return { registry: registry ?? host, ...texts(target, names), event: text(event, "id") };
  });
  return notification(...parts);
}

function hostOf(url: string | undefined): string | undefined {
  return url !== undefined && URL.canParse(url) ? new URL(url).host || undefined : undefined;
}
