/** What was fetched of the image; its details when pressed. @module */
import type { JSX } from "preact";
import { bytes } from "../format/format.ts";
import { cost, image } from "../page/session.ts";
import { CostDetails } from "./CostDetails.tsx";
import { AlertIcon, ShieldIcon } from "./controls/icons.tsx";
import { Popover } from "./controls/Popover.tsx";
import "./meter.css";

/** `1.9 MB of 512 MB fetched, verified`. */
export function Meter(): JSX.Element | null {
  const spent = cost.value;
  if (!spent) return null;
  const share = spent.imageBytes > 0 ? Math.min(1, spent.bytes / spent.imageBytes) : 0;
  const isVerified = image.value?.unverified !== true;
  const verb = image.value?.route === "local" ? "read" : "fetched";
  return (
    <Popover
      kind="quiet"
      class={isVerified ? "meter" : "meter meter-unverified"}
      title="What it cost"
      wide
      button={
        <>
          {isVerified ? <ShieldIcon /> : <AlertIcon />}
          <span class="meter-text">
            <span>{bytes(spent.bytes)}</span> <span>of {bytes(spent.imageBytes)}</span>
            <span class="meter-words">
              {" "}
              {verb}, <span aria-hidden={!isVerified}>{isVerified ? "verified" : "not verified"}</span>
            </span>
            {/* Where the words find no room, too. */}
            {!isVerified && <span class="unseen"> not verified</span>}
            <progress class="meter-bar" value={share} aria-hidden="true" />
          </span>
        </>
      }
    >
      <CostDetails spent={spent} />
    </Popover>
  );
}
