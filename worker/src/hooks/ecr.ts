/**
 * Amazon ECR's event "ECR Image Action", as EventBridge delivers it:
 * https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-eventbridge.html
 * @module
 */
import { object, text, texts } from "./json.ts";
import { type Notification, notification, unreadable } from "./push.ts";

const IMAGE_CONFIGS = new Set([
  "application/vnd.oci.image.config.v1+json",
  "application/vnd.docker.container.image.v1+json",
]);

/**
 * Reads an event.
 * @throws HttpError `INVALID_ARGUMENT`
 */
export function readEcr(payload: unknown): Notification {
  const event = object(payload);
  if (text(event, "source") !== "aws.ecr" || text(event, "detail-type") === undefined) {
    throw unreadable("an event of Amazon ECR has the source aws.ecr and a detail-type");
  }
  const detail = object(event.detail);
  const isPushed = text(detail, "action-type") === "PUSH" && text(detail, "result") === "SUCCESS";
  if (text(event, "detail-type") !== "ECR Image Action" || !isPushed) return notification("not-a-push");
  // Newer events say what the manifest's configuration is; of an index they say nothing.
  const artifact = text(detail, "artifact-media-type");
  if (artifact !== undefined && !IMAGE_CONFIGS.has(artifact)) return notification("not-an-image");
  return notification({
    registry: registryOf(text(event, "account"), text(event, "region")),
    ...texts(detail, { repository: "repository-name", tag: "image-tag", digest: "image-digest" }),
    event: text(event, "id"),
  });
}

/** The registry of an account in a region. */
function registryOf(account: string | undefined, region: string | undefined): string | undefined {
  if (!/^\d{12}$/.test(account ?? "") || !/^[a-z]{2,4}(?:-[a-z]+){1,3}-\d{1,2}$/.test(region ?? "")) {
    return undefined;
  }
  return `${account}.dkr.ecr.${region}.amazonaws.com${region?.startsWith("cn-") ? ".cn" : ""}`;
}
