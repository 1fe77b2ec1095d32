/** Header of a file in two lines: its place, its main attributes, and what can be done with it. @module */

import { bytes, permissions, time } from "../../format/format.ts";
import { verifiedInWords } from "../../format/verified.ts";
import { visible, visibleName } from "../../format/visible.ts";
import { saveFile, saveFolder } from "../../page/download.ts";
import { permalink } from "../../page/link.ts";
import { href } from "../../page/location.ts";
import type { FileFacts, FileRef } from "../../protocol/api.ts";
import { decodePath, type EncodedPath } from "../../protocol/path.ts";
import { AlertIcon, DownloadIcon, LinkIcon, ShieldIcon } from "../controls/icons.tsx";
import { Button, CopyButton } from "../controls/index.ts";
import { useAction } from "../controls/use-action.ts";
import { FailureNote } from "../shared/Failure.tsx";

interface HeadProps {
  file: FileRef;
  facts: FileFacts | undefined;
  /** What it is, where its content says it. */
  title: string | undefined;
  /** Bytes of the folder's files. */
  size: number | undefined;
}

export function FileHead({ file, facts, title, size }: HeadProps) {
  const canSave = facts?.type === "file" || facts?.type === "directory";
  return (
    <header class="file-head">
      <div class="file-head-row">
        <Place path={file.path} />
        <div class="file-actions">
          <CopyButton text={() => permalink()} label="Copy link to this file" icon={LinkIcon} />
          {canSave && <Save key={file.path} file={file} isFolder={facts?.type === "directory"} />}
        </div>
      </div>
      {facts && <Facts facts={facts} title={title} size={size} />}
    </header>
  );
}

/** The path, each folder a link. */
function Place({ path }: { path: EncodedPath }) {
  const names = path.split("/").filter((name) => name !== "");
  return (
    <h1 class="file-place">
      <a class="quiet-link" href={href({ path: "/" })} aria-label="The root folder">
        /
      </a>
      {names.map((name, at) => {
        const to = `/${names.slice(0, at + 1).join("/")}`;
        const text = <bdi>{visibleName(decodePath(name))}</bdi>;
        return at === names.length - 1 ? (
          <span key={to} class="bold">
            {text}
          </span>
        ) : (
          <span key={to}>
            <a class="quiet-link" href={href({ path: to })}>
              {text}
            </a>
            /
          </span>
        );
      })}
    </h1>
  );
}

function Facts(props: { facts: FileFacts; title: string | undefined; size: number | undefined }) {
  const { facts, title, size } = props;
  const words = verifiedInWords(facts.verified, facts.type === "file");
  const owner = `${facts.uname ? visible(facts.uname) : facts.uid}:${facts.gname ? visible(facts.gname) : facts.gid}`;
  const shownSize = facts.type === "file" ? facts.size : size;
  return (
    <p class="file-facts hint figures">
      {title && <bdi>{visible(title)}</bdi>}
      {shownSize !== undefined && <span>{bytes(shownSize)}</span>}
      <span>
        <code>{permissions(facts.mode)}</code>
      </span>
      <span>{owner}</span>
      {time(facts.mtime) && <span>{time(facts.mtime)}</span>}
      {facts.layer >= 0 && <span>layer {facts.layer}</span>}
      <span class={`file-verified toned tone-${words.level === "all" ? "good" : "careful"}`}>
        {words.level === "all" ? <ShieldIcon /> : <AlertIcon />}
        {words.short}
      </span>
    </p>
  );
}

/** Saves to disk. It goes on when the view is left; the browser's list of downloads stops it. */
function Save({ file, isFolder }: { file: FileRef; isFolder: boolean }) {
  const { run, isRunning, error } = useAction(() => (isFolder ? saveFolder : saveFile)(file));
  return (
    <>
      <Button icon={DownloadIcon} busy={isRunning} onClick={run}>
        {isFolder ? "Download tar" : "Download"}
      </Button>
      {error && (
        <div class="file-save-problem">
          <FailureNote error={error} onRetry={run} />
        </div>
      )}
    </>
  );
}
