/** Which of the repository's or archive's images, and for which platform. @module */
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { familiar, parseReference } from "../../../web/reference.ts";
import type { Address } from "../address/address.ts";
import { shortDigest } from "../format/format.ts";
import { matchingTags } from "../format/tags.ts";
import { engine } from "../page/engine.ts";
import { address, go, href } from "../page/location.ts";
import { asEngineError, image } from "../page/session.ts";
import { Select, TextField } from "./controls/Field.tsx";
import { DownIcon } from "./controls/icons.tsx";
import { Popover } from "./controls/Popover.tsx";
import { Spinner } from "./controls/Spinner.tsx";
import "./image-picker.css";

/** The pickers of the image on screen; nothing before it is open. */
export function ImagePicker(): JSX.Element | null {
  if (!image.value || address.value.image === undefined) return null;
  return (
    <div class="image-picker">
      <TagPicker />
      <PlatformPicker />
    </div>
  );
}

function PlatformPicker(): JSX.Element | null {
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

function TagPicker(): JSX.Element | null {
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

interface Item {
  tag: string;
  to: Partial<Address>;
}

interface PickerProps {
  /** What is on screen now. */
  shown: string;
  title: string;
  list(signal: AbortSignal): Promise<Item[]>;
  /** Where a tag leads that is not in the list. */
  unlisted?: (tag: string) => Partial<Address> | undefined;
}

function Picker(props: PickerProps): JSX.Element {
  return (
    <Popover
      class="image-tag"
      title={props.title}
      label={`${props.title}: ${props.shown}`}
      button={
        <>
          <bdi>{props.shown}</bdi>
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

function Panel({ shown, title, list, unlisted, close }: PickerProps & { close(): void }): JSX.Element {
  const [items, setItems] = useState<Item[]>();
  const [problem, setProblem] = useState<string>();
  const [text, setText] = useState("");
  useEffect(() => {
    const stop = new AbortController();
    list(stop.signal).then(setItems, (error) => {
      if (stop.signal.aborted) return;
      setItems([]);
      setProblem(asEngineError(error).message);
    });
    return () => stop.abort();
    // It is read once for each time that the panel opens.
  }, []);
  const found = matchingTags(items ?? [], text);
  const typed = text.trim();
  const free = found.some(({ tag }) => tag === typed) || typed === "" ? undefined : unlisted?.(typed);
  const first = found.find(({ tag }) => tag === typed)?.to ?? free ?? found[0]?.to;
  return (
    <form
      class="image-tags"
      onSubmit={(event) => {
        event.preventDefault();
        if (!first) return;
        close();
        go(first);
      }}
    >
      <TextField
        label={unlisted ? "Find or type a tag" : "Find an image"}
        labelUnseen
        placeholder={unlisted ? "Find or type a tag" : "Find an image"}
        value={text}
        inputRef={(field: HTMLInputElement | null) => field?.focus()}
        onInput={(event) => setText(event.currentTarget.value)}
      />
      {!items && (
        <p role="status">
          <Spinner /> Asking for the list …
        </p>
      )}
      {problem && <p class="soft">The list is not to be had: {problem}</p>}
      <ul aria-label={title}>
        {[...(free ? [{ tag: typed, to: free }] : []), ...found.slice(0, MOST)].map(({ tag, to }) => (
          <li key={tag}>
            <a href={href(to)} aria-current={tag === shown ? "true" : undefined} onClick={close}>
              <bdi>{tag}</bdi>
            </a>
          </li>
        ))}
      </ul>
      {found.length > MOST && <p class="soft">{found.length - MOST} more: type to find them</p>}
    </form>
  );
}
