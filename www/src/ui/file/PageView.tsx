/** An HTML file in a frame in which nothing runs and nothing is fetched. @module */
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Note } from "../controls/Note.tsx";
import "./picture.css";

/** Only narrows what the page's own policy allows, which the frame inherits. */
const POLICY = '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'">';

export function PageView({ text, name }: { text: string; name: string }): JSX.Element {
  const [url, setUrl] = useState<string>();
  useEffect(() => {
    const made = URL.createObjectURL(new Blob([POLICY, text], { type: "text/html;charset=utf-8" }));
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [text]);
  return (
    <div class="page">
      <div class="file-pad">
        <Note>Without its styles, scripts and pictures: nothing of it runs, and nothing is fetched.</Note>
      </div>
      {url && <iframe class="page-frame" sandbox="" src={url} title={`Page ${name}`} />}
    </div>
  );
}
