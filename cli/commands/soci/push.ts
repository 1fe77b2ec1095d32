import { unless } from "../../../js/errors.js";
import { OcipeekError, type Source } from "../../../js/index.js";
import { options, READING } from "../../args.js";
import { argument, type Command } from "../../command.js";
import { UsageError } from "../../exit.js";
import { type Place, tagOf } from "../../places.js";
import type { Session } from "../../session.js";
import { makeAndWrite } from "../../soci/built.js";
import { v1Artifacts, v2Artifacts } from "../../soci/stored.js";
import { type Found, referringIndexes, type Survey, survey, V1_INDEX } from "../../soci/survey.js";
import { LOOKED_AT, platformList, QUIET } from "./options.js";

async function run(session: Session): Promise<void> {
  const { args, signal } = session;
  const existing = args.oneOf("existing-index", ["warn", "skip", "allow"]) ?? "warn";
  const parallel = args.number("max-concurrent-uploads") || undefined;
  const [from, to] = [argument(session, 0), argument(session, 1)];
  await session.aim(to);
  const source = await session.source(from);
  const converted = await ofVersion2(source, signal);
  if (converted && platformList(args)) {
    throw new UsageError("an image that holds its indexes is copied whole, without --platform");
  }
  const place = await session.destination(to, from, { archive: converted !== undefined });
  const make = async () => {
    if (converted) {
      return { source, artifacts: await v2Artifacts(source, converted, signal), tag: tagOf(place), parallel };
    }
    const found = await chosen(session, source, place, existing);
    return { source, artifacts: await v1Artifacts(source, found, signal), parallel };
  };
  await makeAndWrite(session, from, place, make, true);
}

/** The image, where it holds SOCI indexes. */
async function ofVersion2(source: Source, signal: AbortSignal): Promise<Survey | undefined> {
  // A folder that `soci create --to` made holds indexes, and no image.
  const found = await unless(survey(source, { signal, referrers: false }), "NOT_FOUND", "INVALID_ARGUMENT");
  return found?.images.some(({ indexes }) => indexes.length > 0) ? found : undefined;
}

/** The indexes that the source has of the image at the destination: the last listed of each platform. */
async function ofVersion1(session: Session, source: Source, place: Place): Promise<Found[]> {
  const { args, signal } = session;
  const platforms = platformList(args);
  const there = await survey(await session.source(place.text), { signal, referrers: false, platforms });
  const found: Found[] = [];
  for (const image of there.images) {
    const index = (await referringIndexes(source, image.digest, signal)).at(-1);
    if (index) found.push({ image, index });
  }
  if (found.length > 0) return found;
  throw new OcipeekError(
    "NOT_FOUND",
    `${source.name} has no SOCI index of ${there.name}; ocipeek soci create IMAGE makes one where the image is, and --to oci:DIR elsewhere`,
  );
}

/** The indexes to push: `existing` says what to do about images that have another one at the destination. */
async function chosen(session: Session, source: Source, place: Place, existing: string): Promise<Found[]> {
  const found = await ofVersion1(session, source, place);
  if (existing === "allow") return found;
  const left: Found[] = [];
  for (const each of found) {
    const { signal } = session;
    const there = await place.destination.referrers(each.image.digest, V1_INDEX, { signal });
    const other = there.find(({ digest }) => digest !== each.index.digest);
    const skips = other !== undefined && existing === "skip";
    if (other) {
      const what = `${each.image.platform} has the SOCI index ${other.digest} at the destination`;
      session.say(skips ? `${what}: left out` : `${what}; readers take the one that is listed first`);
    }
    if (!skips) left.push(each);
  }
  return left;
}

export const push: Command = {
  name: "soci push",
  summary: "copy SOCI indexes, or an image with its indexes, to a repository",
  usage: "SOURCE DESTINATION [OPTIONS]",
  details: `If SOURCE is an image that \`soci convert\` made, all of it is copied, and DESTINATION needs a tag. Otherwise DESTINATION is an
image, and the indexes of version 1 that SOURCE has for it are written beside it: those that \`soci create --to oci:DIR IMAGE\`
made, or those of the same image in another registry. Of several indexes the last listed is taken.`,
  options: {
    ...options(`
      --existing-index HOW        if the image has another index there: warn, skip or allow (default: warn)
      --max-concurrent-uploads N  blobs to write at a time (default: 3)
    `),
    ...LOOKED_AT,
    ...QUIET,
  },
  refuses: READING,
  arity: [2, 2],
  run,
};
