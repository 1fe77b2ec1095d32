/** A digest, short, with a button that copies all of it. @module */
import { shortDigest } from "../../format/format.ts";
import { CopyButton } from "./CopyButton.tsx";

/** `label`: what it is the digest of, for the button's name. */
export function Digest({ digest, label }: { digest: string; label: string }) {
  return (
    <span class="digest">
      <code title={digest}>{shortDigest(digest)}</code>
      <CopyButton text={digest} label={`Copy digest of ${label}`} />
    </span>
  );
}
