/** The ways to show a file, by its name and first bytes. @module */
import { type Encoding, encodingOf } from "./encoding.ts";
import { languageOf } from "./language.ts";

/** A way to show a file. `about`: its facts. */
export type Presentation = "text" | "json" | "document" | "picture" | "page" | "hex" | "about";

/** How a file can be shown. */
export interface Presentations {
  /** The first is the one to begin with. */
  list: Presentation[];
  encoding: Encoding | undefined;
  /** The highlighter's language, where it is a text. */
  language: string | undefined;
  /** The media type of a picture that browsers draw. */
  picture: string | undefined;
  /** Whether its content has facts to tell, beside being text. */
  hasFacts: boolean;
}

/** Larger JSON is shown as text alone. */
const MAX_JSON = 4_000_000;
/** Larger documents are. */
const MAX_DOCUMENT = 1_000_000;

/** How to show a file. `first`: its first bytes, all of a small one. */
export function presentationsOf(name: string, size: number, first: Uint8Array): Presentations {
  const none = { encoding: undefined, language: undefined, picture: undefined };
  if (size === 0) return { ...none, list: ["about"], hasFacts: false };
  const picture = pictureType(first);
  if (picture) return { ...none, list: ["picture", "about", "hex"], picture, hasFacts: true };
  const encoding = encodingOf(first, first.length >= size);
  if (!encoding) {
    const hasFacts = isKnown(first, name);
    return { ...none, list: hasFacts ? ["about", "hex"] : ["hex", "about"], hasFacts };
  }
  const text = new TextDecoder(encoding.label).decode(first.subarray(encoding.mark, 4096));
  const language = languageOf(name, text);
  const common = { encoding, language, picture: undefined, hasFacts: false };
  if (/<svg[\s>]/i.test(text) && /\.svg$/i.test(name)) {
    return { ...common, list: ["picture", "text", "hex", "about"], picture: "image/svg+xml" };
  }
  if (language === "json" && size <= MAX_JSON) return { ...common, list: ["json", "text", "hex", "about"] };
  if (language === "markdown" && size <= MAX_DOCUMENT) {
    return { ...common, list: ["document", "text", "hex", "about"] };
  }
  if (/\.x?html?$/i.test(name) && size <= MAX_DOCUMENT) {
    return { ...common, list: ["text", "page", "hex", "about"] };
  }
  if (/^\s*-----BEGIN [A-Z0-9 ]+-----/m.test(text)) {
    return { ...common, list: ["about", "text", "hex"], hasFacts: true };
  }
  return { ...common, list: ["text", "hex", "about"] };
}

/** Signatures of pictures that browsers draw, each character a byte. */
const PICTURES: [magic: string, at: number, type: string][] = [
  ["\x89PNG\r\n\x1a\n", 0, "image/png"],
  ["\xff\xd8\xff", 0, "image/jpeg"],
  ["GIF87a", 0, "image/gif"],
  ["GIF89a", 0, "image/gif"],
  ["WEBP", 8, "image/webp"],
  ["ftypavif", 4, "image/avif"],
  ["ftypavis", 4, "image/avif"],
];

function pictureType(bytes: Uint8Array): string | undefined {
  return PICTURES.find(([magic, at]) => has(bytes, magic, at))?.[2];
}

/** Signatures of what the engine tells facts of that are worth more than the bytes. */
const KNOWN = [
  "\x7fELF",
  "SQLite format 3\0",
  "PK\x03\x04",
  "\x1f\x8b",
  "!<arch>\n",
  "\0asm",
  "\xca\xfe\xba\xbe",
  "MZ",
];

function isKnown(bytes: Uint8Array, name: string): boolean {
  const isCertificate = bytes[0] === 0x30 && /\.(der|cer|crt|cert)$/i.test(name);
  const isPython = /\.py[co]$/i.test(name) && has(bytes, "\r\n", 2);
  return isCertificate || isPython || has(bytes, "TZif", 0) || KNOWN.some((magic) => has(bytes, magic, 0));
}

function has(bytes: Uint8Array, magic: string, at: number): boolean {
  for (let i = 0; i < magic.length; i++) if (bytes[at + i] !== magic.charCodeAt(i)) return false;
  return true;
}
