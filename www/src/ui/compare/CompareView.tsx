/** Two images side by side: the one on screen, and the one that the address names besides. @module */

import { useState } from "preact/hooks";
import { swapped } from "../../address/swap.ts";
import { bytes, shortDigest } from "../../format/format.ts";
import { visible } from "../../format/visible.ts";
import { compareWith, type OpenComparison, otherKey } from "../../page/comparison.ts";
import { address, href } from "../../page/location.ts";
import { image, reopen } from "../../page/session.ts";
import type { OpenedImage } from "../../protocol/api.ts";
import { SwapIcon } from "../controls/icons.tsx";
import { Button, ButtonLink, Note } from "../controls/index.ts";
import { CallNote } from "../shared/CallNote.tsx";
import { Failure } from "../shared/Failure.tsx";
import { useCall } from "../shared/use-call.ts";
import { ChooseOther } from "./ChooseOther.tsx";
import { Compare } from "./Compare.tsx";
import "./compare.css";

export function CompareView() {
  const left = image.value;
  const other = otherKey(address.value);
  if (!left) return null;
  if (other === undefined) return <ChooseOther key={left.id} left={left} />;
  return <WithOther key={`${left.id} ${other}`} left={left} other={other} />;
}

function WithOther({ left, other }: { left: OpenedImage; other: string }) {
  const [consent, setConsent] = useState(false);
  // What comparing contents found, in the place of what was known before.
  const [anew, setAnew] = useState<OpenComparison>();
  const first = useCall(`${left.id} ${other} ${consent}`, (options) =>
    compareWith(left, address.peek(), consent, options),
  );
  const state = first.step === "done" && anew ? { ...first, value: anew } : first;
  return (
    <div class="compare">
      <Sides left={left} right={state.step === "done" ? state.value.right : undefined} />
      {state.step === "failed" ? (
        // From the start, as signing in closes what was opened without.
        <Failure error={state.error} onRetry={reopen} reference={address.value.with} />
      ) : state.step === "running" ? (
        <div class="compare-note">
          <CallNote state={state} doing="Opening the other image" />
        </div>
      ) : state.value.step === "ask" ? (
        <div class="compare-note">
          <Note
            kind="careful"
            title="The other image is not indexed"
            actions={
              <Button kind="primary" onClick={() => setConsent(true)}>
                Fetch {bytes(state.value.bytes)}
              </Button>
            }
          >
            To list its files, {bytes(state.value.bytes)} of whole layers must be fetched.
          </Note>
        </div>
      ) : (
        <Compare compared={state.value} onAnew={setAnew} />
      )}
    </div>
  );
}

export function Sides({ left, right }: { left: OpenedImage; right: OpenedImage | undefined }) {
  const now = address.value;
  return (
    <header class="sides">
      <h1 class="unseen">Comparison</h1>
      <Side said="From" name={now.image} tag={now.tag} image={left} />
      <ButtonLink
        class="button-icon"
        kind="quiet"
        icon={SwapIcon}
        href={href(swapped(now, left.platform))}
        aria-label="Exchange the images"
        title="Exchange the images"
      />
      <Side said="To" name={now.with} tag={now.withTag} image={right} />
      <ButtonLink href={href({ with: undefined, withPlatform: undefined, withTag: undefined })}>
        Change …
      </ButtonLink>
    </header>
  );
}

interface SideProps {
  said: string;
  name: string | undefined;
  tag: string | undefined;
  image: OpenedImage | undefined;
}

function Side({ said, name = "", tag, image }: SideProps) {
  const text = visible(tag === undefined ? name : `${name}:${tag}`);
  return (
    <p class="side">
      <span class="hint">{said}</span>
      <span class="side-name" title={text}>
        <bdi>{text}</bdi>
      </span>
      <span class="hint">
        {[image?.platform, image && shortDigest(image.digest)].filter(Boolean).join(" · ")}
      </span>
    </p>
  );
}
