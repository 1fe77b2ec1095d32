/** An OCI image layout in a folder, to write to. @module */
import { createHash, randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { lstat, mkdir, open as openFile, realpath, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { OcipeekError } from "../errors.js";
import { manifestOf } from "../push/content.js";
import { type Index, OCI_INDEX, parseIndex, parseJson } from "../push/descriptor.js";
import { fallbackTag, parseReferrer, withReferrer } from "../push/referrer.js";
import type {
  Blob,
  BlobOutcome,
  Descriptor,
  Destination,
  DestinationOptions,
  Manifest,
} from "../types/content.js";

/** The annotation that a tag is in `index.json` (OCI image layout). */
const REF_NAME = "org.opencontainers.image.ref.name";
const PIECE = 4 << 20;
const DIGEST = /^sha256:([0-9a-f]{64})$/;

const LINK = "is a symbolic link, which may lead elsewhere";

/** 0 on Windows, which has no such. */
const NO_FOLLOW = constants.O_NOFOLLOW ?? 0;

/**
 * An OCI image layout, which somebody else may have made: links in it are not followed, so that nothing is read, written
 * or deleted elsewhere. (Node has no `openat`: against another process that swaps folders meanwhile this is no protection.)
 *
 * Each file is written beside its place and then renamed, blobs before what names them: a reader
 * sees the old image or the new one. Of two writers at the same time the later one's `index.json` stays.
 *
 * @example
 * ```js
 * import { openSource } from "ocipeek";
 * import { convertImage, pushArtifacts } from "ocipeek/build";
 * import { LayoutDestination } from "ocipeek/node";
 *
 * const source = await openSource("oci:./layout:latest");
 * const image = await convertImage(source, undefined, { minLayerSize: 0 });
 * await pushArtifacts(source, image, new LayoutDestination("./converted"), { tag: "latest" });
 * await image.close();
 * ```
 */
export class LayoutDestination implements Destination {
  readonly #folder: string;
  /** Changes of `index.json` wait for each other. */
  #turn: Promise<unknown> = Promise.resolve();
  /** So do changes of lists of referrers, which change it too. */
  #listTurn: Promise<unknown> = Promise.resolve();

  /** Over a folder; it is made when it is needed. */
  constructor(folder: string) {
    this.#folder = folder;
  }

  get name(): string {
    return this.#folder;
  }

  async putBlob(
    blob: Blob,
    { signal, onBytes }: DestinationOptions & { onBytes?: (bytes: number) => void } = {},
  ): Promise<BlobOutcome> {
    const place = await this.#blobFile(blob.digest);
    const there = await lstat(place).catch(() => undefined);
    if (there?.isFile() && there.size === blob.size) return "present";
    await this.#write(place, checkedPieces(blob, signal, onBytes));
    return "uploaded";
  }

  async getManifest(reference: string): Promise<Manifest | undefined> {
    const known = DIGEST.test(reference) ? undefined : await this.#tagged(reference);
    const digest = known?.digest ?? (DIGEST.test(reference) ? reference : undefined);
    if (digest === undefined) return undefined;
    const bytes = await read(await this.#blobFile(digest));
    if (!bytes) return undefined;
    const said = known?.mediaType ?? parseJson(bytes, digest).mediaType;
    const manifest = await manifestOf(new Uint8Array(bytes), String(said ?? OCI_INDEX));
    if (manifest.digest !== digest) throw mismatch(digest, manifest.digest);
    return manifest;
  }

  async putManifest(
    manifest: Manifest,
    { tag }: DestinationOptions & { tag?: string | undefined } = {},
  ): Promise<void> {
    await this.#putBytes(manifest);
    const { mediaType, digest, bytes } = manifest;
    const entry: Descriptor = { mediaType, digest, size: bytes.length };
    if (tag !== undefined) await this.#setTag(tag, { ...entry, annotations: { [REF_NAME]: tag } });
  }

  async putReferrer(manifest: Manifest): Promise<void> {
    const { digest } = manifest;
    const fail = (why: string) => new OcipeekError("INVALID_ARGUMENT", why, { digest });
    const { subject, referrer } = parseReferrer(manifest, fail);
    await this.#putBytes(manifest);
    await this.#changeFallback(subject, (list) => withReferrer(list, referrer));
  }

  async referrers(digest: string, artifactType?: string): Promise<Descriptor[]> {
    const { manifests } = await this.#fallback(digest);
    return manifests.filter((it) => artifactType === undefined || it.artifactType === artifactType);
  }

  async deleteManifest(digest: string): Promise<void> {
    await rm(await this.#blobFile(digest), { force: true });
    await this.#changeIndex((manifests) => manifests.filter((it) => it.digest !== digest));
  }

  async removeReferrer(subject: string, digest: string): Promise<void> {
    await this.#changeFallback(subject, (list) => list.filter((it) => it.digest !== digest));
  }

  async #fallback(subject: string): Promise<Index> {
    const tag = fallbackTag(subject);
    const manifest = await this.getManifest(tag);
    return manifest ? parseIndex(manifest.bytes, tag) : { schemaVersion: 2, manifests: [] };
  }

  #changeFallback(subject: string, change: (list: Descriptor[]) => Descriptor[]): Promise<void> {
    const turn = this.#listTurn.then(async () => {
      const before = await this.#fallback(subject);
      const manifests = change(before.manifests);
      if (manifests.length === before.manifests.length) return;
      const text = JSON.stringify({ ...before, schemaVersion: 2, mediaType: OCI_INDEX, manifests });
      const list = await manifestOf(new TextEncoder().encode(text), OCI_INDEX);
      await this.putManifest(list, { tag: fallbackTag(subject) });
    });
    this.#listTurn = turn.catch(() => {});
    return turn;
  }

  async #tagged(tag: string): Promise<Descriptor | undefined> {
    const { manifests } = await this.#index();
    return manifests.find((it) => it.annotations?.[REF_NAME] === tag);
  }

  #setTag(tag: string, entry: Descriptor): Promise<void> {
    return this.#changeIndex((manifests) => {
      const at = manifests.findIndex((it) => it.annotations?.[REF_NAME] === tag);
      return at < 0 ? [...manifests, entry] : manifests.with(at, entry);
    });
  }

  async #index(): Promise<Index> {
    const bytes = await read(join(this.#folder, "index.json"));
    return bytes
      ? parseIndex(bytes, "index.json")
      : { schemaVersion: 2, mediaType: OCI_INDEX, manifests: [] };
  }

  #changeIndex(change: (manifests: Descriptor[]) => Descriptor[]): Promise<void> {
    const turn = this.#turn.then(async () => {
      await this.#writeText("oci-layout", '{"imageLayoutVersion":"1.0.0"}');
      const index = await this.#index();
      await this.#writeText("index.json", JSON.stringify({ ...index, manifests: change(index.manifests) }));
    });
    this.#turn = turn.catch(() => {});
    return turn;
  }

  async #putBytes({ digest, bytes }: Manifest): Promise<void> {
    await this.#write(await this.#blobFile(digest), [bytes]);
  }

  async #writeText(name: string, text: string): Promise<void> {
    await this.#write(join(this.#folder, name), [new TextEncoder().encode(text)]);
  }

  async #write(place: string, pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<void> {
    await mkdir(this.#folder, { recursive: true });
    const folder = await this.#checked(true);
    const beside = `${place}.${randomBytes(8).toString("hex")}.tmp`;
    try {
      const file = await openFile(beside, "wx");
      try {
        for await (const piece of pieces) await file.writeFile(piece);
        await file.sync();
      } finally {
        await file.close();
      }
      // As it was when the file was begun.
      if ((await this.#checked(true)) !== folder) throw unsafe(this.#folder, "was swapped meanwhile");
      // Replaces a link, and does not follow it.
      await rename(beside, place);
    } catch (error) {
      await rm(beside, { force: true });
      throw error;
    }
  }

  /** Where a blob is, or would be: not where a link leads. */
  async #blobFile(digest: string): Promise<string> {
    const hex = DIGEST.exec(digest)?.[1];
    if (!hex) throw new OcipeekError("INVALID_ARGUMENT", `${digest} is no sha256 digest`);
    await this.#checked(false);
    return join(this.#folder, "blobs", "sha256", hex);
  }

  /**
   * Which folders the layout's are; throws where one is a link, or something else. With `make`, they are made where they
   * are not there.
   */
  async #checked(make: boolean): Promise<string> {
    const found: string[] = [];
    // The layout's own path is the caller's.
    const root = await realpath(this.#folder).catch(missing);
    for (const names of [[], ["blobs"], ["blobs", "sha256"]]) {
      const path = join(root ?? this.#folder, ...names);
      if (make) {
        await mkdir(path).catch(existing);
      }
      const stats = await lstat(path).catch(missing);
      if (!stats) continue;
      if (!stats.isDirectory()) {
        throw unsafe(path, stats.isSymbolicLink() ? LINK : "is no folder");
      }
      found.push(`${stats.dev}:${stats.ino}`);
    }
    return found.join(" ");
  }
}

/** A blob in pieces, of which `onBytes` is told once each is taken. */
async function* checkedPieces(blob: Blob, signal?: AbortSignal, onBytes?: (bytes: number) => void) {
  const hash = createHash("sha256");
  for (let at = 0; at < blob.size; at += PIECE) {
    const piece = await blob.read(at, Math.min(at + PIECE, blob.size), signal);
    hash.update(piece);
    yield piece;
    onBytes?.(piece.length);
  }
  const digest = `sha256:${hash.digest("hex")}`;
  if (digest !== blob.digest) throw mismatch(blob.digest, digest);
}

/** A file's bytes; nothing where there is none. A link is not followed: what it leads to is not the layout's. */
async function read(path: string): Promise<Uint8Array | undefined> {
  try {
    const file = await openFile(path, constants.O_RDONLY | NO_FOLLOW);
    try {
      return await file.readFile();
    } finally {
      await file.close();
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ELOOP") throw unsafe(path, LINK);
    return missing(error as NodeJS.ErrnoException);
  }
}

function unsafe(path: string, why: string): OcipeekError {
  return new OcipeekError(
    "INVALID_ARGUMENT",
    `${path} ${why}: nothing is written into such a layout; put a folder of its own there`,
  );
}

function missing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== "ENOENT") throw error;
}

function existing(error: NodeJS.ErrnoException): void {
  if (error.code !== "EEXIST") throw error;
}

function mismatch(digest: string, actual: string): OcipeekError {
  const message = `content of ${digest} has the digest ${actual}`;
  return new OcipeekError("DIGEST_MISMATCH", message, { digest });
}
