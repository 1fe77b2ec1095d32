/**
 * For an image that has no index of its own: what somebody attached to it, and the choice to read by that or not.
 * @module
 */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { isAttached } from "../../format/reading.ts";
import { engine } from "../../page/engine.ts";
import { asEngineError, readAttached } from "../../page/session.ts";
import type { AttachedIndexes, OpenedImage } from "../../protocol/api.ts";
import { Button } from "../controls/Button.tsx";
import { Note } from "../controls/Note.tsx";

/** Nothing where no layer would be read by it. */
export function AttachedIndex({ image }: { image: OpenedImage }): JSX.Element | null {
  if (image.attached) return <Agreed image={image} />;
  const isLacking = image.soci === undefined && image.layers.some((it) => it.read === "whole");
  return isLacking && image.route !== "local" ? <Search key={image.id} image={image} /> : null;
}

/** The user agreed: what came of it. */
function Agreed({ image }: { image: OpenedImage }): JSX.Element {
  const isUsed = image.layers.some(isAttached);
  return (
    <Note
      kind={isUsed ? "careful" : "info"}
      title={
        isUsed ? "It is read by what is attached to it, as you agreed" : "What is attached to it is of no use"
      }
      actions={<Button onClick={() => readAttached(false)}>Read it by its layers alone</Button>}
    >
      {isUsed
        ? "Somebody who may write to the repository put it there. It could show other names, links and contents than the layers hold, and hide files. That holds until this page is left."
        : "No attached index fits this image, so it is read by its layers alone."}
    </Note>
  );
}

/** Whether there is one takes a request, which nobody has asked for yet. */
function Search({ image }: { image: OpenedImage }): JSX.Element {
  const [found, setFound] = useState<AttachedIndexes>();
  const [isRunning, setRunning] = useState(false);
  const look = async (): Promise<void> => {
    setRunning(true);
    try {
      setFound(await engine.findAttached([image.id]));
    } catch (error) {
      setFound({ count: 0, failed: asEngineError(error).message });
    } finally {
      setRunning(false);
    }
  };
  const count = found?.count ?? 0;
  return (
    <Note
      title="The image names no index of its own"
      actions={
        count > 0 ? (
          <Button onClick={() => readAttached(true)}>Use the attached index</Button>
        ) : (
          <Button onClick={() => void look()} busy={isRunning}>
            Look for an attached one
          </Button>
        )
      }
    >
      <span role="status">
        {found === undefined
          ? "Somebody who may write to the repository can have put one beside it. Nothing would tie that one to the image."
          : count > 0
            ? `${count === 1 ? "One was" : `${count} were`} found. It could show other names, links and contents than the layers hold, and hide files: whoever attached it decides that.`
            : (found.failed ?? "None was found.")}
      </span>
    </Note>
  );
}
