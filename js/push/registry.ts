/** A repository of a registry, to write to. @module */

import { pause } from "../pause.js";
import { type RegistryFetch, type RegistryFetchOptions, registryFetch } from "../registry/fetch.js";
import { parseReference } from "../registry/reference.js";
import { schemeOptions } from "../registry/scheme.js";
import type {
  Blob,
  BlobOutcome,
  Descriptor,
  Destination,
  DestinationOptions,
  Manifest,
} from "../types/content.js";
import type { Reference, RegistryAnswer } from "../types/index.js";
import { manifestOf } from "./content.js";
import {
  DOCKER_LIST,
  DOCKER_MANIFEST,
  MAX_MANIFEST,
  OCI_INDEX,
  OCI_MANIFEST,
  parseIndex,
} from "./descriptor.js";
import { fallbackTag, parseReferrer, withReferrer } from "./referrer.js";
import { ask, errorOf, tell } from "./requests.js";
import { type UploadOptions, upload } from "./upload.js";

const ACCEPT = [OCI_INDEX, OCI_MANIFEST, DOCKER_LIST, DOCKER_MANIFEST].join(", ");
/**
 * Milliseconds between a change of the fallback tag and the look whether it is still there: more than another client
 * takes from its read to its write.
 */
const SETTLE_MS = 250;
/** Tries to change the fallback tag while others change it too. */
const MAX_RACES = 10;
const MAX_REFERRERS = 1000;
/** Pages of a list of referrers, which may be empty, that are asked for. */
const MAX_PAGES = 100;
/** Statuses by which registries from before the API of referrers answer to it; the crate has the same. */
const NO_REFERRERS_API = [204, 400, 404, 405, 406, 410, 415, 422, 501];

/**
 * Opens a repository for writing. `http://` or `https://` before it says how its registry is reached.
 * @example
 * ```js
 * import "ocipeek"; // which knows where the wasm module is
 * import { blobOf, registryDestination } from "ocipeek/push";
 *
 * const destination = await registryDestination("ghcr.io/owner/new");
 * const blob = await blobOf(new TextEncoder().encode("hello"));
 * console.log(await destination.putBlob(blob)); // uploaded
 * ```
 *
 * @throws {@link OcipeekError} `INVALID_REFERENCE`
 */
export async function registryDestination(
  repository: string,
  options: ConnectionOptions = {},
): Promise<RegistryDestination> {
  const [, scheme, name = repository] = /^(https?):\/\/(.*)$/is.exec(repository) ?? [];
  const forced = schemeOptions(scheme?.toLowerCase() as "http" | "https" | undefined);
  return new RegistryDestination(await parseReference(name), { ...options, ...forced });
}

/** Options of a {@link RegistryDestination}. */
export interface ConnectionOptions
  extends Pick<
    RegistryFetchOptions,
    "auth" | "fetch" | "plainHttp" | "httpsOnly" | "tokenHosts" | "mountFrom"
  > {
  /** Tries of a request that fails on the way or with a status that may pass; 5 by default. */
  maxAttempts?: number | undefined;
  /** Seconds that the registry may ask to wait, at most; 60 by default. */
  maxRetryAfter?: number | undefined;
  /** Milliseconds for which nothing may come or go while it is waited for; 30,000 by default, 0 waits for ever. */
  maxIdleMs?: number | undefined;
}

/**
 * A repository of a registry.
 *
 * @example
 * ```js
 * import { parseReference } from "ocipeek";
 * import { RegistryDestination } from "ocipeek/push";
 *
 * const destination = new RegistryDestination(await parseReference("ghcr.io/owner/app:1"));
 * const manifest = await destination.getManifest("1");
 * console.log(manifest.mediaType); // application/vnd.oci.image.index.v1+json
 * ```
 */
export class RegistryDestination implements Destination {
  readonly #registry: RegistryFetch;

  constructor({ registry, repository, scheme }: Reference, options: ConnectionOptions = {}) {
    const { maxAttempts = 5, maxRetryAfter = 60, maxIdleMs, ...others } = options;
    const limits = { maxAttempts, maxRetryAfter, ...(maxIdleMs === undefined ? {} : { maxIdleMs }) };
    const forced = schemeOptions(scheme);
    this.#registry = registryFetch(`${registry}/${repository}`, { ...others, ...forced, limits, push: true });
  }

  get name(): string {
    return this.#registry.repository;
  }

