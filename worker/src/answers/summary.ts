/** An image in one JSON document. @module */
import type { Discovery } from "ocipeek";
import { wholeAnswer } from "../http/answer.ts";
import { etagOf, precondition, SAFE } from "../http/headers.ts";

import type { Images } from "../request/images.ts";
import type { RequestScope } from "../request/request-scope.ts";
import { type ImageName, imageUrl } from "../request/route.ts";

/** The summary: what the image is, its config, its layers and how each is read, the index found. */
export async function serveSummary(
  request: Request,
  name: ImageName,
  wanted: string | undefined,
  scope: RequestScope,
  images: Images,
): Promise<Response> {
  const lease = await scope.timed("open", () => images.take(scope, name, wanted));
  const { image } = lease;
  const config = await scope.timed("config", () => image.config({ signal: scope.signal }));
  const { registry, repository } = name;
  const permanent = `${imageUrl({ registry, repository, tag: undefined, digest: image.digest })}/`;
  const summary = {
    image: imageUrl(name).slice(1),
    digest: image.digest,
    ...(image.indexDigest ? { indexDigest: image.indexDigest } : {}),
    url: permanent,
    platform: image.platform ?? null,
    platformBy: image.platformBy ?? null,
    platforms: image.platforms,
    size: image.layers.reduce((sum, layer) => sum + layer.size, 0),
    layers: image.layers.map((layer) => ({
      ...layer,
      ...(image.isMerged ? {} : { files: `${permanent}-/?layer=${layer.digest}` }),
    })),
    soci: image.soci ?? null,
    ...(image.discovery ? { discovery: told(image.discovery) } : {}),
    annotations: image.annotations,
    config,
  };
  const text = `${JSON.stringify(summary)}\n`;
  // What is attached, and read by, may be another index tomorrow.
  const pinned = name.digest !== undefined && image.discovery === undefined;
  const headers: Record<string, string> = {
    ...SAFE,
    ...scope.sharing.headers(),
    "cache-control": scope.sharing.cacheControl(pinned),
    etag: await etagOf("summary", text),
    ...(name.digest !== undefined ? {} : { "content-location": permanent }),
    "x-ocipeek-digest": image.digest,
    ...scope.costHeaders(),
  };
  scope.end();
  const outcome = precondition(request.headers, headers.etag ?? "", undefined, pinned);
  if (outcome) return new Response(null, { status: outcome, headers });
  return wholeAnswer(request, text, { ...headers, "content-type": "application/json; charset=utf-8" });
}

/** How the search for attached indexes went: what was found, and why it, or the first of it, is of no use. */
function told({ found, failed }: Discovery): object {
  const reason = failed && { code: failed.code, message: failed.message };
  return { found: found.map(({ digest }) => digest), ...(reason ? { failed: reason } : {}) };
}
