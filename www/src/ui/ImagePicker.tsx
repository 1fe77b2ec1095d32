/** Which of the repository's or archive's images, and for which platform. @module */

import { useState } from "preact/hooks";
import { familiar, parseReference } from "../../../web/reference.ts";
import type { Address } from "../address/address.ts";
import { shortDigest } from "../format/format.ts";
import { matchingTags } from "../format/tags.ts";
import { engine } from "../page/engine.ts";
import { address, go, href } from "../page/location.ts";
import { image } from "../page/session.ts";
import { DownIcon } from "./controls/icons.tsx";
import { Popover, Select, Spinner, submits, TextField } from "./controls/index.ts";
import { useCall } from "./shared/use-call.ts";

/** The pickers of the image on screen; nothing before it is open. */
export function ImagePicker() {
  if (!image.value || address.value.image === undefined) return null;
  return (
    <div class="image-picker line">
      <TagPicker />
      <PlatformPicker />
    </div>
  );
}

function PlatformPicker() {
  const { platforms = [], platform } = image.value ?? {};
  // Images without an index tell theirs only once their config was read.
  if (platforms.length < 2) return platform ? <span class="image-platform">{platform}</span> : null;
  const options = [...new Set(platforms)].map((id) => ({ id, title: id }));
  const selected = platform ?? "";
  if (!platforms.includes(selected)) options.unshift({ id: selected, title: selected || "Platform" });
  return (
    <Select
      label="Platform"
      labelUnseen
      options={options}
      selected={selected}
      onSelect={(id) => go({ platform: id, layer: undefined })}
    />
  );
}

/** Where another of the same repository or archive is, with the path that is on screen. */
function other(change: Partial<Address>): Partial<Address> {
  const { view, path, platform, with: other, withPlatform, withTag } = address.value;
  return { view, path, platform, layer: undefined, with: other, withPlatform, withTag, ...change };
}

function TagPicker() {
  const { image: name = "", tag } = address.value;
  const local = image.value?.tags ?? [];
  if (name.startsWith("file:")) {
    if (local.length < 2) return null;
    const shown = tag ?? image.value?.name ?? "";
    const list = local.map((it) => ({ tag: it, to: other({ tag: it }) }));
    return <Picker shown={shown} title="Images in this file" list={() => Promise.resolve(list)} />;
  }
  const parsed = parseReference(name);
  if (typeof parsed === "string") return null;
  const to = (it: string): Partial<Address> =>
    other({ image: familiar({ ...parsed, tag: it, digest: undefined }) });
  const shown = parsed.tag ?? (parsed.digest ? shortDigest(parsed.digest) : "latest");
  return (
    <Picker
      key={familiar({ ...parsed, tag: undefined, digest: undefined })}
      shown={shown}
      title="Tags"
      list={async (signal) => (await engine.tags([name], { signal })).map((it) => ({ tag: it, to: to(it) }))}
      unlisted={(it) => (/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/.test(it) ? to(it) : undefined)}
    />
  );
}

interface PickerProps {
  /** What is on screen now. */
  shown: string;
  title: string;
  list(signal: AbortSignal): Promise<{ tag: string; to: Partial<Address> }[]>;
  /** Where a tag leads that is not in the list. */
  unlisted?: (tag: string) => Partial<Address> | undefined;
}

function Picker(props: PickerProps) {
  return (
    <Popover
      class="image-tag"
      title={props.title}
      label={`${props.title}: ${props.shown}`}
      button={
        <>
          <bdi class="clip">{props.shown}</bdi>
          <DownIcon />
        </>
      }
    >
      {(close) => <Panel {...props} close={close} />}
    </Popover>
  );
}

/** Links in sight; typing narrows them. */
const MOST = 100;

function Panel({ shown, title, list, unlisted, close }: PickerProps & { close(): void }) {
  // It is read once for each time that the panel opens.
  const call = useCall("", ({ signal }) => list(signal));
  const [text, setText] = useState("");
  const found = matchingTags(call.step === "done" ? call.value : [], text);
  const label = unlisted ? "Find or type a tag" : "Find an image";
  const typed = text.trim();
  const free = found.some(({ tag }) => tag === typed) || typed === "" ? undefined : unlisted?.(typed);
  const first = found.find(({ tag }) => tag === typed)?.to ?? free ?? found[0]?.to;
  return (
    <form
      class="image-tags grid"
      onSubmit={submits(() => {
        if (!first) return;
        close();
        go(first);
      })}
    >
      <TextField
        label={label}
        labelUnseen
        placeholder={label}
        value={text}
        inputRef={(field: HTMLInputElement | null) => field?.focus()}
        onInput={(event) => setText(event.currentTarget.value)}
      />
      {call.step === "running" && (
        <p role="status">
          <Spinner /> Loading the list …
        </p>
      )}
      {call.step === "failed" && <p class="hint">The list could not be loaded: {call.error.message}</p>}
      <ul aria-label={title}>
        {[...(free ? [{ tag: typed, to: free }] : []), ...found.slice(0, MOST)].map(({ tag, to }) => (
          <li key={tag}>
            <a
              class="option"
              href={href(to)}
              aria-current={tag === shown ? "true" : undefined}
              onClick={close}
            >
              <bdi>{tag}</bdi>
            </a>
          </li>
        ))}
      </ul>
      {found.length > MOST && <p class="hint">{found.length - MOST} more: type to find them</p>}
    </form>
  );
}
