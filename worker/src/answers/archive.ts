/** A folder with all below it as a tar archive, made while it is sent. @module */
import { itemsOf, type TarItem, tar } from "ocipeek/tar";
import { contentDisposition } from "../../../web/disposition.ts";
import { etagOf } from "../http/headers.ts";
import { weakMark } from "../request/formats.ts";
import { conditional, pathHeaders, type ResolvedPath } from "../request/resolved-path.ts";
import { fromGenerator, startBody } from "./body.ts";
import { lastName } from "./file.ts";

/**
 * The archive. Names in it start at the folder, as `tar -C FOLDER -c .` writes them, without the `./`. Files that cannot be
 * read for a reason of their own are left out, and listed at its end.
 */
export async function serveArchive(resolved: ResolvedPath): Promise<Response> {
  const { request, route, scope, lease } = resolved;
  const weak = weakMark(lease.image, resolved.stats.verified);
  const etag = await etagOf("tar", lease.image.digest, resolved.layer ?? "", route.path, weak);
  const headers = pathHeaders(resolved, { etag });
  const early = conditional(resolved, headers);
  if (early) return early;
  const name = lastName(route.path) || (route.image.repository.split("/").at(-1) ?? "image");
  const described = {
    ...headers,
    "content-type": "application/x-tar",
    "content-disposition": contentDisposition("attachment", `${name}.tar`),
    "accept-ranges": "none",
  };
  if (request.method === "HEAD") {
    scope.end();
    return new Response(null, { headers: described });
  }
  const source = fromGenerator(tar(items(resolved), { leftOut: LEFT_OUT }));
  const body = await scope.timed("read", () => startBody(source, scope));
  return new Response(body, { headers: { ...described, ...scope.costHeaders() } });
}

/** The last file of an archive that lacks some: what is left out, and why. */
const LEFT_OUT = ".ocipeek-left-out.txt";

async function* items({ scope, tree, stats }: ResolvedPath): AsyncGenerator<TarItem, void, undefined> {
  let count = 0;
  const options = { signal: scope.signal, failures: "give" } as const;
  for await (const item of itemsOf(tree, stats, new Uint8Array(), options)) {
    scope.checkEntries(count);
    scope.checkInflated();
    await scope.turns.spend();
    count += 1;
    if (item.failure) scope.leftOut += 1;
    // The folder itself has no name of its own in it.
    if (item.name.length > 0) yield item;
  }
}
