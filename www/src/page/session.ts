/** The image on screen: opened as the address says, with its tree. @module */
import { computed, effect, signal } from "@preact/signals";
import { isFetchedWhole } from "../../../web/formats.ts";
import type { Address } from "../address/address.ts";
import type { CallProgress, Cost, ImageSource, OpenedImage, Reading, SiteConfig } from "../protocol/api.ts";
import { EngineError } from "../protocol/api.ts";
import type { Catalogue } from "../protocol/catalogue.ts";
import { engine } from "./engine.ts";
import { canIndex, indexLayers } from "./indexing.ts";
import { address } from "./location.ts";

/** How far the image on screen is. */
export type Opening =
  | { step: "none" }
  /** Resolving the reference, then fetching what lists the files. */
  | {
      step: "opening";
      image?: OpenedImage | undefined;
      requests: number;
      bytes: number;
      /** Steps or bytes of this part, where known. */
      done?: number | undefined;
      total?: number | undefined;
    }
  /** Listing needs whole layers: the user is asked first. */
  | {
      step: "ask";
      image: OpenedImage;
      bytes: number;
      /** Indexes that somebody attached to the image. */
      attached: number;
    }
  | { step: "open"; image: OpenedImage; catalogue: Catalogue }
  | { step: "failed"; error: EngineError; image?: OpenedImage | undefined };

/** The image on screen. */
export const opening = signal<Opening>({ step: "none" });

/** The open image, once its manifest is known. */
export const image = computed<OpenedImage | undefined>(() => {
  const now = opening.value;
  return now.step === "none" ? undefined : now.image;
});

/** The tree of the image, or of the layer that the address names. */
export const catalogue = computed<Catalogue | undefined>(() =>
  opening.value.step === "open" ? opening.value.catalogue : undefined,
);

/** What reading the image has cost so far. */
export const cost = signal<Cost | undefined>(undefined);

/** What the deployment offers. */
export const site = signal<SiteConfig>({ proxy: false, registries: [], passAuthorization: false, demo: [] });

/** Local files of this visit, by the name that addresses have for them (`file:demo.tar`). */
export const localSources = new Map<string, ImageSource>();

/** Whole layers of up to so many bytes are fetched for a listing without a question. */
const ASK_ABOVE = 32 << 20;
/** Whole layers of up to so many are fetched even where somebody may have attached an index, which is not looked for then. */
const LOOK_ABOVE = 4 << 20;

/** Bytes of whole layers that listing some layers needs, where they are so many that one is to be asked first. */
export function bytesToAskFor(
  source: ImageSource,
  image: Pick<OpenedImage, "layers" | "unverified">,
): number | undefined {
  const whole = bytesWhole(image);
  return whole > ASK_ABOVE && source.kind === "registry" ? whole : undefined;
}

/** Bytes of the layers of which listing takes the whole. */
function bytesWhole(image: Pick<OpenedImage, "layers" | "unverified">): number {
  return image.layers.filter((it) => isFetchedWhole(it, image)).reduce((sum, it) => sum + it.size, 0);
}

/** What a user can agree to. */
type Consent = "unverified" | "attached";

/**
 * Images of which the user agreed to read by ranges what has no digests, or to read by an index that is attached to them. They
 * are in no address and in no storage: whoever follows a link, or comes back, is asked again.
 */
const agreed: Record<Consent, Set<string>> = { unverified: new Set(), attached: new Set() };

/** How to read an image: as the address names it, and as the user agreed. */
export function readingOf(name: string, platform: string | undefined, reader?: Reading["reader"]): Reading {
  const key = consentKey(name, platform);
  return { reader, unverified: agreed.unverified.has(key), attached: agreed.attached.has(key) };
}

function consentKey(name: string, platform: string | undefined): string {
  return JSON.stringify([name, platform]);
}

/** Agrees to read the image on screen so, or no longer; opens it anew. */
export function agree(to: Consent, isAgreed: boolean): void {
  const { image: name = "", platform } = address.peek();
  if (isAgreed) agreed[to].add(consentKey(name, platform));
  else agreed[to].delete(consentKey(name, platform));
  reopen();
}

/** What the running opening is for; another address stops it. */
let running: { key: string; stop: AbortController } | undefined;

/** What to do about layers without an index: fetch them whole, or index them first, in one pass each. */
export type Answer = "fetch" | "index";

/** Starts to follow the address. Call it once. */
export function followAddress(): void {
  effect(() => {
    const { image: name, platform, tag, reader } = address.value;
    const key = JSON.stringify([name, platform, layerOf(address.value), tag, reader]);
    if (running?.key === key) return;
    running?.stop.abort();
    running = { key, stop: new AbortController() };
    if (name === undefined) {
      opening.value = { step: "none" };
      cost.value = undefined;
      return;
    }
    void start(running.stop.signal);
  });
}

/** Opens what the address names, again, with the user's answer to the question before whole layers. */
export function reopen(answer?: Answer): void {
  running?.stop.abort();
  if (!running) return;
  running = { key: running.key, stop: new AbortController() };
  void start(running.stop.signal, answer);
}

/** Stops what opens; {@link reopen} starts it again. */
export function stopOpening(): void {
  const now = opening.peek();
  if (now.step !== "opening") return;
  running?.stop.abort();
  const error = new EngineError({ code: "ABORTED", message: "stopped" });
  opening.value = { step: "failed", error, image: now.image };
}

