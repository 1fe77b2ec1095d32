/** View of the selected path: a file, a folder, a link. @module */

import { useEffect, useState } from "preact/hooks";
import { bytes } from "../../format/format.ts";
import { visible } from "../../format/visible.ts";
import { engine } from "../../page/engine.ts";
import { address, href } from "../../page/location.ts";
import { image } from "../../page/session.ts";
import type { EngineError, FileFacts, FileRef } from "../../protocol/api.ts";
import type { Catalogue } from "../../protocol/catalogue.ts";
import { displayPath, type EncodedPath } from "../../protocol/path.ts";
import { Note, Spinner } from "../controls/index.ts";
import { FailureNote } from "../shared/Failure.tsx";
import { useCall } from "../shared/use-call.ts";
import { resolveEntry } from "../tree/resolve.ts";
import { AboutView } from "./AboutView.tsx";
import { Content } from "./Content.tsx";
import { FileHead } from "./FileHead.tsx";
import { FolderView } from "./FolderView.tsx";
import { Pending } from "./Pending.tsx";
import "./file.css";

/** Shows `path` of the image on screen, or of the layer that the address names. */
export function FileView({ catalogue, path }: { catalogue: Catalogue; path: EncodedPath }) {
  const opened = image.value;
  const digest = address.value.layer;
  if (!opened) return null;
  const layer = digest === undefined ? undefined : opened.layers.findIndex((it) => it.digest === digest);
  const file: FileRef = { image: opened.id, path, ...(layer !== undefined && layer >= 0 ? { layer } : {}) };
  return <Entry file={file} catalogue={catalogue} />;
}

function Entry({ file, catalogue }: { file: FileRef; catalogue: Catalogue }) {
  const key = JSON.stringify(file);
  const call = useCall(key, (options) => engine.stat([file, false], options));
  const [title, setTitle] = useState<string>();
  // Another file has another title
  useEffect(() => setTitle(undefined), [key]);
  const facts = call.step === "done" ? call.value : undefined;
  const entry = resolveEntry(catalogue, file.path);
  const isFolder = facts?.type === "directory";
  return (
    <section class="file column" aria-label={visible(displayPath(file.path))}>
      <FileHead
        file={file}
        facts={facts}
        title={title}
        size={isFolder && entry !== undefined ? catalogue.size[entry] : undefined}
      />
      <div class="file-body column">
        {!facts && (
          <div class="file-pad">
            <Pending call={call} doing="Looking it up" />
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

function Body({ file, facts, catalogue, entry, onTitle }: BodyProps) {
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

export function LinkView({ file, facts }: { file: FileRef; facts: FileFacts }) {
  const call = useCall(JSON.stringify(file), (options) => engine.stat([file, true], options));
  return (
    <div class="folder">
      <section class="folder-summary grid" aria-label="Target">
        <p>
          Points to <code class="link-target">{visible(facts.linkname ?? "")}</code>
        </p>
        {call.step === "running" && <Spinner label="Following" />}
        {call.step === "done" && <Target facts={call.value} />}
        {call.step === "failed" && <Nowhere error={call.error} retry={call.retry} />}
      </section>
      <AboutView file={file} facts={facts} />
    </div>
  );
}

function Target({ facts }: { facts: FileFacts }) {
  const words = { directory: "folder", file: bytes(facts.size) } as Record<string, string>;
  return (
    <p>
      Leads to{" "}
      <a href={href({ path: facts.path })}>
        <bdi>{visible(displayPath(facts.path))}</bdi>
      </a>
      , {words[facts.type] ?? facts.type}
    </p>
  );
}

function Nowhere(props: { error: EngineError; retry(): void }) {
  const { code } = props.error;
  if (code === "ENOENT" || code === "ENOTDIR") {
    return <Note kind="careful" title="The link is broken: the image has no such file" />;
  }
  if (code === "ELOOP") return <Note kind="careful" title="It leads in a circle" />;
  return <FailureNote error={props.error} onRetry={props.retry} />;
}
