/** Facts of a file: format, attributes, verification, hash, and the same on a command line. @module */

import { useState } from "preact/hooks";
import { parseReference } from "../../../../web/reference.ts";
import { pinned } from "../../address/pin.ts";
import { type CommandTarget, catCommand, copyCommand, curlCommand } from "../../format/command.ts";
import { bytes, count, KINDS, permissions, shortDigest, time } from "../../format/format.ts";
import { treeFormat } from "../../format/reading.ts";
import { verifiedInWords } from "../../format/verified.ts";
import { visible } from "../../format/visible.ts";
import { describeXattr } from "../../format/xattrs.ts";
import { engine } from "../../page/engine.ts";
import { address, href } from "../../page/location.ts";
import { image, site } from "../../page/session.ts";
import type { FileFacts, FileRef, Identity } from "../../protocol/api.ts";
import { displayPath } from "../../protocol/path.ts";
import { Button, CopyButton, KeyValue, type Pair } from "../controls/index.ts";
import { FailureNote } from "../shared/Failure.tsx";
import { Part } from "../shared/Part.tsx";
import { type CallState, useCall } from "../shared/use-call.ts";
import { Pending } from "./Pending.tsx";

interface AboutProps {
  file: FileRef;
  facts: FileFacts;
  /** Its format; nothing where it has none to tell. */
  identity?: CallState<Identity | undefined> | undefined;
}

export function AboutView({ file, facts, identity }: AboutProps) {
  const isFile = facts.type === "file";
  const words = verifiedInWords(facts.verified, isFile);
  return (
    <div class="about">
      {identity && <Format call={identity} />}
      <Part class="about-part" title="Attributes">
        <KeyValue pairs={attributesOf(facts)} />
      </Part>
      {facts.xattrs.length > 0 && (
        <Part class="about-part" title="Extended attributes">
          <KeyValue
            code
            pairs={facts.xattrs.map(([name, value]): Pair => [visible(name), describeXattr(name, value)])}
          />
        </Part>
      )}
      <Part class="about-part" title="How it is verified">
        <KeyValue pairs={words.steps} />
      </Part>
      {isFile && (
        <Part class="about-part" title="SHA-256">
          <HashValue file={file} size={facts.size} />
        </Part>
      )}
      <Part class="about-part" title="On a command line">
        <Commands file={file} type={facts.type} />
      </Part>
    </div>
  );
}

function Format({ call }: { call: CallState<Identity | undefined> }) {
  if (call.step !== "done") {
    return <Pending call={call} doing="Looking at the format" />;
  }
  const { value } = call;
  if (!value) return null;
  const rows = (pairs: [string, string][]): Pair[] =>
    pairs.map(([name, said]): Pair => [visible(name), visible(said) || "—"]);
  return (
    <Part class="about-part about-format" title={<bdi>{visible(value.title)}</bdi>}>
      <KeyValue pairs={rows(value.facts)} />
      {value.sections.map((section) => (
        <div key={section.title}>
          <h3>
            {section.title} <span class="figures faint">{count(section.rows.length)}</span>
          </h3>
          {section.rows.some(([, said]) => said !== "") ? (
            <KeyValue pairs={rows(section.rows)} />
          ) : (
            <ul class="about-list plain-list">
              {section.rows.map(([name], at) => (
                <li key={`${at} ${name}`}>
                  <bdi>{visible(name)}</bdi>
                </li>
              ))}
            </ul>
          )}
        </div>
      ))}
    </Part>
  );
}

const TYPE_WORDS = { ...KINDS, file: "regular file", symlink: "symbolic link" };

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

/** Smaller files are hashed without a question only where they are here already: it reads all of the file. */
export function HashValue({ file, size }: { file: FileRef; size: number }) {
  const key = JSON.stringify(file);
  const [wanted, setWanted] = useState<string>();
  if (wanted === key) return <Hash key={key} file={file} size={size} onStop={() => setWanted(undefined)} />;
  return (
    <div class="about-action flow">
      <Button onClick={() => setWanted(key)}>Compute</Button>
      <span>reads all of it: {bytes(size)}</span>
    </div>
  );
}

function Hash({ file, size, onStop }: { file: FileRef; size: number; onStop(): void }) {
  const call = useCall("hash", (options) => engine.hash([file], options));
  if (call.step === "failed") {
    return <FailureNote error={call.error} onRetry={call.retry} />;
  }
  if (call.step === "running") {
    const { done = 0 } = call.progress;
    return (
      <div class="about-action flow">
        <progress max={size} value={done} aria-label="Hashing" />
        <span class="figures">
          {bytes(done)} of {bytes(size)}
        </span>
        <Button kind="quiet" onClick={onStop}>
          Stop
        </Button>
      </div>
    );
  }
  return (
    <div class="about-action flow">
      <code class="about-hash">{call.value}</code>
      <CopyButton text={call.value} label="Copy SHA-256" />
    </div>
  );
}

/** Where `ocipeek serve` listens unless it is told otherwise. */
const LOCAL_SERVER = "http://127.0.0.1:8788/";

export function Commands({ file, type }: { file: FileRef; type: FileFacts["type"] }) {
  const opened = image.value;
  const name = address.value.image;
  if (!opened || name === undefined) return null;
  const isLocal = name.startsWith("file:");
  const digestOnly = { digest: opened.digest, indexDigest: undefined, platform: opened.platform };
  // By the image's own digest: it needs no platform.
  const reference = pinned({ image: name, platform: undefined }, digestOnly).image ?? name;
  const info = file.layer === undefined ? undefined : opened.layers[file.layer];
  const target: CommandTarget = {
    image: isLocal ? localImage(name, address.value.tag) : reference,
    path: file.path,
    layer: info && { index: info.index, digest: info.digest },
    reader: opened.reader,
    unverified: opened.unverified,
    attached: opened.attached,
  };
  const isFolder = type === "directory";
  const list: [name: string, command: string][] = [
    ["ocipeek", isFolder ? copyCommand(target) : catCommand(target)],
  ];
  if (!isLocal && (isFolder || type === "file")) {
    const base = site.value.proxy ? new URL("./", document.baseURI).href : LOCAL_SERVER;
    list.push(["curl", curlCommand(base, { ...target, image: fullName(reference) }, isFolder)]);
  }
  return (
    <div class="commands grid-small">
      {list.map(([program, command]) => (
        <div key={program} class="command">
          <code>{command}</code>
          <CopyButton text={command} label={`Copy ${program} command`} />
        </div>
      ))}
      {!isLocal && !site.value.proxy && (
        <p class="command-hint hint">
          curl asks <code>npx ocipeek serve</code> on this machine.
        </p>
      )}
    </div>
  );
}

/** URLs have all of a name: `docker.io/library/alpine` for `alpine`. */
function fullName(reference: string): string {
  const parsed = parseReference(reference);
  if (typeof parsed === "string") return reference;
  return `${parsed.registry}/${parsed.repository}${parsed.digest ? `@${parsed.digest}` : ""}`;
}

function localImage(name: string, tag: string | undefined): string {
  return `oci-archive:${name.slice("file:".length)}${tag === undefined ? "" : `:${tag}`}`;
}
