/** A Markdown document: rendered, sanitised, without anything from elsewhere. @module */
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { href } from "../../page/location.ts";
import { markdown } from "../../page/preview.ts";
import type { EncodedPath } from "../../protocol/path.ts";
import { Spinner } from "../controls/Spinner.tsx";
import "./document.css";
import { Problem } from "./Problem.tsx";
import { useCall } from "./use-call.ts";

/** `path`: where links start. `name`: names the text. */
export function DocumentView(props: { text: string; path: EncodedPath; name: string }): JSX.Element {
  const { text, path, name } = props;
  const call = useCall(`${name} ${text.length}`, async (signal) => {
    const [html, { sanitise }] = await Promise.all([markdown(text, signal), import("./sanitise.ts")]);
    return sanitise(html, path, (target) => href({ path: target }));
  });
  const holder = useRef<HTMLElement>(null);
  const nodes = call.step === "done" ? call.value : undefined;
  useEffect(() => {
    if (nodes) holder.current?.replaceChildren(nodes.cloneNode(true));
  }, [nodes]);
  if (call.step === "failed") {
    return <Problem error={call.error} what="The document could not be rendered" retry={call.retry} />;
  }
  return (
    <>
      {call.step === "running" && <Spinner label="Rendering the document" />}
      <article class="document" ref={holder} />
    </>
  );
}
