/** A tree of files, of any size. @module */
import type { JSX } from "preact";
import { type Catalogue, childrenOf, nameOf } from "../../protocol/catalogue.ts";

/** What a tree shows, and whom it tells. Used for the image, for one layer's changes, and for comparisons. */
export interface TreeProps {
  catalogue: Catalogue;
  /** Its name for screen readers. */
  label: string;
  /** The selected entry; its folders are opened. */
  selected: number | undefined;
  onSelect(entry: number): void;
}

export function Tree({ catalogue, label, onSelect }: TreeProps): JSX.Element {
  return (
    <ul class="tree" aria-label={label}>
      {[...childrenOf(catalogue, 0)].map((entry) => (
        <li key={entry}>
          <button type="button" onClick={() => onSelect(entry)}>
            {nameOf(catalogue, entry)}
          </button>
        </li>
      ))}
    </ul>
  );
}
