/** Badges of a layer: how it is read, and what vouches for it; and their legend. @module */

import { legendOf, readingOf, vouchedSentence, vouchedWords } from "../../format/reading.ts";
import type { OpenedImage } from "../../protocol/api.ts";
import { Badge } from "../controls/index.ts";
import "./reading.css";

interface BadgesProps {
  image: Pick<OpenedImage, "soci" | "unverified">;
  layer: OpenedImage["layers"][number];
}

/** `eStargz` `verified`. */
export function Badges({ image, layer }: BadgesProps) {
  const { read } = layer;
  const words = vouchedWords(layer, image.unverified);
  return (
    <span class="reading-badges">
      <Badge kind={read === "whole" ? "careful" : "info"}>{readingOf(layer, image.soci)}</Badge>
      <Badge
        kind={words === "verified" ? "good" : "careful"}
        title={vouchedSentence(layer, image.unverified)}
      >
        {words}
      </Badge>
    </span>
  );
}

/** What the badges of an image say. */
export function Legend({ image }: { image: OpenedImage }) {
  const said = legendOf(image);
  if (said.length === 0) return null;
  return (
    <details class="reading-legend">
      <summary>What the badges say</summary>
      <dl>
        {said.map(([badge, words]) => (
          <div key={badge}>
            <dt class="bold">{badge}</dt>
            <dd>{words}</dd>
          </div>
        ))}
      </dl>
    </details>
  );
}
