/** A config's history, beside the layers that it made. @module */
import type { ImageConfig } from "ocipeek";

/** One step of a build. */
export interface Step {
  /** What it says that it did, as a Dockerfile has it; empty where it says nothing. */
  command: string;
  /** Milliseconds; NaN where unknown. */
  created: number;
  comment: string;
  /** The layer that it made, 0 the lowest; nothing where it made none. */
  layer: number | undefined;
}

/**
 * The steps, the first one on top. Histories may lack steps, or be made up: where they tell of fewer layers than there
 * are, the rest has steps without a command; where they tell of more, what is beyond is left out.
 */
export function stepsOf(config: ImageConfig | undefined, layers: number): Step[] {
  const steps: Step[] = [];
  let layer = 0;
  for (const { created_by, created, comment, empty_layer } of config?.history ?? []) {
    const isLayer = empty_layer !== true;
    if (isLayer && layer >= layers) continue;
    steps.push({
      command: commandOf(created_by ?? ""),
      created: created === undefined ? Number.NaN : Date.parse(created),
      comment: comment ?? "",
      layer: isLayer ? layer++ : undefined,
    });
  }
  for (; layer < layers; layer++) steps.push({ command: "", created: Number.NaN, comment: "", layer });
  return steps;
}

const BUILDKIT = / # buildkit$/;
const SHELL = /^(RUN )?(?:\|\d+ (?:\S+ )*?)?\/bin\/(?:ba|a)?sh (?:-\S+ (?:[a-z]+ )?)*?-[a-z]*c /;
const NO_OPERATION = /^#\(nop\)\s+/;

/** `/bin/sh -c #(nop)  CMD ["sh"]` is `CMD ["sh"]`; `/bin/sh -c make` is `RUN make`. */
export function commandOf(createdBy: string): string {
  const text = createdBy.trim().replace(BUILDKIT, "");
  const shell = SHELL.exec(text);
  if (!shell) return text;
  const rest = text.slice(shell[0].length);
  if (NO_OPERATION.test(rest)) return rest.replace(NO_OPERATION, "").trim();
  return `RUN ${rest.trim()}`;
}