  putBlob(blob: Blob, options: UploadOptions = {}): Promise<BlobOutcome> {
    return upload(this.#registry, blob, options);
  }

  async getManifest(reference: string, { signal }: DestinationOptions = {}): Promise<Manifest | undefined> {
    const answer = await ask(this.#registry, {
      method: "GET",
      target: `manifests/${reference}`,
      headers: { accept: ACCEPT },
      expect: [200, 404],
      signal,
      what: `the manifest ${reference}`,
    });
    if (answer.status === 404) {
      await answer.body?.cancel();
      return undefined;
    }
    const bytes = await this.#manifestBytes(answer, reference);
    const found = await manifestOf(bytes, mediaTypeOf(answer));
    if (reference.startsWith("sha256:") && found.digest !== reference) {
      const why = `the manifest has the digest ${found.digest}`;
      throw errorOf(this.#registry, "DIGEST_MISMATCH", why, { digest: reference });
    }
    return found;
  }

  async putManifest(
    manifest: Manifest,
    { tag, signal }: DestinationOptions & { tag?: string | undefined } = {},
  ): Promise<void> {
    await this.#put(manifest, tag, signal);
  }

  async putReferrer(manifest: Manifest, { signal }: DestinationOptions = {}): Promise<void> {
    const { digest } = manifest;
    const fail = (why: string) => errorOf(this.#registry, "INVALID_ARGUMENT", why, { digest });
    const { subject, referrer } = parseReferrer(manifest, fail);
    const answer = await this.#put(manifest, undefined, signal);
    // The specification: a registry with the API of referrers says so here.
    if (answer.headers.get("oci-subject") === subject) return;
    await this.#changeFallback(subject, (list) => withReferrer(list, referrer), signal);
  }

  async referrers(
    digest: string,
    artifactType?: string,
    { signal }: DestinationOptions = {},
  ): Promise<Descriptor[]> {
    const wanted = (all: Descriptor[]): Descriptor[] =>
      all.filter((it) => artifactType === undefined || it.artifactType === artifactType);
    const found: Descriptor[] = [];
    let target: string | undefined = `referrers/${digest}`;
    let pages = 0;
    while (target !== undefined) {
      const answer: RegistryAnswer = await ask(this.#registry, {
        method: "GET",
        target,
        headers: { accept: OCI_INDEX },
        expect: [200, ...NO_REFERRERS_API],
        signal,
        what: `the referrers of ${digest}`,
      });
      if (answer.status !== 200) {
        await answer.body?.cancel();
        const fallback = await this.getManifest(fallbackTag(digest), { signal });
        return fallback ? wanted(parseIndex(fallback.bytes, fallbackTag(digest)).manifests) : [];
      }
      found.push(...parseIndex(await this.#manifestBytes(answer, target), target).manifests);
      const more: boolean = found.length < MAX_REFERRERS && ++pages < MAX_PAGES;
      target = more ? answer.next : undefined;
    }
    return wanted(found);
  }

  async deleteManifest(digest: string, { signal }: DestinationOptions = {}): Promise<void> {
    await tell(this.#registry, {
      method: "DELETE",
      target: `manifests/${digest}`,
      expect: [202, 204, 404],
      signal,
      what: `the deletion of ${digest}`,
    });
  }

  async removeReferrer(subject: string, digest: string, options: DestinationOptions = {}): Promise<void> {
    await this.#changeFallback(subject, (list) => list.filter((it) => it.digest !== digest), options.signal);
  }

  async #put(
    { bytes, mediaType, digest }: Manifest,
    tag: string | undefined,
    signal: AbortSignal | undefined,
  ): Promise<RegistryAnswer> {
    const answer = await tell(this.#registry, {
      method: "PUT",
      target: `manifests/${tag ?? digest}`,
      headers: { "content-type": mediaType },
      body: bytes,
      expect: [201, 202],
      signal,
      what: `the manifest ${tag ?? digest}`,
    });
    const said = answer.headers.get("docker-content-digest");
    if (said !== null && said !== digest) {
      const why = `the registry stored a manifest as ${said}`;
      throw errorOf(this.#registry, "DIGEST_MISMATCH", why, { digest });
    }
    return answer;
  }

  /**
   * Changes the fallback tag's list. Registries know no conditional writes: it is read again behind the write, and
   * where another client's write took ours away, ours is made anew on top of theirs.
   */
  async #changeFallback(
    subject: string,
    change: (list: Descriptor[]) => Descriptor[],
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const tag = fallbackTag(subject);
    for (let race = 0; race < MAX_RACES; race++) {
      const before = await this.getManifest(tag, { signal });
      const index = before ? parseIndex(before.bytes, tag) : { schemaVersion: 2 as const, manifests: [] };
      const changed = change(index.manifests);
      if (changed === index.manifests || same(changed, index.manifests)) return;
      const next = { ...index, schemaVersion: 2, mediaType: OCI_INDEX, manifests: changed };
      const bytes = new TextEncoder().encode(JSON.stringify(next));
      if (bytes.length > MAX_MANIFEST) {
        throw errorOf(this.#registry, "LIMIT_EXCEEDED", `the list of referrers ${tag} is full`);
      }
      await this.#put(await manifestOf(bytes, OCI_INDEX), tag, signal);
      await pause(SETTLE_MS * (1 + Math.random()), signal);
    }
    throw errorOf(this.#registry, "NETWORK", `others keep changing ${tag}; try again`);
  }

  /** The bytes of a manifest or a list; of what is too large for one no more than that. */
  async #manifestBytes(answer: RegistryAnswer, name: string): Promise<Uint8Array<ArrayBuffer>> {
    const pieces: Uint8Array<ArrayBuffer>[] = [];
    let size = 0;
    const reader = answer.body?.getReader();
    for (;;) {
      const { done, value } = (await reader?.read().catch((cause: unknown) => {
        throw errorOf(this.#registry, "NETWORK", `${name} broke off`, { cause });
      })) ?? { done: true };
      if (done) break;
      size += value.length;
      if (size > MAX_MANIFEST) {
        await reader?.cancel().catch(() => {});
        throw errorOf(this.#registry, "LIMIT_EXCEEDED", `${name} has more than ${MAX_MANIFEST} bytes`);
      }
      pieces.push(value);
    }
    return new Uint8Array(await new Blob(pieces).arrayBuffer());
  }
}

function same(a: Descriptor[], b: Descriptor[]): boolean {
  return a.length === b.length && a.every((it, i) => it.digest === b[i]?.digest);
}

function mediaTypeOf(answer: RegistryAnswer): string {
  return (answer.headers.get("content-type") ?? OCI_MANIFEST).split(";")[0]?.trim() ?? OCI_MANIFEST;
}
