/** Options that several commands about SOCI share; named as AWS's `soci` names them. @module */
import { readFile } from "node:fs/promises";
import type { IndexOptions } from "../../../js/build/entry/node.js";
import { type Args, type Options, options } from "../../args.js";
import { argument } from "../../command.js";
import { UsageError } from "../../exit.js";
import type { Session } from "../../session.js";
import { byteCount } from "../../soci/bytes.js";
import { type SurveyedImage, survey } from "../../soci/survey.js";

/** Which of an image's platforms to index. */
export const PLATFORMS: Options = options(`
  -p, --platform OS/ARCH...  take this platform; may be given several times (default: linux on this machine's architecture)
  --all-platforms            take all platforms of the image
`);

/** Which of an image's platforms to look at. */
export const LOOKED_AT: Options = options(`
  -p, --platform OS/ARCH...  take this platform; may be given several times (default: all)
  --all-platforms            take all platforms of the image; this is the default
`);

/** How zTOCs are built. */
export const ZTOC: Options = options(`
  --span-size N    bytes of a span, the least that a read fetches: 4194304, 4MiB (default: 4 MiB)
  --build-tool ID  state this builder (default: "AWS SOCI CLI v0.2", for the digests of AWS's soci)
`);

/** How indexes are built. */
export const BUILD: Options = {
  ...options("--min-layer-size N  layers smaller than this get no zTOC (default: 10 MiB)"),
  ...ZTOC,
  ...options(`
    --optimizations NAME...     xattr: mark layers without extended attributes, so that mounts do not look for any
    --prefetch-file PATH...     a file of the image to fetch first; may be given several times
    --prefetch-files-json FILE  a JSON array of such paths
    -f, --force                 build every zTOC, even if the image or the cache folder has one already
  `),
};

/** Verbosity of commands that make something. */
export const QUIET: Options = options("-q, --quiet  print digests only, and no progress");
/** Verbosity of commands that answer a question. */
export const SILENT: Options = options("-q, --quiet  print nothing; the exit code is the answer");

/** The platforms that the options choose; nothing where they choose none. */
export function platformsOf(args: Args): string[] | "all" | undefined {
  const named = args.texts("platform").flatMap((text) => text.split(",").filter(Boolean));
  if (named.length > 0) args.exclusive("platform", "all-platforms");
  if (args.flag("all-platforms")) return "all";
  return named.length > 0 ? named : undefined;
}

/** Platforms that the options of {@link LOOKED_AT} choose; nothing for all. */
export function platformList(args: Args): string[] | undefined {
  const platforms = platformsOf(args);
  return platforms === "all" ? undefined : platforms;
}

/** The images that the command line names, whether or not it can be found out what is attached to them. */
export async function lookAt(session: Session): Promise<SurveyedImage[]> {
  const { args, signal } = session;
  const platforms = platformList(args);
  const source = await session.source(argument(session, 0));
  const { images } = await survey(source, { signal, referrers: "try", platforms });
  for (const { unlisted } of images) {
    if (unlisted) session.say(`what is attached to the image could not be found out: ${unlisted}`);
  }
  return images;
}

/** Settings of a build, from the options of {@link BUILD} and {@link PLATFORMS}. */
export async function buildOptions(args: Args): Promise<IndexOptions> {
  return {
    platforms: platformsOf(args),
    minLayerSize: byteCount("--min-layer-size", args.text("min-layer-size")),
    ...ztocOptions(args),
    optimizeXattrs: optimizations(args),
    prefetchFiles: await prefetchFiles(args),
    force: args.flag("force"),
    limits: args.limits(),
  };
}

/** Cache, signal and progress of a build. */
export async function buildContext(
  session: Session,
): Promise<Pick<IndexOptions, "cache" | "signal" | "onProgress">> {
  return { cache: await session.cache(), signal: session.signal, onProgress: session.buildProgress() };
}

/** Settings of a zTOC, from the options of {@link ZTOC}. */
export function ztocOptions(args: Args): Pick<IndexOptions, "spanSize" | "buildTool"> {
  const spanSize = byteCount("--span-size", args.text("span-size"));
  if (spanSize === 0) throw new UsageError("--span-size must be 1 at least");
  return { spanSize, buildTool: args.text("build-tool") };
}

function optimizations(args: Args): boolean {
  const names = args.texts("optimizations").flatMap((text) => text.split(","));
  const other = names.find((name) => name !== "xattr");
  if (other !== undefined) throw new UsageError(`--optimizations knows xattr, not ${JSON.stringify(other)}`);
  return names.length > 0;
}

async function prefetchFiles(args: Args): Promise<string[]> {
  const named = args.texts("prefetch-file");
  const file = args.text("prefetch-files-json");
  const listed = file === undefined ? [] : await listOf(file);
  return [...named, ...listed].map((path) => path.trim()).filter((path) => path !== "");
}

async function listOf(file: string): Promise<string[]> {
  const text = await readFile(file, "utf8").catch((error: Error) => {
    throw new UsageError(`--prefetch-files-json: ${error.message}`);
  });
  const wrong = new UsageError(`--prefetch-files-json: ${file} is not a JSON array of strings`);
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch {
    throw wrong;
  }
  if (!Array.isArray(list) || !list.every((it): it is string => typeof it === "string")) throw wrong;
  return list;
}
