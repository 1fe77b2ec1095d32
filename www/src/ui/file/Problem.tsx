/** What failed, in its place, with a way to try again. @module */
import type { JSX } from "preact";
import { visible } from "../../format/visible.ts";
import type { EngineError } from "../../protocol/api.ts";
import { Button } from "../controls/Button.tsx";
import { ReloadIcon } from "../controls/icons.tsx";
import { Note } from "../controls/Note.tsx";

/** Words for the codes that occur while a file is read. */
const TITLES: Record<string, string> = {
  ENOENT: "There is no such file",
  ENOTDIR: "A part of this path is not a folder",
  ELOOP: "The links lead in a circle",
  EINVAL: "It has no content",
  DIGEST_MISMATCH: "What came is not what its digest says",
  CORRUPT_LAYER: "The layer is damaged",
  CORRUPT_ZTOC: "The layer’s index is damaged",
  RATE_LIMITED: "The registry asks to wait",
  UNAUTHORIZED: "The registry wants a sign-in",
  LIMIT_EXCEEDED: "It is larger than a limit allows",
  NETWORK: "The network failed",
  OFFLINE: "The browser is offline",
};

/** The remark. `what`: what was wanted, where the code does not say it. */
export function Problem(props: { error: EngineError; what: string; retry?: () => void }): JSX.Element {
  const { error, what, retry } = props;
  const { code, message, retryAfter } = error.failure;
  return (
    <Note
      kind="bad"
      alert
      title={TITLES[code] ?? what}
      actions={
        retry && (
          <Button icon={ReloadIcon} onClick={retry}>
            Try again
          </Button>
        )
      }
    >
      <p>
        <bdi>{visible(message)}</bdi>
      </p>
      {retryAfter !== undefined && <p>In {retryAfter} seconds it may answer again.</p>}
      <p>
        <code>{code}</code>
      </p>
    </Note>
  );
}
