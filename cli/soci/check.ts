/**
 * Would the SOCI snapshotter and AWS Fargate load an image lazily? `docs/soci-cli.md` names the source of each rule.
 * @module
 */
import { siSize } from "../format.js";
import type { Survey, SurveyedImage, SurveyedIndex } from "./survey.js";

/** Layers below so many bytes are left out by default: 10 MiB, as in the reference. */
export const MIN_LAYER_SIZE: number = 10 << 20;
/** Compressed image size from which AWS sees a gain. */
export const GAIN_FROM: number = 250_000_000;

/** Why an image is not loaded lazily. */
export type ProblemCode =
  | "NO_INDEX"
  | "V1_ONLY"
  | "INDEX_MISSING"
  | "NOTHING_COVERED"
  | "LAYER_NOT_COVERED"
  | "LAYER_ZSTD"
  | "ZTOC_BROKEN";

/** One reason. */
export interface Problem {
  code: ProblemCode;
  message: string;
  /** The layer that it is about, 0 the lowest. */
  layer?: number;
}

/** Report on one platform. */
export interface PlatformReport {
  platform: string;
  /** Of the image manifest. */
  digest: string;
  /** Sum of the layers' compressed sizes. */
  size: number;
  lazy: boolean;
  /** The index that would be used. */
  index: {
    digest: string;
    version: "v1" | "v2";
    found: "annotation" | "referrers";
    /**
     * What vouches for it: the `image`, which names it; or nothing where it is merely `attached`, unless it was `checked` here
     * (`soci verify`), and the result is still kept.
     */
    voucher: "image" | "checked" | "attached";
    buildTool?: string;
  } | null;
  layers: { total: number; covered: number; belowMinimum: number };
  problems: Problem[];
}

/** Report of `soci check`, in the shape of its JSON. */
export interface CheckReport {
  image: string;
  digest: string;
  minLayerSize: number;
  /** Whether all platforms that were looked at would be loaded lazily. Decides the exit code. */
  lazy: boolean;
  platforms: PlatformReport[];
  /** What AWS Fargate asks for beyond that. */
  fargate: { lazy: boolean; reasons: string[] };
  /** What to know besides. */
  notes: string[];
}

/** Options of {@link check}. */
export interface CheckOptions {
  minLayerSize?: number;
  /** Whether indexes of version 1 count. */
  acceptV1?: boolean;
  /** Whether the platforms were chosen by the caller; else those that SOCI is not for are left out. */
  chosen?: boolean;
  /** Whether the zTOCs of an attached index were all compared with their layers here. */
  isChecked?: ((image: SurveyedImage, index: SurveyedIndex) => Promise<boolean>) | undefined;
  /** Opens a layer's zTOC by an index; rejects where that fails. */
  open?: ((image: SurveyedImage, index: SurveyedIndex, layer: number) => Promise<void>) | undefined;
}

/** Judges what {@link survey} found. */
export async function check(survey: Survey, options: CheckOptions = {}): Promise<CheckReport> {
  const { minLayerSize = MIN_LAYER_SIZE } = options;
  const notes: string[] = [];
  const looked: PlatformReport[] = [];
  for (const image of survey.images) {
    if (!options.chosen && !image.platform.startsWith("linux/") && survey.images.length > 1) {
      notes.push(`${image.platform} is left out: SOCI is for Linux`);
    } else looked.push(await checkImage(image, minLayerSize, options));
  }
  for (const platform of survey.absent)
    notes.push(`${platform} could not be checked: its manifest is not here`);
  for (const { platform, unlisted } of survey.images) {
    if (unlisted) notes.push(`${platform}: what is attached to it could not be found out: ${unlisted}`);
  }
  for (const { platform, size } of looked) {
    if (size < GAIN_FROM) {
      notes.push(`${platform}: ${siSize(size)} compressed; AWS sees a gain from ${siSize(GAIN_FROM)} on`);
    }
  }
  const lazy = looked.length > 0 && looked.every((it) => it.lazy);
  const reasons = fargateReasons(survey, looked);
  return {
    image: survey.name,
    digest: survey.digest,
    minLayerSize,
    lazy,
    platforms: looked,
    fargate: { lazy: lazy && reasons.length === 0, reasons },
    notes,
  };
}

