/** The chain from the name to the bytes on screen: what vouches for what. @module */
import type { LazyFormat } from "ocipeek";
import type { ComponentChildren, JSX } from "preact";
import { plural } from "../../format/format.ts";
import { FORMATS } from "../../format/reading.ts";
import { registryOf } from "../../page/failures.ts";
import { address } from "../../page/location.ts";
import type { OpenedImage } from "../../protocol/api.ts";
import { Digest } from "../controls/Digest.tsx";
import { AlertIcon, ShieldIcon } from "../controls/icons.tsx";

interface Link {
  title: string;
  digest?: string | undefined;
  text: ComponentChildren;
  /** Nothing vouches for it but someone's word. */
  word?: boolean;
}

const CHUNKS =
  "It equals what the manifest says, and states the digest of each chunk, which is checked, too.";
const CRC =
  "Its parts have checksums, which find damage and no forgery; unless verification was turned off, all of it was hashed first.";

/** What vouches for layers in other lazy formats. */
const WORDS: Record<LazyFormat, string> = {
  estargz: `Its table of contents was hashed here. ${CHUNKS}`,
  "zstd-chunked": `Its table of contents was hashed here. ${CHUNKS}`,
  nydus: `Its bootstrap was hashed here. ${CHUNKS}`,
  overlaybd: CRC,
  turbooci: CRC,
};

/** The chain, from the name downwards. */
export function Trust({ image }: { image: OpenedImage }): JSX.Element {
  return (
    <ol class="trust">
      {chain(image, address.value.image ?? image.name).map(({ title, digest, text, word }) => (
        <li key={title} class={word ? "trust-word" : undefined}>
          {word ? <AlertIcon /> : <ShieldIcon />}
          <div>
            <p class="trust-title">
              <span>{title}</span>
              {digest && <Digest digest={digest} label={title} />}
            </p>
            <p class="trust-text">{text}</p>
          </div>
        </li>
      ))}
    </ol>
  );
}

/** Each step with what was checked. */
function chain(image: OpenedImage, asked: string): Link[] {
  const { digest, indexDigest, layers, soci, route } = image;
  const links: Link[] = [nameLink(image, asked)];
  if (indexDigest) {
    links.push({
      title: "Image index",
      digest: indexDigest,
      text: "Hashed here; it is what the name stands for. It lists an image for each platform.",
    });
  }
  links.push({
    title: "Manifest",
    digest,
    text: `Hashed here, and equal to what ${indexDigest ? "the image index" : "the name"} says. It lists config and layers by their digests.`,
  });
  if (soci) {
    links.push({
      title: `SOCI index ${soci.version}`,
      digest: soci.digest,
      text: (
        <>
          {soci.version === "v2"
            ? "Hashed here; the image itself names it by digest."
            : "Hashed here. Whoever may write to the repository can attach one, so each file's own header in the layer is compared, too, before its content is shown."}
          {soci.buildTool && (
            <>
              {" "}
              Built by <bdi>{soci.buildTool}</bdi>.
            </>
          )}
        </>
      ),
    });
  }
  const of = (read: string): number => layers.filter((it) => it.read === read).length;
  if (of("ztoc") > 0) {
    links.push({
      title: `${plural(of("ztoc"), "table")} of contents (zTOC)`,
      text: "Hashed here, equal to what the SOCI index says. Each lists a layer's files, and the digest of each span.",
    });
    links.push({
      title: "Spans",
      text: "Each compressed piece of a layer is hashed before anything of it is shown; then the file's own header is compared with the table.",
    });
  }
  for (const [read, name] of Object.entries(FORMATS)) {
    if (of(read) > 0)
      links.push({ title: `${plural(of(read), "layer")} in ${name}`, text: WORDS[read as LazyFormat] });
  }
  if (of("tar") + of("whole") > 0) {
    links.push({
      title: `${plural(of("tar") + of("whole"), "layer")} without an index`,
      text: "Fetched as a whole, and hashed, before anything of it is shown.",
    });
  }
  if (route === "proxy") {
    links.push({
      title: "On the way",
      text: `The bytes came through ${location.host}, as the registry does not answer web pages. It cannot change them unnoticed: all of the above was checked in this browser.`,
    });
  }
  return links;
}

function nameLink({ route }: OpenedImage, asked: string): Link {
  if (route === "local") {
    return { title: "Your file", text: "Read from your disk, by this page alone. Nothing was uploaded." };
  }
  if (/@sha256:[0-9a-f]{64}$/.test(asked)) {
    return {
      title: "Digest",
      digest: asked.slice(asked.indexOf("@") + 1),
      text: "You named the image by its digest: it can be this one only, whoever serves it.",
    };
  }
  return {
    title: "Tag",
    word: true,
    text: `What it stands for today is the word of ${registryOf(asked)}. Only a digest, or a signature, says more: “Copy link” writes the digest.`,
  };
}
