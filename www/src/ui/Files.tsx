/** The files of an image: the tree on one side, what is selected on the other. @module */
import type { JSX } from "preact";
import { address, go } from "../page/location.ts";
import { catalogue } from "../page/session.ts";
import { entryAt, pathOf } from "../protocol/path.ts";
import { FileView } from "./file/FileView.tsx";
import { Tree } from "./tree/Tree.tsx";

export function Files(): JSX.Element | null {
  const tree = catalogue.value;
  if (!tree) return null;
  return (
    <div class="files">
      <Tree
        catalogue={tree}
        label="Files"
        selected={entryAt(tree, address.value.path)}
        onSelect={(entry) => go({ path: pathOf(tree, entry) })}
      />
      <FileView catalogue={tree} path={address.value.path} />
    </div>
  );
}
