/** Output of `soci check` for people. @module */
import { escapeText } from "../escape.js";
import { chosenSize, siSize } from "../format.js";
import type { CheckReport, PlatformReport } from "./check.js";

/** The lines of a report. */
export function reportLines(report: CheckReport): string[] {
  const { image, digest, minLayerSize, platforms, lazy, fargate, notes } = report;
  const width = Math.max(...platforms.map(({ platform }) => escapeText(platform).length));
  return [
    `Image:    ${escapeText(image)}`,
    `Digest:   ${digest}`,
    `Minimum:  ${chosenSize(minLayerSize)}; smaller layers need no zTOC`,
    "",
    ...platforms.flatMap((platform) => platformLines(platform, width)),
    "",
    `SOCI snapshotter: ${lazy ? "loads it lazily" : "does not load it lazily"}`,
    `AWS Fargate:      ${fargate.lazy ? "loads it lazily" : "does not load it lazily"}`,
    ...fargate.reasons.map((reason) => `                  ${escapeText(reason)}`),
    ...notes.map((note) => `Note: ${escapeText(note)}`),
  ];
}

const WAYS: Record<NonNullable<PlatformReport["index"]>["voucher"], string> = {
  image: "named by the manifest",
  checked: "attached, and verified here",
  attached: "attached, not verified",
};

function platformLines(report: PlatformReport, width: number): string[] {
  const { platform, lazy, index, layers, size, problems } = report;
  const way = index ? WAYS[index.voucher] : "";
  const facts = index
    ? [
        `${index.version} index ${index.digest}, ${way}`,
        `${layers.covered} of ${layers.total} layers covered, ${layers.belowMinimum} others below the minimum, ${siSize(size)}`,
      ]
    : [`${layers.total} layers, ${siSize(size)}`];
  const all = [...facts, ...problems.map(({ message }) => `✗ ${escapeText(message)}`)];
  const blank = " ".repeat(width);
  return all.map(
    (line, i) =>
      `${i > 0 ? blank : escapeText(platform).padEnd(width)}  ${i > 0 ? "   " : lazy ? "yes" : "no "}  ${line}`,
  );
}
