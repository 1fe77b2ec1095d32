/** The files of an image: the tree on one side, what is selected on the other. @module */

import { useEffect, useState } from "preact/hooks";
import { shortDigest } from "../format/format.ts";
import { visibleName } from "../format/visible.ts";
import { address, go, href } from "../page/location.ts";
import { catalogue, image } from "../page/session.ts";
import { type Catalogue, typeOf } from "../protocol/catalogue.ts";
import { decodePath, type EncodedPath, pathOf } from "../protocol/path.ts";
import { LeftIcon, RightIcon } from "./controls/icons.tsx";
import { Button, ButtonLink } from "./controls/index.ts";
import { FileView } from "./file/FileView.tsx";
import { modelOf } from "./tree/model.ts";
import { resolveEntry } from "./tree/resolve.ts";
import { Split } from "./tree/Split.tsx";
import { Tree } from "./tree/Tree.tsx";

export function Files() {
  const tree = catalogue.value;
  return tree ? <Panes tree={tree} path={address.value.path} /> : null;
}

/** Where a format makes one tree of all layers. */
const WITHOUT_LAYER = ["size", "mtime", "mode", "owner"] as const;

function Panes({ tree, path }: { tree: Catalogue; path: EncodedPath }) {
  const selected = resolveEntry(tree, path);
  const isMerged = image.value?.isMerged === true;
  const isFolder = selected !== undefined && typeOf(tree, selected) === "directory";
  // On a phone a file takes the screen; a folder opens in the tree, and takes it when asked to.
  const [wantsFolder, setWantsFolder] = useState(false);
  useEffect(() => setWantsFolder(false), [path]);
  const folder = selected === undefined ? 0 : (tree.parent[selected] ?? 0);
  return (
    <Split
      name="files"
      label="Width of the tree"
      shown={isFolder && !wantsFolder ? "first" : "second"}
      first={
        <>
          <LayerNotice />
          <Tree
            catalogue={tree}
            label="Files"
            selected={selected}
            onSelect={(entry) => go({ path: pathOf(tree, entry) })}
            columns={isMerged ? WITHOUT_LAYER : undefined}
          />
          <div class="files-more">
            <h1>
              <bdi>{visibleName(decodePath(path))}</bdi>
            </h1>
            <Button icon={RightIcon} onClick={() => setWantsFolder(true)}>
              Details
            </Button>
          </div>
        </>
      }
      second={
        <>
          <div class="files-back phone-back">
            {wantsFolder ? (
              <Button kind="quiet" icon={LeftIcon} onClick={() => setWantsFolder(false)}>
                Files
              </Button>
            ) : (
              <ButtonLink
                kind="quiet"
                icon={LeftIcon}
                href={href({ path: pathOf(tree, folder) })}
                // The tree is found as it was left, with the file in sight.
                onClick={() => {
                  modelOf(tree).revealed = folder;
                }}
              >
                Files
              </ButtonLink>
            )}
          </div>
          <FileView catalogue={tree} path={path} />
        </>
      }
    />
  );
}

/** Says that the tree is that of one layer, where it is. */
function LayerNotice() {
  const { layer } = address.value;
  if (layer === undefined) return null;
  return (
    <p class="files-layer between">
      <span>
        Layer <code title={layer}>{shortDigest(layer)}</code> alone
      </span>
      <a href={href({ layer: undefined })}>Whole image</a>
    </p>
  );
}
