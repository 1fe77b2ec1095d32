/** A folder: what it holds, and its README. @module */

import { encodingOf } from "../../format/encoding.ts";
import { bytes, plural } from "../../format/format.ts";
import { visibleName } from "../../format/visible.ts";
import { engine } from "../../page/engine.ts";
import { href } from "../../page/location.ts";
import type { FileFacts, FileRef } from "../../protocol/api.ts";
import { type Catalogue, childrenOf, nameBytes, nameOf, typeOf } from "../../protocol/catalogue.ts";
import { pathOf } from "../../protocol/path.ts";
import { useCall } from "../shared/use-call.ts";
import { AboutView } from "./AboutView.tsx";
import { DocumentView } from "./DocumentView.tsx";
import { Pending } from "./Pending.tsx";

/** A README of more is not shown here. */
const MAX_README = 256 << 10;
/** The largest things in it that are listed. */
const LARGEST = 8;

interface FolderProps {
  catalogue: Catalogue;
  entry: number;
  file: FileRef;
  facts: FileFacts;
}

export function FolderView({ catalogue, entry, file, facts }: FolderProps) {
  const readme = readmeOf(catalogue, entry);
  return (
    <div class="folder">
      <Summary catalogue={catalogue} entry={entry} />
      {readme !== undefined && <Readme catalogue={catalogue} entry={readme} file={file} />}
      <AboutView file={file} facts={facts} />
    </div>
  );
}

function Summary({ catalogue: c, entry }: { catalogue: Catalogue; entry: number }) {
  const children = [...childrenOf(c, entry)];
  const below = (c.end[entry] ?? 0) - entry - 1;
  const total = c.size[entry] ?? 0;
  const largest = children
    .filter((at) => (c.size[at] ?? 0) > 0)
    .sort((a, b) => (c.size[b] ?? 0) - (c.size[a] ?? 0))
    .slice(0, LARGEST);
  return (
    <section class="folder-summary grid" aria-label="Summary">
      <p>
        {plural(children.length, "item").replace(/^0 items$/, "Empty")}
        {below > children.length && `, ${plural(below, "item")} with all below`}
        {" · "}
        {plural(c.files[entry] ?? 0, "file")} · {bytes(total)}
      </p>
      {largest.length > 1 && (
        <ul class="folder-largest plain-list" aria-label="Largest">
          {largest.map((at) => (
            <li key={at}>
              <a class="clip quiet-link" href={href({ path: pathOf(c, at) })}>
                <bdi>{visibleName(nameBytes(c, at))}</bdi>
                {typeOf(c, at) === "directory" && "/"}
              </a>
              <span class="folder-share" style={{ "--share": `${(100 * (c.size[at] ?? 0)) / total}%` }} />
              <span class="figures">{bytes(c.size[at] ?? 0)}</span>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

function readmeOf(c: Catalogue, folder: number): number | undefined {
  let plain: number | undefined;
  for (const at of childrenOf(c, folder)) {
    if (typeOf(c, at) !== "file" || (c.size[at] ?? 0) > MAX_README || (c.size[at] ?? 0) === 0) continue;
    const name = nameOf(c, at);
    if (/^readme\.(md|markdown)$/i.test(name)) return at;
    if (/^readme(\.txt)?$/i.test(name)) plain ??= at;
  }
  return plain;
}

function Readme({ catalogue: c, entry, file }: { catalogue: Catalogue; entry: number; file: FileRef }) {
  const path = pathOf(c, entry);
  const ref = { ...file, path };
  const name = nameOf(c, entry);
  const call = useCall(JSON.stringify(ref), async (options) => {
    const { data } = await engine.read([ref], options);
    const encoding = encodingOf(data, true);
    return encoding && new TextDecoder(encoding.label).decode(data);
  });
  return (
    <section class="folder-readme" aria-label={name}>
      <h2>
        <a href={href({ path })}>{name}</a>
      </h2>
      <Pending call={call} doing="Reading" />
      {call.step === "done" &&
        call.value !== undefined &&
        (/\.(md|markdown)$/i.test(name) ? (
          <DocumentView text={call.value} path={path} name={JSON.stringify(ref)} />
        ) : (
          // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
          <pre class="folder-plain" tabIndex={0}>
            {call.value}
          </pre>
        ))}
    </section>
  );
}
