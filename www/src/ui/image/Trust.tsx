/** The chain from the name to the bytes on screen: what vouches for what. @module */

import type { ComponentChildren } from "preact";
import { plural } from "../../format/format.ts";
import { formatName, isAttached, isIndexedHere } from "../../format/reading.ts";
import { registryOf } from "../../page/failures.ts";
import { address } from "../../page/location.ts";
import type { OpenedImage } from "../../protocol/api.ts";
import { AlertIcon, ShieldIcon } from "../controls/icons.tsx";
import { Digest } from "../controls/index.ts";

interface Link {
  title: string;
  digest?: string | undefined;
  text: ComponentChildren;
  /** Nothing vouches for it but someone's word. */
  word?: boolean;
}

/** The chain, from the name downwards. */
export function Trust({ image }: { image: OpenedImage }) {
  return (
    <ol class="trust plain-list">
      {chain(image, address.value.image ?? image.name).map(({ title, digest, text, word }) => (
        <li key={title} class={word ? "tone-careful" : "tone-good"}>
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

/** Who vouches for the SOCI index. */
const VOUCHED: Record<NonNullable<OpenedImage["soci"]>["verified"], string> = {
  image: "Hashed here; the image itself names it by digest.",
  named: "Hashed here, and equal to the digest that was named.",
  own: "Built here of the layers, which had their digests.",
  checked: "Attached by somebody, and equal to what was built of the layers.",
  attached:
    "Hashed here, but nothing ties it to the image: somebody who may write to the repository attached it, and you agreed to use it. Names, links, contents and what is missing are their word.",
};

/** Each step with what was checked. */
function chain(image: OpenedImage, asked: string): Link[] {
  const { digest, indexDigest, layers, soci, route, unverified } = image;
  const links = [nameLink(image, asked)];
  if (indexDigest) {
    const text = "Hashed here; it is what the name stands for. It lists an image for each platform.";
    links.push({ title: "Image index", digest: indexDigest, text });
  }
  const attached = layers.find(({ read, reader }) => formatName(read) && reader.found === "referrers");
  links.push({
    title: "Manifest",
    digest,
    word: attached !== undefined,
    text: attached
      ? `Of an image in ${formatName(attached.read)}, which the address asks for. It is attached to the one that the name stands for, and nothing but the registry says that both hold the same: whoever may write to the repository can attach one.`
      : `Hashed here, and equal to what ${indexDigest ? "the image index" : "the name"} says. It lists config and layers by their digests.`,
  });
  if (soci) {
    const built = soci.buildTool && (
      <>
        {" "}
        Built by <bdi>{soci.buildTool}</bdi>.
      </>
    );
    links.push({
      title: `SOCI index ${soci.version}`,
      digest: soci.digest,
      word: soci.verified === "attached",
      text: [VOUCHED[soci.verified], built],
    });
  }
  links.push(...layerLinks(image));
  if (route === "proxy") {
    links.push({
      title: "On the way",
      word: unverified,
      text: `The bytes came through ${location.host}, as the registry does not answer web pages. ${
        unverified
          ? "It, too, could change what nothing above vouches for."
          : "It cannot change them unnoticed: all of the above was checked in this browser."
      }`,
    });
  }
  return links;
}

const HASHED = "Hashed here, equal to what the manifest says";
const BEFORE = "before anything of it is shown";
const CHUNKS = { title: "Chunks", text: `Each is hashed ${BEFORE}.` };
const WORD = "is the registry's word";

/** What vouches for what in the layers, by how they are read. */
function layerLinks({ layers, unverified: word }: OpenedImage): Link[] {
  const links: Link[] = [];
  const of = (reads: string[], linksOf: (count: number) => Link[]): void => {
    const count = layers.filter((it) => reads.includes(it.read)).length;
    if (count > 0) links.push(...linksOf(count));
  };
  of(["ztoc"], () => indexLinks(layers.filter((it) => it.read === "ztoc")));
  of(["estargz", "zstd-chunked"], (count) => [
    {
      title: `${plural(count, "table")} of contents (TOC)`,
      text: `${HASHED} of its layer. Each lists a layer's files, and the digest of each chunk.`,
    },
    CHUNKS,
  ]);
  of(["nydus"], () => [
    {
      title: "Bootstrap",
      text: `A layer that lists the files of the whole image, and the digest of each chunk. ${HASHED}.`,
    },
    CHUNKS,
  ]);
  of(["overlaybd"], (count) => [
    {
      title: word ? "Blocks of a disk" : plural(count, "layer"),
      word,
      text: word
        ? `Read by ranges, as you agreed. They have checksums (CRC) at most, which find damage: what they hold ${WORD}.`
        : `Parts of a disk, which have no digests: fetched as a whole, and hashed, ${BEFORE}.`,
    },
  ]);
  of(["turbooci"], (count) => [
    {
      title: `${plural(count, "table")} of contents`,
      text: `${HASHED}. Each lists the files of a layer of the original image.`,
    },
    {
      title: "Contents",
      word,
      text: word
        ? `Read by ranges of the original layers, as you agreed. Nothing vouches for them: what they hold ${WORD}.`
        : `Parts of the original layers have no digests: each layer is fetched as a whole, and hashed, ${BEFORE}.`,
    },
  ]);
  of(["zstd"], (count) => [
    {
      title: plural(count, "layer"),
      word,
      text: word
        ? `Streamed, as you agreed, and not hashed: what they hold ${WORD}.`
        : `Streamed once and hashed. What passes by later is compared with digests that were made then, ${BEFORE}.`,
    },
  ]);
  of(["tar", "whole"], (count) => [
    {
      title: `${plural(count, "layer")} without an index`,
      text: `Fetched as a whole, and hashed, ${BEFORE}.`,
    },
  ]);
  return links;
}

/** What vouches for what where layers are read by zTOCs. */
function indexLinks(read: OpenedImage["layers"]): Link[] {
  const isOwn = read.every(isIndexedHere);
  const word = read.some(isAttached);
  return [
    {
      title: `${plural(read.length, "table")} of contents (zTOC)`,
      word,
      text: `Hashed here, equal to what the ${isOwn ? "index that was built here" : "SOCI index"} says${word ? ", so as true as that" : ""}. Each lists a layer's files, and the digest of each span.`,
    },
    {
      title: "Spans",
      word,
      text: `Each compressed piece of a layer is hashed ${BEFORE}${
        word
          ? ". What it inflates to depends on the table too, and is as true as that."
          : "; then the file's own header is compared with the table."
      }`,
    },
  ];
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
