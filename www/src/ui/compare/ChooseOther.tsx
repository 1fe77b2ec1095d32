/** Which image to compare with: another tag or platform of the same, one of earlier visits, or any. @module */

import { useState } from "preact/hooks";
import { familiar, parseReference } from "../../../../web/reference.ts";
import type { Address } from "../../address/address.ts";
import { readInput } from "../../address/input.ts";
import { visible } from "../../format/visible.ts";
import { engine } from "../../page/engine.ts";
import { visits } from "../../page/history.ts";
import { address, go, href } from "../../page/location.ts";
import { localSources } from "../../page/session.ts";
import type { OpenedImage } from "../../protocol/api.ts";
import { Button, submits, TextField } from "../controls/index.ts";
import { useCall } from "../shared/use-call.ts";

/** So many tags are listed; typing reaches all. */
const MOST = 60;

interface Other {
  title: string;
  to: Partial<Address>;
}

export function ChooseOther({ left }: { left: OpenedImage }) {
  const { image: name = "" } = address.value;
  const tags = useCall(name.startsWith("file:") ? undefined : name, (options) =>
    engine.tags([name], options),
  );
  const [text, setText] = useState("");
  const [problem, setProblem] = useState<string>();
  return (
    <section class="choose-other grid-large" aria-labelledby="choose-other">
      <h1 id="choose-other">Compare with</h1>
      <form
        onSubmit={submits(() => {
          const read = readInput(text, document.baseURI);
          if ("problem" in read) return setProblem(read.problem);
          go({ with: read.to.image, withPlatform: read.to.platform });
        })}
      >
        <TextField
          label="Another image"
          placeholder="alpine:3"
          hint={
            problem ?? "A reference, with a tag or a digest. It is the newer one: what only it has is added."
          }
          aria-invalid={problem !== undefined}
          value={text}
          onInput={(event) => {
            setText(event.currentTarget.value);
            setProblem(undefined);
          }}
        />
        <Button kind="primary" type="submit">
          Compare
        </Button>
      </form>
      <Others
        title="Tags"
        others={[
          ...tagsOf(name, tags.step === "done" ? tags.value : []),
          ...left.tags.filter((tag) => tag !== address.value.tag).map((tag) => ofFile(name, tag)),
        ]}
      />
      <Others
        title="Platforms"
        others={left.platforms
          .filter((platform) => platform !== left.platform)
          .map((platform) => ({
            title: platform,
            to: { with: name, withTag: address.value.tag, withPlatform: platform },
          }))}
      />
      <Others
        title="Recent"
        others={visits.value
          .filter((visit) => visit.image !== name)
          .map((visit) => ({ title: visit.image, to: { with: visit.image, withPlatform: visit.platform } }))}
      />
      <Others
        title="From your disk"
        others={[...localSources.keys()]
          .filter((file) => file !== name)
          .map((file) => ({ title: file.slice("file:".length), to: { with: file } }))}
      />
    </section>
  );
}

function tagsOf(name: string, tags: readonly string[]): Other[] {
  const parsed = parseReference(name);
  if (typeof parsed === "string") return [];
  return tags
    .filter((tag) => tag !== parsed.tag)
    .map((tag) => ({ title: tag, to: { with: familiar({ ...parsed, tag, digest: undefined }) } }));
}

function ofFile(name: string, tag: string): Other {
  return { title: tag, to: { with: name, withTag: tag } };
}

function Others({ title, others }: { title: string; others: readonly Other[] }) {
  if (others.length === 0) return null;
  return (
    <section>
      <h2>{title}</h2>
      <ul>
        {others.slice(0, MOST).map((other) => (
          <li key={JSON.stringify(other.to)}>
            <a href={href(other.to)}>
              <bdi>{visible(other.title)}</bdi>
            </a>
          </li>
        ))}
      </ul>
      {others.length > MOST && <p class="soft">and {others.length - MOST} more: type one above</p>}
    </section>
  );
}
