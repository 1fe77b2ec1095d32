/** Types under which an image's files are sent: an allow-list of what no browser runs. @module */

const IMAGES: Readonly<Record<string, string>> = {
  avif: "image/avif",
  gif: "image/gif",
  jpeg: "image/jpeg",
  jpg: "image/jpeg",
  png: "image/png",
  webp: "image/webp",
};

/** Not here, on purpose: HTML, SVG and other XML, scripts, style sheets, PDF. */
const TEXT_EXTENSIONS = new Set(
  (
    "adoc asc bash bashrc c cc cfg changes cmake conf control cpp cs csv cxx desktop diff el env erl ex go h hh hpp hs " +
    "in ini inc java json5 jsonl kt la lisp list log lua m4 mak md md5sums mk ml ndjson org pas patch pc pl pm pod po " +
    "properties proto ps1 py pyi r rb rc rs rst scala service sh shlibs sig socket sql sum symbols t target tcl tex " +
    "timer toml tsv txt vim yaml yml zsh"
  ).split(" "),
);

const TEXT_NAMES = new Set(
  (
    "authors changelog changes containerfile copying copyright debian_version dockerfile environment fstab gemfile " +
    "group hostname hosts install issue licence license lsb-release makefile motd networks news nsswitch.conf notice " +
    "os-release passwd profile protocols readme resolv.conf services shells thanks todo version"
  ).split(" "),
);

/** A media type, and whether a browser may show it in place. */
export interface ContentType {
  readonly type: string;
  readonly inline: boolean;
}

/** The type for a file's name; its content is not looked at, so that HEAD says what GET does. */
export function contentType(name: string): ContentType {
  const lower = name.toLowerCase();
  const dot = lower.lastIndexOf(".");
  const extension = dot > 0 ? lower.slice(dot + 1) : "";
  const image = Object.hasOwn(IMAGES, extension) ? IMAGES[extension] : undefined;
  if (image) return { type: image, inline: true };
  if (extension === "json") return { type: "application/json", inline: true };
  if (TEXT_EXTENSIONS.has(extension) || TEXT_NAMES.has(lower)) {
    return { type: "text/plain; charset=utf-8", inline: true };
  }
  return { type: "application/octet-stream", inline: false };
}
