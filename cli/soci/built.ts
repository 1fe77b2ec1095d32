/** Output of `soci create`, `convert` and `push`. @module */
import {
  type Converted,
  type LayerResult,
  type PlatformArtifacts,
  type PushOptions,
  type PushReport,
  pushArtifacts,
  type SociArtifacts,
} from "../../js/build/entry/node.js";
import type { Source } from "../../js/index.js";
import { escapeText } from "../escape.js";
import { counted, siSize, table } from "../format.js";
import { type Place, writing } from "../places.js";
import type { Session } from "../session.js";

/** Artifacts to write, the source of what they name, and options of the push. */
export interface Made extends Pick<PushOptions, "tag" | "parallel"> {
  source: Source;
  artifacts: SociArtifacts | Converted;
}

/**
 * Makes artifacts of an image, writes them to a place, and says what was done. `isCopy`: nothing was built, so that there is
 * no telling what became of layers.
 */
export async function makeAndWrite(
  session: Session,
  from: string,
  place: Place,
  make: () => Promise<Made>,
  isCopy = false,
): Promise<void> {
  const [artifacts, pushed] = await writing(place, async () => {
    const { source, artifacts, ...options } = await make();
    const all = { ...options, signal: session.signal, onProgress: session.buildProgress() };
    try {
      return [artifacts, await pushArtifacts(source, artifacts, place.destination, all)] as const;
    } finally {
      await artifacts.close();
    }
  });
  const { version, images } = artifacts;
  const digest = artifacts.version === "v2" ? artifacts.index.digest : undefined;
  const digests = digest ? [digest] : images.flatMap(({ index }) => (index ? [index.digest] : []));
  const shown = images.map((image) => ({
    platform: image.platform ?? null,
    image: image.subject.digest,
    index: image.index?.digest ?? null,
    ...(isCopy ? {} : { layers: image.layers }),
    prefetch: image.prefetch.map(({ digest, size }) => ({ digest, size })),
    ...(isCopy ? {} : { prefetchMissing: image.prefetchMissing }),
  }));
  const tag = pushed.manifests.find((it) => it.tag !== undefined)?.tag;
  const lines = () => [
    ...images.flatMap((image) => imageLines(image, version, isCopy)),
    ...(digest ? [`Image:    ${digest}`] : []),
    `Written:  ${escapeText(pushed.destination)}${tag ? `, tag ${escapeText(tag)}` : ""}; ${written(pushed)}`,
  ];
  const { args } = session;
  await session.print({ version, source: from, digest, images: shown, written: pushed }, lines, digests);
  if (args.flag("json") || args.flag("quiet")) return;
  for (const { platform, prefetchMissing } of images) {
    for (const path of prefetchMissing) {
      session.say(`no indexed layer${platform ? ` of ${platform}` : ""} has the file to prefetch ${path}`);
    }
  }
}

function imageLines(image: PlatformArtifacts, version: string, isCopy: boolean): string[] {
  const { platform, subject, index, layers, ztocs, prefetch } = image;
  const rows = layers.map((layer) => [
    String(layer.index),
    siSize(layer.size),
    layer.outcome,
    layer.ztoc ? siSize(layer.ztoc.size) : "-",
    layer.ztoc?.digest ?? (layer.outcome === "unsupported" ? escapeText(layer.reason ?? "-") : "-"),
  ]);
  const lines = isCopy ? [] : table([["#", "LAYER", "OUTCOME", "ZTOC", "ZTOC DIGEST"], ...rows], [0, 1, 3]);
  const of = isCopy ? counted(ztocs.length, "zTOC") : `${covered(layers)} of ${layers.length} layers`;
  const files = prefetch.length > 0 ? `, ${prefetch.length} to prefetch from` : "";
  const found = index ? `${index.digest}, ${version}, ${of}${files}` : "none: no layer of it got a zTOC";
  return [
    `Platform: ${escapeText(platform ?? "unknown")}, ${subject.digest}`,
    ...lines,
    `Index:    ${found}`,
    "",
  ];
}

function covered(layers: readonly LayerResult[]): number {
  return layers.filter(({ ztoc }) => ztoc).length;
}

function written({ blobs, manifests }: PushReport): string {
  const of = (outcome: string): number => blobs.filter((it) => it.outcome === outcome).length;
  const bytes = blobs.reduce((sum, it) => sum + (it.outcome === "uploaded" ? it.size : 0), 0);
  const sent = of("uploaded");
  const parts = [sent > 0 ? `${counted(sent, "blob")} (${siSize(bytes)})` : "no blob sent"];
  if (of("mounted") > 0) parts.push(`${of("mounted")} mounted`);
  if (of("present") > 0) parts.push(`${of("present")} there before`);
  return `${parts.join(", ")}, ${counted(manifests.length, "manifest")}`;
}
