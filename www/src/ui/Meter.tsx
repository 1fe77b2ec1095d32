/** Meter of what was fetched of the image; details when pressed. @module */

import { bytes } from "../format/format.ts";
import { isAttached } from "../format/reading.ts";
import { cost, image } from "../page/session.ts";
import type { OpenedImage } from "../protocol/api.ts";
import { CostDetails } from "./CostDetails.tsx";
import { AlertIcon, ShieldIcon } from "./controls/icons.tsx";
import { Popover } from "./controls/index.ts";

/** What of the image on screen is taken on somebody's word, as the user agreed. */
function doubtOf(opened: OpenedImage | undefined): string | undefined {
  if (opened?.unverified) return "not verified";
  return opened?.layers.some(isAttached) ? "by an attached index" : undefined;
}

/** `1.9 MB of 512 MB fetched, verified`. */
export function Meter() {
  const spent = cost.value;
  if (!spent) return null;
  const share = spent.imageBytes > 0 ? Math.min(1, spent.bytes / spent.imageBytes) : 0;
  const doubt = doubtOf(image.value);
  const verb = image.value?.route === "local" ? "read" : "fetched";
  return (
    <Popover
      kind="quiet"
      class={`meter tone-${doubt ? "careful" : "good"}`}
      title="What it cost"
      wide
      button={
        <>
          {doubt ? <AlertIcon /> : <ShieldIcon />}
          <span class="meter-text">
            <span>{bytes(spent.bytes)}</span> <span>of {bytes(spent.imageBytes)}</span>
            <span class="meter-words">
              {" "}
              {verb}, <span aria-hidden={doubt !== undefined}>{doubt ?? "verified"}</span>
            </span>
            {/* Where the words find no room, too. */}
            {doubt && <span class="unseen"> {doubt}</span>}
            <progress class="meter-bar" value={share} aria-hidden="true" />
          </span>
        </>
      }
    >
      <CostDetails spent={spent} />
    </Popover>
  );
}
