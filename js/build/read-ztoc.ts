/** Looks into zTOCs. @module */
import { ZtocView } from "../../wasm/ocipeek_build.js";
import { calling } from "../errors.js";
import { pathBytes } from "../path.js";
import type { ZtocFacts, ZtocSpan } from "../types/build.js";
import { BATCH, EntryOf } from "./entries.js";
import { buildReady } from "./runtime.js";
import { pair } from "./ztoc.js";

/**
 * What a zTOC says. Its digest is the caller's to check.
 *
 * @example
 * ```js
 * import { createReadStream } from "node:fs";
 * import { buildZtoc, readZtoc } from "ocipeek/build";
 *
 * const ztoc = await buildZtoc(createReadStream("layer.tar.gz"));
 * const { entries, spans } = await readZtoc(await ztoc.bytes());
 * console.log(`${entries.length} entries, ${spans.length} spans`);
 * await ztoc.close();
 * ```
 *
 * @throws {@link OcipeekError} `CORRUPT_ZTOC`, `UNSUPPORTED`, `LIMIT_EXCEEDED`.
 */
export async function readZtoc(
  bytes: Uint8Array,
  options: { limits?: Record<string, number> | undefined } = {},
): Promise<ZtocFacts> {
  const view = await openZtoc(bytes, options.limits);
  const { spans: spanCount, entries: entryCount, ...facts } = view.facts();
  const spans: ZtocSpan[] = [];
  while (spans.length < spanCount) spans.push(...view.spans(spans.length, BATCH));
  const entries: EntryOf[] = [];
  while (entries.length < entryCount) {
    for (const raw of view.entries(entries.length, BATCH)) entries.push(new EntryOf(raw));
  }
  return { ...facts, spans, entries, spansOf: (path) => pair(view.spansOf(pathBytes(path))) };
}

/** A zTOC in wasm. The caller frees it. @internal */
export async function openZtoc(
  bytes: Uint8Array,
  limits: Record<string, number> | undefined,
): Promise<ZtocView> {
  await buildReady();
  return calling(() => new ZtocView(bytes, { limits }));
}
