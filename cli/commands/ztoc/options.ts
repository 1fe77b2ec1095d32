/** Sources of zTOCs and layers. @module */
import { readFile } from "node:fs/promises";
import { buffer } from "node:stream/consumers";
import { OcipeekError } from "../../../js/index.js";
import { type Options, options, READING } from "../../args.js";
import { UsageError, unreadable } from "../../exit.js";
import type { Session } from "../../session.js";
import { type Found, type SurveyedBlob, survey } from "../../soci/survey.js";

/** Options of all commands that only matter with `--image`, or never. */
export const NO_IMAGE = ["platform", "stats", "cache-dir", "no-cache", ...READING];

/** The image that a digest is looked up in. */
export const IMAGE: Options = options("--image IMAGE  ZTOC is a digest in one of this image's SOCI indexes");

const DIGEST = /^sha256:[0-9a-f]{64}$/;

/** A zTOC that an image's index lists. */
export interface ListedZtoc extends Found {
  blob: SurveyedBlob;
}

/** Finds a zTOC in the indexes of an image. */
export async function listed(session: Session, reference: string, digest: string): Promise<ListedZtoc> {
  if (!DIGEST.test(digest))
    throw new UsageError(`--image wants a digest, sha256:…, not ${JSON.stringify(digest)}`);
  const found = await survey(await session.source(reference), { signal: session.signal });
  for (const image of found.images) {
    for (const index of image.indexes) {
      const blob = index.ztocs.find((it) => it.digest === digest);
      if (blob && image.layers.some((layer) => layer.digest === blob.layer)) return { image, index, blob };
    }
  }
  const message = `no SOCI index of ${found.name} lists the zTOC ${digest}; see ocipeek ztoc list`;
  throw new OcipeekError("NOT_FOUND", message, { digest });
}

/** The bytes of the zTOC that the command line names: a file, `-`, or with `--image` a digest. */
export async function ztocBytes(session: Session, name: string): Promise<Uint8Array<ArrayBuffer>> {
  const reference = session.args.text("image");
  if (reference !== undefined) {
    const { blob } = await listed(session, reference, name);
    const source = await session.source(reference);
    return new Uint8Array(await source.blob(blob, { signal: session.signal }));
  }
  if (name === "-") return new Uint8Array(await buffer(process.stdin));
  return new Uint8Array(await readFile(name).catch(unreadable));
}
