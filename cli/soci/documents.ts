/** Manifests as they come out of a source: an attacker's, so that nothing is believed of their fields. @module */
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
  const json = object(parseJson(bytes, digest));
  const { mediaType, artifactType, manifests, config, layers, subject, annotations } = json ?? {};
  if (!json || (Array.isArray(manifests) ? config || layers : !config)) {
    throw corrupt(digest, "it is neither an image index nor an image manifest");
  }
  const document: Document = {
    mediaType: text(mediaType) ?? "",
    layers: entries(layers, digest),
    annotations: strings(annotations),
  };
  const type = text(artifactType);
  if (type) document.artifactType = type;
  if (Array.isArray(manifests)) document.manifests = entries(manifests, digest);
  else document.config = entry(config, digest);
  if (subject) document.subject = entry(subject, digest);
  return document;
}

/**
 * The platform that an image's config states.
 * @throws {@link OcipeekError} `CORRUPT_MANIFEST`
 */
export function platformOfConfig(bytes: Uint8Array, digest: string): string | undefined {
  return platform(parseJson(bytes, digest));
}

function entries(list: unknown, digest: string): Entry[] {
  if (list === undefined || list === null) return [];
  if (!Array.isArray(list)) throw corrupt(digest, "a list is none");
  return list.map((it) => entry(it, digest));
}

function entry(value: unknown, digest: string): Entry {
  const json = object(value);
  const named = text(json?.digest);
  const size = json?.size;
  if (!named || !DIGEST.test(named) || typeof size !== "number" || !Number.isSafeInteger(size) || size < 0) {
    throw corrupt(digest, "a descriptor in it has no digest or no size");
  }
  const found: Entry = {
    mediaType: text(json?.mediaType) ?? "",
    digest: named,
    size,
    annotations: strings(json?.annotations),
  };
  const type = text(json?.artifactType);
  if (type) found.artifactType = type;
  const of = platform(json?.platform);
  if (of) found.platform = of;
  return found;
}

function platform(value: unknown): string | undefined {
  const { os, architecture, variant } = object(value) ?? {};
  if (!text(os) || !text(architecture)) return undefined;
  return [os, architecture, text(variant)].filter(Boolean).join("/");
}

function parseJson(bytes: Uint8Array, digest: string): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw corrupt(digest, "it is no JSON");
  }
}

function object(value: unknown): Record<string, unknown> | undefined {
  const is = typeof value === "object" && value !== null && !Array.isArray(value);
  return is ? (value as Record<string, unknown>) : undefined;
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

function strings(value: unknown): Record<string, string> {
  const pairs = Object.entries(object(value) ?? {});
  return Object.fromEntries(pairs.filter((pair): pair is [string, string] => typeof pair[1] === "string"));
}

function corrupt(digest: string, why: string): OcipeekError {
  return new OcipeekError("CORRUPT_MANIFEST", `${digest}: ${why}`, { digest });
}
