/** A file's hash, made when it is asked for. @module */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { bytes } from "../../format/format.ts";
import { engine } from "../../page/engine.ts";
import type { FileRef } from "../../protocol/api.ts";
import { Button } from "../controls/Button.tsx";
import { CopyButton } from "../controls/CopyButton.tsx";
import { Problem } from "./Problem.tsx";
import { useCall } from "./use-call.ts";

/** Smaller files are hashed without a question only where they are here already: it reads all of the file. */
export function HashValue({ file, size }: { file: FileRef; size: number }): JSX.Element {
  const key = JSON.stringify(file);
  const [wanted, setWanted] = useState<string>();
  if (wanted === key) return <Hash key={key} file={file} size={size} onStop={() => setWanted(undefined)} />;
  return (
    <div class="about-action">
      <Button onClick={() => setWanted(key)}>Compute</Button>
      <span>reads all of it: {bytes(size)}</span>
    </div>
  );
}

function Hash({ file, size, onStop }: { file: FileRef; size: number; onStop(): void }): JSX.Element {
  const [done, setDone] = useState(0);
  const call = useCall("hash", (signal) =>
    engine.hash([file], { signal, onProgress: (progress) => setDone(progress.done ?? 0) }),
  );
  if (call.step === "failed") {
    return <Problem error={call.error} what="The hash could not be computed" retry={call.retry} />;
  }
  if (call.step === "running") {
    return (
      <div class="about-action">
        <progress max={size} value={done} aria-label="Hashing" />
        <span class="figures">
          {bytes(done)} of {bytes(size)}
        </span>
        <Button kind="quiet" onClick={onStop}>
          Stop
        </Button>
      </div>
    );
  }
  return (
    <div class="about-action">
      <code class="about-hash">{call.value}</code>
      <CopyButton text={call.value} label="Copy SHA-256" />
    </div>
  );
}
