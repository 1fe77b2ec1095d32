/** One path on both sides: attributes that differ, and the difference of its texts. @module */

import { useState } from "preact/hooks";
import { START } from "../../address/address.ts";
import { factChanges } from "../../format/facts-diff.ts";
import { bytes, count, plural } from "../../format/format.ts";
import { verifiedInWords } from "../../format/verified.ts";
import { visible } from "../../format/visible.ts";
import type { OpenComparison } from "../../page/comparison.ts";
import { engine } from "../../page/engine.ts";
import { address, href } from "../../page/location.ts";
import type { FileDiff, FileDiffContent } from "../../protocol/api.ts";
import { type Catalogue, markOf, typeOf } from "../../protocol/catalogue.ts";
import { displayPath, type EncodedPath } from "../../protocol/path.ts";
import { ButtonLink } from "../controls/index.ts";
import { CallNote } from "../shared/CallNote.tsx";
import { useCall } from "../shared/use-call.ts";
import { MARK_WORDS } from "../tree/words.ts";
import { ChangesTable } from "./ChangesTable.tsx";
import { TextDiff } from "./TextDiff.tsx";

/** Lines around what differs; all of them. */
const AROUND = 3;
const ALL = 1e9;

interface FileDiffProps {
  compared: OpenComparison;
  path: EncodedPath;
  entry: number | undefined;
}

export function FileDiffView({ compared, path, entry }: FileDiffProps) {
  const { left, right, comparison } = compared;
  const [isWhole, setWhole] = useState(false);
  const around = isWhole ? ALL : AROUND;
  const diff = useCall(`${left.id} ${right.id} ${path} ${around}`, (options) =>
    engine.diff([{ image: left.id, path }, { image: right.id, path }, around], options),
  );
  const mark = entry === undefined ? "none" : markOf(comparison.catalogue, entry);
  return (
    <section class="file-diff" aria-labelledby="file-diff">
      <header>
        <h2 id="file-diff">
          <bdi>{visible(displayPath(path))}</bdi>
        </h2>
        {mark !== "none" && <span class={`toned tone-${mark}`}>{MARK_WORDS[mark].words}</span>}
        {diff.step === "done" && <Links diff={diff.value} path={path} />}
      </header>
      {diff.step !== "done" ? (
        <CallNote state={diff} doing="Comparing" />
      ) : (
        <>
          <Facts diff={diff.value} />
          {entry !== undefined && <Below tree={comparison.catalogue} entry={entry} />}
          <Content
            content={diff.value.content}
            isVerified={isVerified(diff.value)}
            isWhole={isWhole}
            onWhole={setWhole}
          />
        </>
      )}
    </section>
  );
}

function Links({ diff, path }: { diff: FileDiff; path: EncodedPath }) {
  const { with: other, withPlatform, withTag, platform } = address.value;
  return (
    <span class="file-diff-links">
      {diff.left && <ButtonLink href={href({ view: "files", path })}>View old</ButtonLink>}
      {diff.right && (
        <ButtonLink
          href={href({ ...START, image: other, platform: withPlatform ?? platform, tag: withTag, path })}
        >
          View new
        </ButtonLink>
      )}
    </span>
  );
}

function Facts({ diff: { left, right } }: { diff: FileDiff }) {
  const changes = factChanges(left, right).map((it) => ({
    name: visible(it.name),
    left: visible(it.left),
    right: visible(it.right),
  }));
  if (!left && !right) return <p class="soft">Neither image has this path.</p>;
  if (changes.length === 0) return <p class="soft">All attributes are equal.</p>;
  return <ChangesTable labelledby="file-diff" changes={changes} />;
}

/** What differs in a folder, in a sentence. */
function Below({ tree, entry }: { tree: Catalogue; entry: number }) {
  if (typeOf(tree, entry) !== "directory") return null;
  const counts = { added: 0, changed: 0, removed: 0 };
  for (let at = entry + 1; at < (tree.end[entry] ?? 0); at++) {
    const mark = markOf(tree, at);
    if (mark in counts && typeOf(tree, at) !== "directory") counts[mark as keyof typeof counts]++;
  }
  const words = Object.entries(counts).filter(([, number]) => number > 0);
  if (words.length === 0) return <p class="soft">Nothing in this folder is known to differ.</p>;
  return (
    <p>In this folder: {words.map(([mark, number]) => `${plural(number, "file")} ${mark}`).join(", ")}.</p>
  );
}

/** Whether a digest vouches for both. */
function isVerified({ left, right }: FileDiff): boolean {
  return [left, right].every((it) => !it || verifiedInWords(it.verified, true).level === "all");
}

interface ContentProps {
  content: FileDiffContent;
  /** Whether a digest vouches for both sides. */
  isVerified: boolean;
  isWhole: boolean;
  onWhole(isWhole: boolean): void;
}

function Content({ content, isVerified: hasDigests, isWhole, onWhole }: ContentProps) {
  switch (content.kind) {
    case "none":
      return null;
    case "same":
      return <p>The contents are equal: both were read{hasDigests && " and verified"}.</p>;
    case "unlike":
      return <p>The texts have too little in common to be shown line by line.</p>;
    case "large":
      return <p>Files of more than {bytes(content.maxBytes)} are not compared line by line.</p>;
    case "binary":
      return (
        <p>
          The contents differ, and are not text: the first difference is at byte{" "}
          {count(content.firstDifference)}.
        </p>
      );
    case "text":
      return <TextDiff content={content} isWhole={isWhole} onWhole={onWhole} />;
  }
}
