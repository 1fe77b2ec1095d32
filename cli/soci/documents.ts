/** Manifests as they come out of a source: an attacker's, so that nothing is believed of their fields. @module */
import { defined } from "../../js/common/defined.js";
import { isObject, parsed, textOf } from "../../js/common/json.js";
import { OcipeekError } from "../../js/index.js";

/** A descriptor, as far as it is read here. */
export interface Entry {
  mediaType: string;
  digest: string;
  size: number;
  artifactType?: string;
  annotations: Record<string, string>;
  /** `os/arch[/variant]`. */
  platform?: string;
}

/** An image index or an image manifest. */
export interface Document {
  mediaType: string;
  artifactType?: string;
  /** An index's entries. */
  manifests?: Entry[];
  config?: Entry;
  layers: Entry[];
  subject?: Entry;
  annotations: Record<string, string>;
}

const DIGEST = /^sha256:[0-9a-f]{64}$/;

/** Whether a text is a digest: annotations may hold anything. */
export function isDigest(text: string): boolean {
  return DIGEST.test(text);
}

/**
 * Reads an index or a manifest.
 * @throws {@link OcipeekError} `CORRUPT_MANIFEST`
 */
export function parseDocument(bytes: Uint8Array, digest: string): Document {
  const json = parseJson(bytes, digest);
  const { mediaType, artifactType, manifests, config, layers, subject, annotations } = fieldsOf(json);
  if (!isObject(json) || (Array.isArray(manifests) ? config || layers : !config)) {
    throw corrupt(digest, "it is neither an image index nor an image manifest");
  }
  const list = entries(layers, digest);
  const named = Array.isArray(manifests)
    ? { manifests: entries(manifests, digest) }
    : { config: entry(config, digest) };
  const of = { artifactType: textOf(artifactType), subject: subject ? entry(subject, digest) : undefined };
  const own = { mediaType: textOf(mediaType) ?? "", layers: list, annotations: strings(annotations) };
  return { ...own, ...named, ...defined(of) };
}

/**
 * The platform that an image's config states.
 * @throws {@link OcipeekError} `CORRUPT_MANIFEST`
 */
export function platformOfConfig(bytes: Uint8Array, digest: string): string | undefined {
  return platformOf(parseJson(bytes, digest));
}

function entries(list: unknown, digest: string): Entry[] {
  if (list === undefined || list === null) return [];
  if (!Array.isArray(list)) throw corrupt(digest, "a list is none");
  return list.map((it) => entry(it, digest));
}

function entry(value: unknown, digest: string): Entry {
  const { mediaType, digest: named, size, annotations, artifactType, platform } = fieldsOf(value);
  const isSize = typeof size === "number" && Number.isSafeInteger(size) && size >= 0;
  if (typeof named !== "string" || !DIGEST.test(named) || !isSize) {
    throw corrupt(digest, "a descriptor in it has no digest or no size");
  }
  const own = { mediaType: textOf(mediaType) ?? "", digest: named, size, annotations: strings(annotations) };
  return { ...own, ...defined({ artifactType: textOf(artifactType), platform: platformOf(platform) }) };
}

function platformOf(value: unknown): string | undefined {
  const { os, architecture, variant } = fieldsOf(value);
  if (!textOf(os) || !textOf(architecture)) return undefined;
  return [os, architecture, textOf(variant)].filter(Boolean).join("/");
}

function parseJson(bytes: Uint8Array, digest: string): unknown {
  const value = parsed(bytes);
  if (value === undefined) throw corrupt(digest, "it is no JSON");
  return value;
}

/** Fields of an object; none of what is no object. */
function fieldsOf(value: unknown): Record<string, unknown> {
  return isObject(value) ? value : {};
}

function strings(value: unknown): Record<string, string> {
  const pairs = Object.entries(fieldsOf(value));
  return Object.fromEntries(pairs.filter((pair): pair is [string, string] => typeof pair[1] === "string"));
}

function corrupt(digest: string, why: string): OcipeekError {
  return new OcipeekError("CORRUPT_MANIFEST", `${digest}: ${why}`, { digest });
}
