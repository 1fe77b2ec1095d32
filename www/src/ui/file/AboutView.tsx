/** What is known of a file: its format, attributes, how it was verified, its hash, and the same on a command line. @module */
import type { JSX } from "preact";
import { bytes, count, permissions, shortDigest, time } from "../../format/format.ts";
import { treeFormat } from "../../format/reading.ts";
import { verifiedInWords } from "../../format/verified.ts";
import { visible } from "../../format/visible.ts";
import { describeXattr } from "../../format/xattrs.ts";
import { href } from "../../page/location.ts";
import { image } from "../../page/session.ts";
import type { FileFacts, FileRef, Identity } from "../../protocol/api.ts";
import { displayPath } from "../../protocol/path.ts";
import { KeyValue, type Pair } from "../controls/KeyValue.tsx";
import { Spinner } from "../controls/Spinner.tsx";
import "./about.css";
import { Commands } from "./Commands.tsx";
import { HashValue } from "./HashValue.tsx";
import { Problem } from "./Problem.tsx";
import type { Call } from "./use-call.ts";

interface AboutProps {
  file: FileRef;
  facts: FileFacts;
  /** Its format; nothing where it has none to tell. */
  identity?: Call<Identity | undefined> | undefined;
}

export function AboutView({ file, facts, identity }: AboutProps): JSX.Element {
  const isFile = facts.type === "file";
  const words = verifiedInWords(facts.verified, isFile);
  return (
    <div class="about">
      {identity && <Format call={identity} />}
      <Part title="Attributes">
        <KeyValue pairs={attributesOf(facts)} />
      </Part>
      {facts.xattrs.length > 0 && (
        <Part title="Extended attributes">
          <KeyValue
            code
            pairs={facts.xattrs.map(([name, value]): Pair => [visible(name), describeXattr(name, value)])}
          />
        </Part>
      )}
      <Part title="How it is verified">
        <KeyValue pairs={words.steps} />
      </Part>
      {isFile && (
        <Part title="SHA-256">
          <HashValue file={file} size={facts.size} />
        </Part>
      )}
      <Part title="On a command line">
        <Commands file={file} type={facts.type} />
      </Part>
    </div>
  );
}

function Part({ title, children }: { title: string; children: JSX.Element }): JSX.Element {
  return (
    <section class="about-part">
      <h2>{title}</h2>
      {children}
    </section>
  );
}

function Format({ call }: { call: Call<Identity | undefined> }): JSX.Element | null {
  if (call.step === "running") return <Spinner label="Looking at the format" />;
  if (call.step === "failed") {
    return <Problem error={call.error} what="The format could not be read" retry={call.retry} />;
  }
  const { value } = call;
  if (!value) return null;
  const rows = (pairs: [string, string][]): Pair[] =>
    pairs.map(([name, said]): Pair => [visible(name), visible(said) || "—"]);
  return (
    <section class="about-part about-format">
      <h2>
        <bdi>{visible(value.title)}</bdi>
      </h2>
      <KeyValue pairs={rows(value.facts)} />
      {value.sections.map((section) => (
        <div key={section.title}>
          <h3>
            {section.title} <span class="about-count">{count(section.rows.length)}</span>
          </h3>
          {section.rows.some(([, said]) => said !== "") ? (
            <KeyValue pairs={rows(section.rows)} />
          ) : (
            <ul class="about-list">
              {section.rows.map(([name], at) => (
                <li key={`${at} ${name}`}>
                  <bdi>{visible(name)}</bdi>
                </li>
              ))}
            </ul>
          )}
        </div>
      ))}
    </section>
  );
}

const TYPE_WORDS: Record<FileFacts["type"], string> = {
  file: "regular file",
  directory: "folder",
  symlink: "symbolic link",
  "char-device": "character device",
  "block-device": "block device",
  fifo: "named pipe",
};

function attributesOf(facts: FileFacts): Pair[] {
  const { type, size, mode, uid, gid, uname, gname, mtime, nlink, hardlinkOf, layer } = facts;
  const info = image.value?.layers[layer];
  const who = (id: number, name: string): string => (name ? `${id} (${visible(name)})` : String(id));
  const isDevice = type === "char-device" || type === "block-device";
  return [
    ["Type", TYPE_WORDS[type]],
    ["Size", type === "file" ? (size < 1000 ? bytes(size) : `${bytes(size)} (${count(size)} B)`) : ""],
    ["Device number", isDevice ? `${facts.devMajor}, ${facts.devMinor}` : ""],
    ["Mode", `${permissions(mode)} (${mode.toString(8).padStart(4, "0")})`],
    ["Owner", who(uid, uname)],
    ["Group", who(gid, gname)],
    ["Modified", time(mtime)],
    ["Names in its layer", nlink > 1 ? String(nlink) : ""],
    [
      "Another name of",
      hardlinkOf && (
        <a href={href({ path: hardlinkOf })}>
          <bdi>{visible(displayPath(hardlinkOf))}</bdi>
        </a>
      ),
    ],
    [
      "Layer",
      image.value?.isMerged ? (
        `${treeFormat(image.value)} makes one tree of all layers`
      ) : info ? (
        <a href={href({ view: "layers", layer: info.digest })}>
          {layer} · {shortDigest(info.digest)}
        </a>
      ) : (
        "in none: something is below it"
      ),
    ],
  ];
}
