/** Images on the user's disk: a tar or a folder, read by slices. @module */
import type { ImageSource } from "../../protocol/api.ts";
import type { CallContext } from "../../protocol/rpc.ts";
import { imagesIn as imagesOf, type LocalFolder } from "../library.ts";

/** A source that is no registry. */
export type LocalSource = Exclude<ImageSource, { kind: "registry" }>;

/** What the package opens. */
export function filesOf(source: LocalSource): Blob | LocalFolder {
  if (source.kind === "file") return source.file;
  const { name, files } = source;
  return {
    name,
    steady: true,
    size: (path) => files.get(path)?.size,
    read: async (path, start, end) => {
      const part = files.get(path)?.slice(start, end);
      return new Uint8Array(part ? await part.arrayBuffer() : []);
    },
  };
}

/** Tells sources apart, also those of one name: a file that was made anew is another one. */
export function localKey(source: LocalSource): unknown {
  if (source.kind === "file") {
    const { name, size, lastModified } = source.file;
    return [name, size, lastModified, source.tag];
  }
  const files = [...source.files].map(([path, { size, lastModified }]) => `${path} ${size} ${lastModified}`);
  return [source.name, files.sort(), source.tag];
}

/** The names of the images that a file or folder holds. */
export async function imagesIn({ signal, progress }: CallContext, source: ImageSource): Promise<string[]> {
  if (source.kind === "registry") return [];
  return imagesOf(filesOf(source), { signal, onProgress: progress });
}
