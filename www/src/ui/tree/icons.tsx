/** Icons of the kinds of entries. Decoration: the row's name for screen readers says the kind. @module */

import type { EntryType } from "../../protocol/catalogue.ts";
import { icon } from "../controls/icons.tsx";

/** What has an icon of its own. */
export type Kind = EntryType | "open" | "program";

const FOLDER = "M1.500 12.500v-9.300h4.800l1.500 1.800h6.700v7.500z";
const SHEET = "M3.500 1.500h6l3 3v10h-9zM9.500 1.500v3h3";

/** Outlines in 16 by 16. */
const OUTLINES: Record<Kind, string> = {
  file: SHEET,
  program: `${SHEET}M5.700 7.500l2 1.700-2 1.700M8.800 11.500h1.700`,
  directory: FOLDER,
  open: "M1.500 12.500v-9.300h4.800l1.500 1.800h5.200v1.700M1.500 12.500l2-5.800h11.700l-2 5.800z",
  symlink:
    "M6.500 9.500a2.500 2.500 0 0 0 3.500 0l2.700-2.700a2.500 2.500 0 0 0-3.500-3.500l-1 1M9.500 6.500a2.500 2.500 0 0 0-3.500 0l-2.700 2.700a2.500 2.500 0 0 0 3.500 3.500l1-1",
  "char-device": "M2 3.500h12v7H2zM5.500 13.500h5M5 6h.1M8 6h.1M11 6h.1M5.500 8.300h5",
  "block-device": "M2.500 4c0-2 11-2 11 0v8c0 2-11 2-11 0zM2.500 4c0 2 11 2 11 0M2.500 8c0 2 11 2 11 0",
  fifo: "M1.500 5h13M1.500 11h13M5.500 8h5M8.800 6.300L10.500 8l-1.700 1.700",
  whiteout: `${SHEET}M6 7.500l4 4M10 7.500l-4 4`,
  opaque: `${FOLDER}M6.200 7l3.600 3.600M9.800 7l-3.600 3.600`,
};

/** The icon of an entry. */
export function KindIcon({ kind }: { kind: Kind }) {
  return (
    <svg class={`icon tree-kind tree-kind-${kind}`} viewBox="0 0 16 16" aria-hidden="true">
      <path d={OUTLINES[kind]} />
    </svg>
  );
}

/** Opens all folders. */
export const OpenAllIcon = icon("M4.500 5.500L8 2l3.500 3.500M4.500 10.500L8 14l3.500-3.500M3 8h10");
/** Closes all folders. */
export const CloseAllIcon = icon("M4.500 2L8 5.500 11.500 2M4.500 14L8 10.500l3.500 3.500M3 8h10");
