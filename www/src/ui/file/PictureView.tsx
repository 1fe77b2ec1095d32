/** A picture, drawn by the browser out of memory. @module */

import { useState } from "preact/hooks";
import { bytes } from "../../format/format.ts";
import { Button, Note, Spinner } from "../controls/index.ts";
import { FailureNote } from "../shared/Failure.tsx";
import { useCall } from "../shared/use-call.ts";
import { useObjectUrl } from "../shared/use-object-url.ts";

/** Larger ones are read when asked for. */
const ASK_ABOVE = 8 << 20;

interface PictureProps {
  name: string;
  size: number;
  /** Its media type: of a closed list, never what the image says. */
  type: string;
  /** Reads all of it. */
  readAll(signal: AbortSignal): Promise<Uint8Array<ArrayBuffer>>;
}

export function PictureView(props: PictureProps) {
  const { size } = props;
  const [wanted, setWanted] = useState(size <= ASK_ABOVE);
  if (wanted) return <Picture {...props} />;
  return (
    <div class="file-pad">
      <Note
        title={`The picture is ${bytes(size)}`}
        actions={<Button onClick={() => setWanted(true)}>Show it</Button>}
      />
    </div>
  );
}

function Picture({ name, type, readAll }: PictureProps) {
  const call = useCall(name, ({ signal }) => readAll(signal));
  const [state, setState] = useState<{ width: number; height: number } | "broken">();
  // As an image the browser runs nothing that is in it, and fetches nothing, also of an SVG.
  const url = useObjectUrl(call.step === "done" ? [call.value] : undefined, type);
  if (call.step === "failed") {
    return (
      <div class="file-pad">
        <FailureNote error={call.error} onRetry={call.retry} />
      </div>
    );
  }
  if (state === "broken") {
    return (
      <div class="file-pad">
        <Note kind="careful" title="The browser cannot draw this picture">
          The hex view shows its bytes.
        </Note>
      </div>
    );
  }
  return (
    <figure class="picture column">
      {url ? (
        <img
          src={url}
          alt={name}
          onLoad={({ currentTarget: it }) => setState({ width: it.naturalWidth, height: it.naturalHeight })}
          onError={() => setState("broken")}
        />
      ) : (
        <Spinner label="Reading the picture" />
      )}
      {state && (
        <figcaption class="hint figures">
          {state.width} × {state.height} pixels
        </figcaption>
      )}
    </figure>
  );
}
