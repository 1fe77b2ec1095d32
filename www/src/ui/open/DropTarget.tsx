/** Drop target: files can be dropped anywhere on the page. @module */
import { useEffect, useState } from "preact/hooks";
import { openLocal } from "../../page/local.ts";
import { filesOfDrop, hasFiles } from "../shared/pick.ts";

/** Render it once; it shows itself while files are dragged over the page. */
export function DropTarget() {
  const [isOver, setOver] = useState(false);
  useEffect(() => {
    const stop = new AbortController();
    const on = (
      type: "dragenter" | "dragover" | "dragleave" | "drop",
      run: (event: DragEvent) => void,
    ): void => addEventListener(type, (event) => hasFiles(event) && run(event), { signal: stop.signal });
    const accept = (event: DragEvent): void => {
      event.preventDefault();
      if (event.dataTransfer) event.dataTransfer.dropEffect = "copy";
      setOver(true);
    };
    on("dragenter", accept);
    on("dragover", accept);
    on("dragleave", (event) => {
      // It tells of each element that is left; of the window without another one.
      if (!event.relatedTarget) setOver(false);
    });
    on("drop", (event) => {
      event.preventDefault();
      setOver(false);
      if (event.dataTransfer) void filesOfDrop(event.dataTransfer).then(openLocal);
    });
    return () => stop.abort();
  }, []);
  return isOver ? <div class="drop-target">Drop it to open it</div> : null;
}
