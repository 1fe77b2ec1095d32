/**
 * Opens an image again and again, reads a file of it each time, and closes nothing.
 * @param {(source: string, options: object) => Promise<any>} open
 * @param {{ reference: string, path: string, size: number, opens: number, apart: boolean }} what `apart`: no two images
 *   share what is known of them.
 */
export async function openMany(open, { reference, path, size, opens, apart }) {
  for (let i = 0; i < opens; i++) {
    const limits = apart ? { maxIdleMs: 30_000 + i } : {};
    const image = await open(reference, { platform: "linux/amd64", limits });
    const bytes = await image.readFile(path);
    if (bytes.length !== size) throw new Error(`${bytes.length} bytes in place of ${size}`);
  }
  return opens;
}