async function checkImage(
  image: SurveyedImage,
  minLayerSize: number,
  { acceptV1 = false, isChecked, open }: CheckOptions,
): Promise<PlatformReport> {
  const index = image.indexes[0];
  const problems: Problem[] = [];
  if (image.missing !== undefined) {
    problems.push({
      code: "INDEX_MISSING",
      message: `the manifest names the index ${image.missing}, which is not there; was one platform copied alone?`,
    });
  } else if (!index) {
    problems.push({ code: "NO_INDEX", message: "there is no SOCI index" });
  } else if (index.version === "v1" && !acceptV1) {
    problems.push({
      code: "V1_ONLY",
      message:
        "the only index is of version 1, which the snapshotter loads only where pull_modes.soci_v1.enable is set",
    });
  }
  const covered = new Set(index?.ztocs.map(({ layer }) => layer));
  const layers = { total: image.layers.length, covered: 0, belowMinimum: 0 };
  for (const [i, { digest, size, compression }] of image.layers.entries()) {
    const is = covered.has(digest);
    layers.covered += Number(is);
    if (!is && size < minLayerSize) layers.belowMinimum += 1;
    else if (!is && index) problems.push(uncovered(i, digest, size, compression));
  }
  if (index && layers.covered === 0 && problems.length === 0) {
    problems.push({ code: "NOTHING_COVERED", message: "the index covers none of the layers" });
  }
  if (index && open) await openAll(image, index, covered, open, problems);
  return {
    platform: image.platform,
    digest: image.digest,
    size: image.layerBytes,
    lazy: problems.length === 0,
    index: index ? described(index, await voucherOf(image, index, isChecked)) : null,
    layers,
    problems,
  };
}

type Voucher = NonNullable<PlatformReport["index"]>["voucher"];

async function voucherOf(
  image: SurveyedImage,
  index: SurveyedIndex,
  isChecked: CheckOptions["isChecked"],
): Promise<Voucher> {
  if (index.version === "v2") return "image";
  return (await isChecked?.(image, index)) ? "checked" : "attached";
}

function described(
  { digest, version, buildTool }: SurveyedIndex,
  voucher: Voucher,
): NonNullable<PlatformReport["index"]> {
  const found = version === "v2" ? "annotation" : "referrers";
  return { digest, version, found, voucher, ...(buildTool === undefined ? {} : { buildTool }) };
}

function uncovered(layer: number, digest: string, size: number, compression: string): Problem {
  const what = `layer ${layer}, ${digest}, ${siSize(size)},`;
  if (compression === "zstd") {
    return { code: "LAYER_ZSTD", layer, message: `${what} is zstd, which SOCI cannot index; use gzip` };
  }
  return { code: "LAYER_NOT_COVERED", layer, message: `${what} has no zTOC` };
}

async function openAll(
  image: SurveyedImage,
  index: SurveyedIndex,
  covered: Set<string>,
  open: NonNullable<CheckOptions["open"]>,
  problems: Problem[],
): Promise<void> {
  for (const [layer, { digest }] of image.layers.entries()) {
    if (!covered.has(digest)) continue;
    try {
      await open(image, index, layer);
    } catch (error) {
      const { message, code } = error as { message: string; code?: string };
      if (code === undefined || !BROKEN.has(code)) throw error;
      problems.push({ code: "ZTOC_BROKEN", layer, message: `the zTOC of layer ${layer}: ${message}` });
    }
  }
}

/** Error codes of a bad zTOC; others are of the way to it. */
const BROKEN = new Set(["NOT_FOUND", "DIGEST_MISMATCH", "CORRUPT_ZTOC", "CORRUPT_LAYER", "UNSUPPORTED"]);

/** A private repository of Amazon ECR, by its IPv4 or its dual-stack name. */
const ECR =
  /^\d{12}\.dkr[.-]ecr(?:-fips)?\.[a-z0-9-]+\.(?:amazonaws\.com(?:\.cn)?|on\.(?:aws|amazonwebservices\.com\.cn))\//;

function fargateReasons({ name, images }: Survey, looked: PlatformReport[]): string[] {
  const reasons = looked.flatMap(({ platform, digest, lazy }) => {
    if (!lazy) return [`${platform} is not loaded lazily`];
    if (!/^linux\/(?:amd64|arm64)(?:\/|$)/.test(platform)) return [`it runs no ${platform}`];
    const zstd = images.find((it) => it.digest === digest)?.layers.some((it) => it.compression === "zstd");
    return zstd ? [`${platform} has a layer of zstd`] : [];
  });
  if (!ECR.test(name)) reasons.push("it loads lazily from private repositories of Amazon ECR only");
  return reasons;
}
