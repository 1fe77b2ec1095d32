/** The same on a command line, with the image's digest in the place of its tag. @module */
import type { JSX } from "preact";
import { parseReference } from "../../../../web/reference.ts";
import { pinned } from "../../address/pin.ts";
import { type CommandTarget, catCommand, copyCommand, curlCommand } from "../../format/command.ts";
import { address } from "../../page/location.ts";
import { image, site } from "../../page/session.ts";
import type { FileFacts, FileRef } from "../../protocol/api.ts";
import { CopyButton } from "../controls/CopyButton.tsx";

/** Where `ocipeek serve` listens unless it is told otherwise. */
const LOCAL_SERVER = "http://127.0.0.1:8788/";

export function Commands({ file, type }: { file: FileRef; type: FileFacts["type"] }): JSX.Element | null {
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
    <div class="commands">
      {list.map(([program, command]) => (
        <div key={program} class="command">
          <code>{command}</code>
          <CopyButton text={command} label={`Copy ${program} command`} />
        </div>
      ))}
      {!isLocal && !site.value.proxy && (
        <p class="command-hint">
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
