/**
 * The page's address is its state:
 * `#/ghcr.io/org/app@sha256:…/-/usr/lib/os-release?platform=linux%2Farm64&layer=sha256:…&lines=10-20`.
 * @module
 */
import { encodePath } from "../../../web/path.ts";
import { decodePath, type EncodedPath } from "../protocol/path.ts";

/** The views of an image. */
export const VIEWS = ["files", "layers", "compare", "image"] as const;

/** A view of an image. `image`: its config, and how it was verified. */
export type View = (typeof VIEWS)[number];

/** What an image can be read by. */
export const READERS = ["soci", "estargz", "zstd-chunked", "nydus", "overlaybd", "turbooci", "zstd"] as const;

/** The name of one. */
export type ReaderName = (typeof READERS)[number];

/** What the page shows. */
export interface Address {
  /** A reference; `file:NAME` for a local image; nothing on the start page. */
  image: string | undefined;
  view: View;
  /** What is selected; `/` for nothing. */
  path: EncodedPath;
  /** `os/arch[/variant]`. */
  platform: string | undefined;
  /** Digest of the layer that is looked at alone. */
  layer: string | undefined;
  /** Lines of a text that are marked, 1 the first, both included. */
  lines: { from: number; to: number } | undefined;
  /** The other image of a comparison, the newer one. */
  with: string | undefined;
  /** The other image's platform. */
  withPlatform: string | undefined;
  /** Where the other image is a local source: which of its images. */
  withTag: string | undefined;
  /** How much a view shows, in its own words. */
  show: string | undefined;
  /** Of a local source: which of its images. */
  tag: string | undefined;
  /** The format to read the image by, where it is not as the image says. */
  reader: ReaderName | undefined;
}

/** The start page. */
export const START: Address = {
  image: undefined,
  view: "files",
  path: "/",
  platform: undefined,
  layer: undefined,
  lines: undefined,
  with: undefined,
  withPlatform: undefined,
  withTag: undefined,
  show: undefined,
  tag: undefined,
  reader: undefined,
};

/** What an address's fragment means. What it does not understand it leaves out: every address shows something. */
export function parseAddress(hash: string): Address {
  const text = hash.replace(/^#?\/?/, "");
  if (text === "") return START;
  const question = text.indexOf("?");
  const place = question < 0 ? text : text.slice(0, question);
  const params = new URLSearchParams(question < 0 ? "" : text.slice(question + 1));
  const dash = place.indexOf("/-/");
  const image = (dash < 0 ? place : place.slice(0, dash)).replace(/\/(?:-)?$/, "");
  const path = dash < 0 ? "" : place.slice(dash + 3).replace(/\/+$/, "");
  const view = params.get("view") as View | null;
  const text2 = (name: string): string | undefined => params.get(name) || undefined;
  return {
    image: safeDecode(image) || undefined,
    view: view && VIEWS.includes(view) ? view : "files",
    // Written anew, so that equal paths are equal texts.
    path: encodePath(decodePath(`/${path}`)),
    platform: text2("platform"),
    layer: text2("layer"),
    lines: parseLines(params.get("lines")),
    with: text2("with"),
    withPlatform: text2("with-platform"),
    withTag: text2("with-tag"),
    show: text2("show"),
    tag: text2("tag"),
    reader: READERS.find((name) => name === params.get("reader")),
  };
}

/** The fragment of an address, with its `#`. */
export function formatAddress(address: Address): string {
  if (address.image === undefined) return "#/";
  const params: string[] = [];
  const add = (name: string, value: string | undefined): void => {
    if (value !== undefined)
      params.push(`${name}=${encodeURIComponent(value).replace(/%3A/g, ":").replace(/%2F/g, "/")}`);
  };
  if (address.view !== "files") add("view", address.view);
  add("platform", address.platform);
  add("layer", address.layer);
  add("with", address.with);
  add("with-platform", address.withPlatform);
  add("with-tag", address.withTag);
  add("show", address.show);
  add("tag", address.tag);
  add("reader", address.reader);
  add("lines", address.lines && formatLines(address.lines));
  const query = params.length > 0 ? `?${params.join("&")}` : "";
  const image = encodeURIComponent(address.image)
    .replace(/%3A/g, ":")
    .replace(/%2F/g, "/")
    .replace(/%40/g, "@");
  return `#/${image}/-${address.path}${query}`;
}

/** `12`, or `12-20`. */
export function formatLines({ from, to }: { from: number; to: number }): string {
  return from === to ? `${from}` : `${from}-${to}`;
}

function parseLines(text: string | null): Address["lines"] {
  const match = /^(\d{1,9})(?:-(\d{1,9}))?$/.exec(text ?? "");
  if (!match) return undefined;
  const [a, b] = [Number(match[1]), Number(match[2] ?? match[1])];
  return a === 0 || b === 0 ? undefined : { from: Math.min(a, b), to: Math.max(a, b) };
}

/** Without its percent signs, where they are well formed. */
export function safeDecode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
