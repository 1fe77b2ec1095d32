/** A picture, drawn by the browser out of memory. @module */
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { bytes } from "../../format/format.ts";
import { Button } from "../controls/Button.tsx";
import { Note } from "../controls/Note.tsx";
import { Spinner } from "../controls/Spinner.tsx";
import "./picture.css";
import { Problem } from "./Problem.tsx";
import { useCall } from "./use-call.ts";

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

export function PictureView(props: PictureProps): JSX.Element {
  const { size } = props;
  const [wanted, setWanted] = useState(size <= ASK_ABOVE);
  if (wanted) return <Picture {...props} />;
  return (
    <div class="file-pad">
      <Note
        title={`The picture has ${bytes(size)}`}
        actions={<Button onClick={() => setWanted(true)}>Show it</Button>}
      />
    </div>
  );
}

function Picture({ name, type, readAll }: PictureProps): JSX.Element {
  const call = useCall(name, readAll);
  const [url, setUrl] = useState<string>();
  const [state, setState] = useState<{ width: number; height: number } | "broken">();
  const content = call.step === "done" ? call.value : undefined;
  useEffect(() => {
    if (!content) return;
    // As an image the browser runs nothing that is in it, and fetches nothing, also of an SVG.
    const made = URL.createObjectURL(new Blob([content], { type }));
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [content, type]);
  if (call.step === "failed") {
    return (
      <div class="file-pad">
        <Problem error={call.error} what="The picture could not be read" retry={call.retry} />
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
    <figure class="picture">
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
        <figcaption>
          {state.width} × {state.height} pixels
        </figcaption>
      )}
    </figure>
  );
}
