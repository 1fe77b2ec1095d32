/** Documents: Markdown, rendered and sanitised; and HTML files, in a frame in which nothing runs and nothing is fetched. @module */

import { useEffect, useRef } from "preact/hooks";
import { href } from "../../page/location.ts";
import { markdown } from "../../page/preview.ts";
import type { EncodedPath } from "../../protocol/path.ts";
import { Note } from "../controls/index.ts";
import { useCall } from "../shared/use-call.ts";
import { useObjectUrl } from "../shared/use-object-url.ts";
import { Pending } from "./Pending.tsx";

/** `path`: where links start. `name`: names the text. */
export function DocumentView(props: { text: string; path: EncodedPath; name: string }) {
  const { text, path, name } = props;
  const call = useCall(`${name} ${text.length}`, async ({ signal }) => {
    const [html, { sanitise }] = await Promise.all([markdown(text, signal), import("./sanitise.ts")]);
    return sanitise(html, path, (target) => href({ path: target }));
  });
  const holder = useRef<HTMLElement>(null);
  const nodes = call.step === "done" ? call.value : undefined;
  useEffect(() => {
    if (nodes) holder.current?.replaceChildren(nodes.cloneNode(true));
  }, [nodes]);
  return (
    <>
      <Pending call={call} doing="Rendering the document" />
      <article class="document" ref={holder} hidden={!nodes} />
    </>
  );
}

/** Only narrows what the page's own policy allows, which the frame inherits. */
const POLICY = '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'">';

export function PageView({ text, name }: { text: string; name: string }) {
  const url = useObjectUrl([POLICY, text], "text/html;charset=utf-8");
  return (
    <div class="page column">
      <div class="file-pad">
        <Note>Without its styles, scripts and pictures: nothing of it runs, and nothing is fetched.</Note>
      </div>
      {url && <iframe class="page-frame" sandbox="" src={url} title={`Page ${name}`} />}
    </div>
  );
}
