/** Output of `soci verify` for people. @module */
import type {
  VerifiedImage,
  VerifiedLayer,
  VerifyReport,
  ZtocDifference,
} from "../../js/build/entry/node.js";
import { escapeText } from "../escape.js";
import { counted, siSize, table } from "../format.js";

/** Differences of a layer that are printed; `--json` has up to a hundred. */
const PRINTED = 20;

/** The lines of a report. */
export function verifiedLines({ images, absent }: VerifyReport): string[] {
  const notes = absent.map(
    (platform) => `Note: ${escapeText(platform)} could not be verified: its manifest is not here`,
  );
  return [...images.flatMap((image) => [...imageLines(image), ""]).slice(0, -1), ...notes];
}

function imageLines(image: VerifiedImage): string[] {
  const { platform, digest, index, missing, layers, verified } = image;
  const head = [`Platform: ${escapeText(platform)}, ${digest}`];
  if (missing !== undefined)
    return [...head, `Index:    ${escapeText(missing)}, which the image names, is not there`];
  if (!index) return [...head, "Index:    none"];
  const way = index.version === "v2" ? "named by the image" : "attached to the image";
  const rows = layers.map((layer) => [
    String(layer.index),
    siSize(layer.size),
    layer.outcome,
    layer.ztoc?.spanSize === undefined ? "-" : siSize(layer.ztoc.spanSize),
    layer.ztoc?.digest ?? "-",
  ]);
  const covered = layers.filter(({ outcome }) => outcome !== "no-ztoc").length;
  const verdict = verified
    ? `verified: ${covered} of ${layers.length} layers have a zTOC, and it says what the layer says`
    : "NOT verified";
  return [
    ...head,
    `Index:    ${index.digest}, ${index.version}, ${way}`,
    ...table([["#", "LAYER", "OUTCOME", "SPAN", "ZTOC DIGEST"], ...rows], [0, 1, 3]),
    ...layers.flatMap(layerLines),
    `Result:   ${verdict}`,
  ];
}

function layerLines({ index, reason, differences, differenceCount }: VerifiedLayer): string[] {
  const lines = reason === undefined ? [] : [`layer ${index}: ${escapeText(reason)}`];
  for (const difference of differences.slice(0, PRINTED))
    lines.push(`layer ${index}: ${describe(difference)}`);
  const more = differenceCount - Math.min(differences.length, PRINTED);
  if (more > 0) lines.push(`layer ${index}: ${counted(more, "more difference")}`);
  return lines;
}

/** `etc/passwd: mode is 33261, of the layer 33188`. */
function describe({ field, entry, checkpoint, stated, actual }: ZtocDifference): string {
  const of = entry === undefined ? "" : `${escapeText(entry)}: `;
  const at = checkpoint === undefined ? "" : `checkpoint ${checkpoint}: `;
  return `${of}${at}${field} is ${escapeText(stated)}, of the layer ${escapeText(actual)}`;
}
