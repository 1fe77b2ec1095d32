/** The tree of two images with what differs, and beside it what is selected. @module */

import { useMemo } from "preact/hooks";
import type { OpenComparison } from "../../page/comparison.ts";
import { address, go, href } from "../../page/location.ts";
import { CHANGES, markedEntries, typeOf } from "../../protocol/catalogue.ts";
import { entryAt, pathOf } from "../../protocol/path.ts";
import { LeftIcon } from "../controls/icons.tsx";
import { ButtonLink, Choice } from "../controls/index.ts";
import { PHONE, useMedia } from "../shared/use-media.ts";
import { Split } from "../tree/Split.tsx";
import { Tree } from "../tree/Tree.tsx";
import { FileDiffView } from "./FileDiffView.tsx";
import { Summary } from "./Summary.tsx";

/** `show` in the address. */
const SHOWN = [
  { id: "", title: "Differences" },
  { id: "certain", title: "Certain" },
  { id: "all", title: "All files" },
] as const;

interface CompareProps {
  compared: OpenComparison;
  /** Contents were compared. */
  onAnew(compared: OpenComparison): void;
}

export function Compare({ compared, onAnew }: CompareProps) {
  const { catalogue: tree, unverifiedSame } = compared.comparison;
  const { path, show } = address.value;
  const shown = SHOWN.find(({ id }) => id === show)?.id ?? "";
  const only = useMemo(() => {
    if (shown === "all") return undefined;
    return markedEntries(tree, shown === "certain" ? ["added", "changed", "removed"] : CHANGES);
  }, [tree, shown]);
  // Beside the tree, or above it: there once, as it holds what runs.
  const isPhone = useMedia(PHONE);
  const selected = entryAt(tree, path);
  const isFolder = selected === undefined ? path === "/" : typeOf(tree, selected) === "directory";
  // Without undecided ones, all differences are certain.
  const options = SHOWN.filter(({ id }) => id !== "certain" || unverifiedSame.files > 0 || shown === id);
  return (
    <Split
      name="compare"
      label="Width of the tree"
      shown={isFolder ? "first" : "second"}
      first={
        <>
          {isPhone && <Summary compared={compared} onAnew={onAnew} isShort />}
          <div class="compare-shown">
            <Choice
              label="Which files to show"
              options={options}
              selected={shown}
              onSelect={(id) => go({ show: id === "" ? undefined : id })}
            />
          </div>
          <div class="tall-tree">
            <Tree
              catalogue={tree}
              label="Files of both images"
              selected={selected}
              onSelect={(entry) => go({ path: pathOf(tree, entry) })}
              columns={["size", "mtime", "mode", "owner"]}
              only={only}
              empty="Nothing differs."
            />
          </div>
        </>
      }
      second={
        path === "/" ? (
          !isPhone && <Summary compared={compared} onAnew={onAnew} />
        ) : (
          <>
            <div class="phone-back">
              <ButtonLink kind="quiet" icon={LeftIcon} href={href({ path: "/" })}>
                Summary
              </ButtonLink>
            </div>
            <FileDiffView key={path} compared={compared} path={path} entry={selected} />
          </>
        )
      }
    />
  );
}
