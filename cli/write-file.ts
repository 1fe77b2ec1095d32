import { randomBytes } from "node:crypto";
import { type FileHandle, open, realpath, rename, rm, stat } from "node:fs/promises";

/**
 * Writes a file beside its place, then renames it: what is there stays until all is written, and stays where that fails.
 * A link stays one. What is no file, a pipe or a device, is written to as it is.
 */
export async function writeFileAtomically(path: string, pieces: AsyncIterable<Uint8Array>): Promise<void> {
  const there = await stat(path).catch(() => undefined);
  if (there && !there.isFile() && !there.isDirectory()) return writeAll(await open(path, "w"), pieces);
  const place = there ? await realpath(path) : path;
  const part = `${place}.${randomBytes(6).toString("hex")}.part`;
  try {
    const file = await open(part, "wx", 0o666);
    await writeAll(file, pieces, () => file.sync());
    await rename(part, place);
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
}

async function writeAll(
  file: FileHandle,
  pieces: AsyncIterable<Uint8Array>,
  end?: () => Promise<void>,
): Promise<void> {
  try {
    for await (const piece of pieces) await file.writeFile(piece);
    await end?.();
  } finally {
    await file.close();
  }
}
