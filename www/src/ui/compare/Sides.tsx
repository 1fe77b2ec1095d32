/** The two images of a comparison, and ways to exchange or change them. @module */
import type { JSX } from "preact";
import { swapped } from "../../address/swap.ts";
import { shortDigest } from "../../format/format.ts";
import { visible } from "../../format/visible.ts";
import { address, href } from "../../page/location.ts";
import type { OpenedImage } from "../../protocol/api.ts";
import { ButtonLink } from "../controls/Button.tsx";
import { SwapIcon } from "../controls/icons.tsx";

interface SidesProps {
  left: OpenedImage;
  right: OpenedImage | undefined;
}

export function Sides({ left, right }: SidesProps): JSX.Element {
  const now = address.value;
  return (
    <header class="sides">
      <h1 class="unseen">Comparison</h1>
      <Side said="From" name={now.image} tag={now.tag} image={left} />
      <ButtonLink
        class="button-icon"
        kind="quiet"
        icon={SwapIcon}
        href={href(swapped(now, left.platform))}
        aria-label="Exchange the images"
        title="Exchange the images"
      />
      <Side said="To" name={now.with} tag={now.withTag} image={right} />
      <ButtonLink href={href({ with: undefined, withPlatform: undefined, withTag: undefined })}>
        Change …
      </ButtonLink>
    </header>
  );
}

interface SideProps {
  said: string;
  name: string | undefined;
  tag: string | undefined;
  image: OpenedImage | undefined;
}

function Side({ said, name = "", tag, image }: SideProps): JSX.Element {
  const text = visible(tag === undefined ? name : `${name}:${tag}`);
  return (
    <p class="side">
      <span class="side-said">{said}</span>
      <span class="side-name" title={text}>
        <bdi>{text}</bdi>
      </span>
      <span class="side-facts">
        {[image?.platform, image && shortDigest(image.digest)].filter(Boolean).join(" · ")}
      </span>
    </p>
  );
}
