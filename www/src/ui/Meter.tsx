/** What was fetched of the image, and whether it was verified. @module */
import type { JSX } from "preact";
import { bytes } from "../format/format.ts";
import { cost } from "../page/session.ts";

export function Meter(): JSX.Element | null {
  const spent = cost.value;
  if (!spent) return null;
  return (
    <span class="meter" role="status">
      {bytes(spent.bytes)} of {bytes(spent.imageBytes)} fetched, verified
    </span>
  );
}
