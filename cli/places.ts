/** Destinations of images. @module */
import { parseReference } from "../js/index.js";
import { LayoutDestination } from "../js/node/index.js";
import { type ConnectionOptions, type Destination, RegistryDestination } from "../js/push/index.js";
import { splitScheme } from "../js/registry/scheme.js";
import { ArchiveDestination } from "./archive-destination.js";
import { UsageError } from "./exit.js";

/** A place that can be written to. */
export interface Place {
  destination: Destination;
  /** The tag that was named with it. */
  tag?: string;
  /** The digest that was named with it. */
  digest?: string;
  /** As it was named. */
  text: string;
  /** Asks it for something, so that a registry that cannot be reached is known before all the work. */
  reach?(signal: AbortSignal): Promise<void>;
  /** Makes what was written appear, where that takes a step of its own. */
  finish?(): Promise<void>;
  /** Gives up what is only kept until {@link finish}. */
  discard?(): Promise<void>;
}

/** Options of {@link placeOf}. */
export interface PlaceOptions extends ConnectionOptions {
  /** Whether it may be an archive. That is made anew, so that nothing can be added to one. */
  archive?: boolean;
}

/** Reads `REGISTRY/REPOSITORY[:TAG]`, `oci:DIR[:TAG]` or, where that makes sense, `oci-archive:FILE[:TAG]`. */
export async function placeOf(text: string, options: PlaceOptions): Promise<Place> {
  const isSchemed = splitScheme(text).scheme !== undefined;
  const local = isSchemed ? null : /^(oci|oci-archive|docker-archive|https?):(.*)$/is.exec(text);
  if (!local) {
    const reference = await parseReference(text);
    const destination = new RegistryDestination(reference, options);
    return {
      ...place(text, destination, reference.tag, reference.digest),
      reach: async (signal) => {
        await destination.getManifest(reference.digest ?? reference.tag ?? "latest", { signal });
      },
    };
  }
  const [, transport, rest = ""] = local;
  if (transport !== "oci" && !(transport === "oci-archive" && options.archive)) {
    const places = options.archive ? ", oci:DIR[:TAG] or oci-archive:FILE[:TAG]" : " or oci:DIR[:TAG]";
    throw new UsageError(`${transport}: can only be read here; write to a repository${places}`);
  }
  // As skopeo splits it: at the first colon, a drive letter's apart.
  const [, path, tag, digest] =
    /^((?:[A-Za-z]:[\\/])?[^:]+?)(?::([^:@]+))?(?:@(sha256:[0-9a-f]{64}))?$/s.exec(rest) ?? [];
  if (!path) throw new UsageError(`no path in ${JSON.stringify(text)}`);
  if (transport === "oci") return place(text, new LayoutDestination(path), tag, digest);
  const archive = await ArchiveDestination.for(path);
  return {
    ...place(text, archive, tag, digest),
    finish: () => archive.finish(),
    discard: () => archive.discard(),
  };
}

function place(text: string, destination: Destination, tag?: string, digest?: string): Place {
  return { text, destination, ...(tag ? { tag } : {}), ...(digest ? { digest } : {}) };
}

/** Writes to a place; what was written appears when `write` is through. */
export async function writing<T>(place: Place, write: () => Promise<T>): Promise<T> {
  try {
    const result = await write();
    await place.finish?.();
    return result;
  } finally {
    await place.discard?.();
  }
}

/** The tag that an image gets at a place. A folder or file that is named without one is for one image. */
export function tagOf({ text, tag, digest }: Place): string {
  if (digest !== undefined)
    throw new UsageError(`${text} names a digest, which is not known before the image is made`);
  if (tag !== undefined) return tag;
  if (/^oci(?:-archive)?:/.test(text)) return "latest";
  throw new UsageError(`the image needs a tag at ${text}, e.g. ${text}:latest-soci`);
}
