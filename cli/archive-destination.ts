/** An OCI image layout as one tar, to write to. @module */
import { createReadStream } from "node:fs";
import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import type { Stats } from "../js/index.js";
import { LayoutDestination } from "../js/node/index.js";
import { type TarItem, tar } from "../js/tar/index.js";
import { UsageError } from "./exit.js";
import { writeFileAtomically } from "./write-file.js";

/** Makes the archive of what was written to a folder beside it. */
export class ArchiveDestination extends LayoutDestination {
  readonly #folder: string;
  readonly #file: string;

  /** For `file`, which is replaced by {@link finish}. */
  static async for(file: string): Promise<ArchiveDestination> {
    // Beside it: there is room for all of it anyway.
    const parent = dirname(resolve(file));
    const folder = await mkdtemp(join(parent, ".ocipeek-")).catch((error: NodeJS.ErrnoException) => {
      throw error.code === "ENOENT" ? new UsageError(`there is no folder ${parent}`) : error;
    });
    return new ArchiveDestination(folder, file);
  }

  private constructor(folder: string, file: string) {
    super(folder);
    this.#folder = folder;
    this.#file = file;
  }

  override get name(): string {
    return this.#file;
  }

  /** Writes the archive. */
  async finish(): Promise<void> {
    await writeFileAtomically(this.#file, tar(itemsOf(this.#folder)));
  }

  /** Removes the folder. */
  async discard(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }
}

async function* itemsOf(folder: string): AsyncGenerator<TarItem> {
  const blobs = (await readdir(join(folder, "blobs", "sha256"))).sort();
  for (const path of ["oci-layout", "index.json", ...blobs.map((name) => `blobs/sha256/${name}`)]) {
    const file = join(folder, path);
    const { size } = await stat(file);
    yield { name: Buffer.from(path), stats: plainFile(path, size), content: createReadStream(file) };
  }
}

/** The attributes of a file that is no one's, of the beginning of time: the same image gives the same archive. */
function plainFile(path: string, size: number): Stats {
  const owner = { uid: 0, gid: 0, uname: "", gname: "" };
  const none = { devMajor: 0, devMinor: 0, linknameBytes: undefined, xattrsBytes: [] };
  return { path, type: "file", size, mode: 0o644, mtimeNs: 0n, ...owner, ...none } as unknown as Stats;
}
