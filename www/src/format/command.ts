/** Command lines that do the same as the page. @module */

import { decodePath, type EncodedPath } from "../protocol/path.ts";
import { strictText } from "./visible.ts";

/** What a command is about. */
export interface CommandTarget {
  /** As `ocipeek` takes it: `ghcr.io/o/app@sha256:…`, `oci-archive:demo.tar:latest`. */
  image: string;
  path: EncodedPath;
  /** Where one layer alone is meant. */
  layer: { index: number; digest: string } | undefined;
  /** The format that was named. */
  reader?: string | undefined;
  /** Whether what has no digests is read by ranges. */
  unverified?: boolean;
  /** Whether it is read by what is attached to the image. */
  attached?: boolean;
}

/** `npx ocipeek cat IMAGE PATH`. */
export function catCommand(target: CommandTarget): string {
  return commandOf("cat", target);
}

/** `npx ocipeek cp IMAGE PATH .`: a folder with what is in it. */
export function copyCommand(target: CommandTarget): string {
  return `${commandOf("cp", target)} .`;
}

function commandOf(command: string, target: CommandTarget): string {
  const { image, path } = target;
  const plain = plainPath(path);
  return [
    `npx ocipeek ${command}`,
    ...optionsOf(target),
    ...(plain === undefined ? ["--escaped"] : []),
    quote(image),
    quote(plain ?? escapePath(path)),
  ].join(" ");
}

/** `curl` for the worker at `base` (with a slash at its end). Folders come as a listing. */
export function curlCommand(base: string, { image, path, layer }: CommandTarget, isFolder: boolean): string {
  const query = layer ? `?layer=${layer.digest}` : "";
  const place = path === "/" ? "/" : `${path}${isFolder ? "/" : ""}`;
  return `curl ${quote(`${base}${image}/-${place}${query}`)}`;
}

/** How the image is read here, said to the command. */
function optionsOf({ layer, reader, unverified, attached }: CommandTarget): string[] {
  return [
    ...(layer ? [`--layer ${layer.index}`] : []),
    ...(reader ? [`--reader ${reader}`] : []),
    ...(attached ? ["--attached-index"] : []),
    ...(unverified ? ["--insecure-unverified"] : []),
  ];
}

/** A word for a POSIX shell. */
export function quote(word: string): string {
  if (/^[A-Za-z0-9_@%+=:,./-]+$/.test(word)) return word;
  return `'${word.replaceAll("'", "'\\''")}'`;
}

/** The path as text, where it is one line of plain UTF-8 without what terminals obey. */
function plainPath(path: EncodedPath): string | undefined {
  const text = strictText(decodePath(path));
  return text === undefined || /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(text) ? undefined : text;
}

/** As `--escaped` reads it. */
function escapePath(path: EncodedPath): string {
  let text = "";
  for (const byte of decodePath(path)) {
    const char = String.fromCharCode(byte);
    if (char === "\\") text += "\\\\";
    else if (byte >= 0x20 && byte < 0x7f) text += char;
    else text += `\\x${byte.toString(16).padStart(2, "0")}`;
  }
  return text;
}
