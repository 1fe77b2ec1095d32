/** Paths of the read-only distribution API (OCI distribution specification, "Endpoints"). @module */
import { isRepository, isTag } from "../../../web/reference.ts";

const DIGEST = /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/;

/** What a path below `/v2/` asks for. */
export interface ApiPath {
  readonly repository: string;
  readonly kind: "manifest" | "blob" | "referrers" | "tags";
  /** Tag or digest; empty for tags. */
  readonly reference: string;
}

/** A path of the read-only API, without `/v2/`; nothing for any other, and for any with an odd character. */
export function parseApiPath(path: string): ApiPath | undefined {
  const match = /^([a-z0-9._/-]+)\/(?:(manifests|blobs|referrers)\/([A-Za-z0-9._:-]+)|tags\/list)$/.exec(
    path,
  );
  const [, repository = "", api, reference = ""] = match ?? [];
  if (!isRepository(repository)) return undefined;
  if (api === undefined) return { repository, kind: "tags", reference: "" };
  if (api === "manifests") {
    if (!isTag(reference) && !DIGEST.test(reference)) return undefined;
    return { repository, kind: "manifest", reference };
  }
  if (!DIGEST.test(reference)) return undefined;
  return { repository, kind: api === "blobs" ? "blob" : "referrers", reference };
}

/** Whether a reference in a path is a digest. */
export function isDigest(reference: string): boolean {
  return DIGEST.test(reference);
}

/** The path again: `library/alpine/manifests/3`. */
export function formatApiPath({ repository, kind, reference }: ApiPath): string {
  if (kind === "tags") return `${repository}/tags/list`;
  return `${repository}/${kind === "referrers" ? kind : `${kind}s`}/${reference}`;
}
