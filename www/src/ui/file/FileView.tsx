/** What is selected: a file, a folder, a link. @module */
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { visible } from "../../format/visible.ts";
import { engine } from "../../page/engine.ts";
import { address } from "../../page/location.ts";
import { image } from "../../page/session.ts";
import type { FileFacts, FileRef } from "../../protocol/api.ts";
import type { Catalogue } from "../../protocol/catalogue.ts";
import { displayPath, type EncodedPath } from "../../protocol/path.ts";
import { Spinner } from "../controls/Spinner.tsx";
import { resolveEntry } from "../tree/resolve.ts";
import { AboutView } from "./AboutView.tsx";
import { Content } from "./Content.tsx";
import { FileHead } from "./FileHead.tsx";
import { FolderView } from "./FolderView.tsx";
import "./file.css";
import { LinkView } from "./LinkView.tsx";
import { Problem } from "./Problem.tsx";
import { useCall } from "./use-call.ts";

/** Shows `path` of the image on screen, or of the layer that the address names. */
export function FileView({
  catalogue,
  path,
}: {
  catalogue: Catalogue;
  path: EncodedPath;
}): JSX.Element | null {
  const opened = image.value;
  const digest = address.value.layer;
  if (!opened) return null;
  const layer = digest === undefined ? undefined : opened.layers.findIndex((it) => it.digest === digest);
  const file: FileRef = { image: opened.id, path, ...(layer !== undefined && layer >= 0 ? { layer } : {}) };
  return <Entry file={file} catalogue={catalogue} />;
}

function Entry({ file, catalogue }: { file: FileRef; catalogue: Catalogue }): JSX.Element {
  const key = JSON.stringify(file);
  const call = useCall(key, (signal) => engine.stat([file, false], { signal }));
  const [title, setTitle] = useState<string>();
  // Another file has another title
  useEffect(() => setTitle(undefined), [key]);
  const facts = call.step === "done" ? call.value : undefined;
  const entry = resolveEntry(catalogue, file.path);
  const isFolder = facts?.type === "directory";
  return (
    <section class="file" aria-label={visible(displayPath(file.path))}>
      <FileHead
        file={file}
        facts={facts}
        title={title}
        size={isFolder && entry !== undefined ? catalogue.size[entry] : undefined}
      />
      <div class="file-body">
        {call.step === "running" && (
          <div class="file-pad">
            <Spinner label="Looking it up" />
          </div>
        )}
        {call.step === "failed" && (
          <div class="file-pad">
            <Problem error={call.error} what="It could not be looked up" retry={call.retry} />
          </div>
        )}
        {facts && <Body file={file} facts={facts} {...{ catalogue, entry }} onTitle={setTitle} />}
      </div>
    </section>
  );
}

interface BodyProps {
  file: FileRef;
  facts: FileFacts;
  catalogue: Catalogue;
  entry: number | undefined;
  onTitle(title: string | undefined): void;
}

function Body({ file, facts, catalogue, entry, onTitle }: BodyProps): JSX.Element {
  if (facts.type === "file") return <Content file={file} facts={facts} onTitle={onTitle} />;
  return (
    <div class="file-scroll">
      {facts.type === "directory" && entry !== undefined ? (
        <FolderView catalogue={catalogue} entry={entry} file={file} facts={facts} />
      ) : facts.type === "symlink" ? (
        <LinkView file={file} facts={facts} />
      ) : (
        <AboutView file={file} facts={facts} />
      )}
    </div>
  );
}
