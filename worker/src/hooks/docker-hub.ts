/**
 * Docker Hub's webhook: https://docs.docker.com/docker-hub/repos/manage/webhooks/
 * @module
 */
import { object, text } from "./json.ts";
import { type Notification, notification, unreadable } from "./push.ts";

/**
 * Reads it. Nobody calls its `callback_url`.
 * @throws HttpError `INVALID_ARGUMENT`
 */
export function readDockerHub(payload: unknown): Notification {
  const { push_data: push, repository } = object(payload);
  const name = text(repository, "repo_name");
  if (name === undefined) throw unreadable("a webhook of Docker Hub has a repository with its repo_name");
  const full = name.includes("/") ? name : `library/${name}`;
  return notification({ registry: "docker.io", repository: full, tag: text(push, "tag") });
}
