/** A symbolic link: where it points, and where that leads. @module */
import type { JSX } from "preact";
import { bytes } from "../../format/format.ts";
import { visible } from "../../format/visible.ts";
import { engine } from "../../page/engine.ts";
import { href } from "../../page/location.ts";
import type { FileFacts, FileRef } from "../../protocol/api.ts";
import { displayPath } from "../../protocol/path.ts";
import { Note } from "../controls/Note.tsx";
import { Spinner } from "../controls/Spinner.tsx";
import { AboutView } from "./AboutView.tsx";
import "./folder.css";
import { Problem } from "./Problem.tsx";
import { useCall } from "./use-call.ts";

export function LinkView({ file, facts }: { file: FileRef; facts: FileFacts }): JSX.Element {
  const call = useCall(JSON.stringify(file), (signal) => engine.stat([file, true], { signal }));
  return (
    <div class="folder">
      <section class="folder-summary" aria-label="Target">
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

function Target({ facts }: { facts: FileFacts }): JSX.Element {
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

function Nowhere(props: { error: Parameters<typeof Problem>[0]["error"]; retry(): void }): JSX.Element {
  const { code } = props.error;
  if (code === "ENOENT" || code === "ENOTDIR") {
    return <Note kind="careful" title="It leads nowhere: the image has no such file" />;
  }
  if (code === "ELOOP") return <Note kind="careful" title="It leads in a circle" />;
  return <Problem error={props.error} what="The link could not be followed" retry={props.retry} />;
}
