import { OcipeekError } from "../../../js/index.js";
import type { Destination } from "../../../js/push/index.js";
import { options, READING } from "../../args.js";
import { argument, type Command } from "../../command.js";
import { EXIT, UsageError } from "../../exit.js";
import type { Session } from "../../session.js";
import { type Found, type SurveyedImage, survey, V1_INDEX } from "../../soci/survey.js";
import { LOOKED_AT, platformList, QUIET } from "./options.js";

async function run(session: Session): Promise<void> {
  const { args, signal } = session;
  const digests = args.positionals.slice(1);
  if (args.flag("all") === digests.length > 0) {
    throw new UsageError("name the digests of the indexes to remove, as soci list prints them, or --all");
  }
  const platforms = platformList(args);
  const reference = argument(session, 0);
  const { destination } = await session.destination(reference);
  const source = await session.source(reference);
  const { images } = await survey(source, { signal, platforms });
  const removed = choose(images, digests);
  const shown: { digest: string; platform: string; image: string; manifestKept: boolean }[] = [];
  for (const { image, index } of removed) {
    const manifestKept = !(await remove(destination, image.digest, index.digest, signal));
    shown.push({ digest: index.digest, platform: image.platform, image: image.digest, manifestKept });
  }
  const all = removed.map(({ index }) => index.digest);
  await session.print(shown, () => all.map((digest) => `removed ${digest}`), all);
  for (const { digest, manifestKept } of shown) {
    if (!manifestKept) continue;
    session.say(`${digest} is not listed any more, but its manifest stays: the registry allows no deletion`);
  }
  if (removed.length === 0) {
    session.say("the image has no SOCI index of version 1");
    session.exitCode = EXIT.notFound;
  }
}

/** Only what refers to this image, and is a SOCI index, is ever removed. */
function choose(images: readonly SurveyedImage[], digests: readonly string[]): Found[] {
  const all = images.flatMap((image) => image.indexes.map((index) => ({ image, index })));
  if (digests.length === 0) return all.filter(({ index }) => index.version === "v1");
  return digests.flatMap((digest) => {
    const found = all.filter(({ index }) => index.digest === digest);
    if (found.length === 0) {
      throw new OcipeekError("NOT_FOUND", `${digest} is no SOCI index of this image; see soci list`);
    }
    if (found.some(({ index }) => index.version === "v2")) {
      throw new OcipeekError(
        "UNSUPPORTED",
        `${digest} is of version 2, a part of the image; use the image it was converted from, or delete this one`,
      );
    }
    return found;
  });
}

/** Gives whether the manifest itself is gone too. */
async function remove(
  destination: Destination,
  subject: string,
  digest: string,
  signal: AbortSignal,
): Promise<boolean> {
  await destination.removeReferrer(subject, digest, { signal });
  try {
    await destination.deleteManifest(digest, { signal });
    return true;
  } catch (error) {
    if (!(error instanceof OcipeekError) || error.code !== "UNSUPPORTED") throw error;
    const still = await destination.referrers(subject, V1_INDEX, { signal });
    if (still.some((it) => it.digest === digest)) throw error;
    return false;
  }
}

export const rm: Command = {
  name: "soci rm",
  summary: "remove SOCI indexes of version 1 from an image",
  usage: "IMAGE DIGEST... | IMAGE --all",
  details: `Their manifests are deleted, and taken out of the image's list of referrers. zTOCs are left to the registry's garbage
collection. Indexes of version 2 are a part of the image and cannot be removed.`,
  options: {
    ...options("--all  remove all of the image's indexes of version 1"),
    ...LOOKED_AT,
    ...QUIET,
  },
  refuses: READING,
  arity: [1, Number.POSITIVE_INFINITY],
  run,
};