/** Asks the engine for the cost; call it after what costs. */
export async function refreshCost(): Promise<void> {
  const now = image.peek();
  if (now) cost.value = await engine.cost([now.id, false]);
}

async function start(signal: AbortSignal, answer?: Answer): Promise<void> {
  const { image: name = "", platform, tag, reader } = address.peek();
  const layer = layerOf(address.peek());
  let opened: OpenedImage | undefined;
  const onProgress = (now: CallProgress): void => {
    if (signal.aborted) return;
    const before = opening.peek();
    const { requests, bytes } = before.step === "opening" ? before : { requests: 0, bytes: 0 };
    opening.value = { requests, bytes, ...now, step: "opening", image: opened };
  };
  opening.value = { step: "opening", requests: 0, bytes: 0 };
  try {
    const source = sourceOf(name, tag);
    opened = await engine.open([source, platform, readingOf(name, platform, reader)], { signal, onProgress });
    const index = layer === undefined ? undefined : opened.layers.findIndex((it) => it.digest === layer);
    if (index === -1) {
      throw new EngineError({ code: "NO_SUCH_LAYER", message: `${name} has no layer ${layer}` });
    }
    const needed = layersOf(opened, index).filter(canIndex);
    if (answer === "index") {
      opening.value = { step: "opening", image: opened, requests: 0, bytes: 0 };
      opened = await indexNeeded(opened, needed, signal);
    }
    const wanted = { ...opened, layers: layersOf(opened, index) };
    const count = answer === undefined ? await attachedTo(source, wanted, signal) : 0;
    const bytes = count > 0 ? bytesWhole(wanted) : bytesToAskFor(source, wanted);
    if (bytes !== undefined && answer !== "fetch") {
      if (!signal.aborted) opening.value = { step: "ask", image: opened, bytes, attached: count };
      return;
    }
    const tree = await engine.catalogue([{ image: opened.id, layer: index }], { signal, onProgress });
    const [known, spent] = await Promise.all([engine.image([opened.id]), engine.cost([opened.id, false])]);
    if (signal.aborted) return;
    opening.value = { step: "open", image: known, catalogue: tree };
    cost.value = spent;
  } catch (error) {
    if (signal.aborted) return;
    opening.value = { step: "failed", error: asEngineError(error), image: opened };
  }
}

/**
 * How many indexes are attached to an image that has none of its own, where they would save much; it takes a request to know.
 * Nothing where the user has been asked, or the address names how to read.
 */
async function attachedTo(source: ImageSource, opened: OpenedImage, signal: AbortSignal): Promise<number> {
  const isAsked = opened.attached || opened.unverified || opened.reader !== undefined;
  if (source.kind !== "registry" || isAsked || opened.soci) return 0;
  if (!opened.layers.some((it) => it.read === "whole") || bytesWhole(opened) <= LOOK_ABOVE) return 0;
  const { count } = await engine.findAttached([opened.id], { signal });
  return count;
}

/** The layers that the tree is made of: all, or one. */
function layersOf({ layers }: OpenedImage, index: number | undefined): OpenedImage["layers"] {
  return index === undefined ? layers : layers.slice(index, index + 1);
}

/** Indexes layers; a cancel leads back to the question. */
async function indexNeeded(
  image: OpenedImage,
  layers: OpenedImage["layers"],
  signal: AbortSignal,
): Promise<OpenedImage> {
  try {
    const numbers = layers.map((it) => it.index);
    return await indexLayers(image, numbers, signal);
  } catch (error) {
    if (signal.aborted || !(error instanceof EngineError) || error.code !== "ABORTED") throw error;
    return engine.image([image.id]);
  }
}

/** Indexes one layer of the image that is open, and shows how it is read then. */
export async function indexLayer(index: number): Promise<void> {
  const now = opening.peek();
  if (now.step !== "open") return;
  const known = await indexLayers(now.image, [index]);
  const then = opening.peek();
  if (then.step === "open" && then.image.id === known.id) opening.value = { ...then, image: known };
  await refreshCost();
}

/** Only the view of files shows one layer's tree in the image's place. */
function layerOf({ view, layer }: Address): string | undefined {
  return view === "files" ? layer : undefined;
}

/** The source of an image that addresses call `name`. */
export function sourceOf(name: string, tag: string | undefined): ImageSource {
  if (!name.startsWith("file:")) return { kind: "registry", reference: name };
  const source = localSources.get(name);
  if (!source || source.kind === "registry") {
    const message = `${name.slice(5)} was opened on an earlier visit; choose it once more`;
    throw new EngineError({ code: "CHOOSE_AGAIN", message, reference: name });
  }
  return { ...source, tag };
}

/** Codes of what fails where there is no connection; the wasm is fetched, too. */
const MAYBE_NETWORK: ReadonlySet<string> = new Set(["INTERNAL", "NETWORK", "NOT_LOADED"]);

/** Any error as one of the engine's. Without a connection, that is the reason for whatever could not be fetched. */
export function asEngineError(error: unknown): EngineError {
  const known = error instanceof EngineError ? error : undefined;
  const mayBeNetwork = known === undefined || MAYBE_NETWORK.has(known.code);
  if (mayBeNetwork && !navigator.onLine) {
    return new EngineError({ code: "OFFLINE", message: "the browser has no connection" });
  }
  return known ?? new EngineError({ code: "INTERNAL", message: String(error) });
}
