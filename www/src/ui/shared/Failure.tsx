/** Failures and their remedies: over the whole view, or in the place of a part. @module */

import { useEffect, useState } from "preact/hooks";
import { duration } from "../../../../js/common/duration.ts";
import { explain, type Remedy, registryOf, type Surroundings } from "../../page/failures.ts";
import { address, href } from "../../page/location.ts";
import { agree, image, opening, reopen, site } from "../../page/session.ts";
import type { EngineError } from "../../protocol/api.ts";
import { AlertIcon } from "../controls/icons.tsx";
import { Button, ButtonLink, CopyButton, KeyValue, Note, type Pair } from "../controls/index.ts";
import { ChooseLocal, Chosen } from "./LocalPart.tsx";
import { SignIn } from "./SignIn.tsx";
import "./shared.css";

interface FailureProps {
  error: EngineError;
  /** Does the same again. */
  onRetry?: (() => void) | undefined;
  /** The image that failed, where it is not the one on screen. */
  reference?: string | undefined;
}

function surroundings(reference = address.value.image ?? ""): Surroundings {
  const { proxy, passAuthorization } = site.value;
  return { reference, proxy, passAuthorization };
}

/** In the place of a whole view. */
export function Failure({ error, onRetry = reopen, reference }: FailureProps) {
  const { title, what, todo, remedy } = explain(error.failure, surroundings(reference));
  return (
    <section class="failure" role="alert">
      <AlertIcon />
      <div class="failure-body">
        <h1>{title}</h1>
        <p>
          <bdi>{what}</bdi>
        </p>
        {todo.length > 0 && (
          <ul>
            {todo.map((it) => (
              <li key={it}>{it}</li>
            ))}
          </ul>
        )}
        <div class="failure-actions flow">
          <Remedies remedy={remedy} error={error} onRetry={() => onRetry()} reference={reference} />
        </div>
        <Details error={error} />
      </div>
    </section>
  );
}

/** In the place of a part, which stays as small as it can. */
export function FailureNote({ error, onRetry, reference }: FailureProps) {
  const { title, what, todo, remedy } = explain(error.failure, surroundings(reference));
  const actions =
    onRetry &&
    (remedy === "wait" ? <Wait error={error} onRetry={onRetry} /> : <Retry {...{ error, onRetry }} />);
  return (
    <Note kind="bad" alert title={title} actions={actions}>
      <p>
        <bdi>{what}</bdi>
      </p>
      {todo[0] && <p>{todo[0]}</p>}
      <Details error={error} />
    </Note>
  );
}

interface RemedyProps {
  error: EngineError;
  onRetry(): void;
  reference?: string | undefined;
}

function Remedies({ remedy, ...props }: RemedyProps & { remedy: Remedy }) {
  const start = <ButtonLink href="#/">Open another image</ButtonLink>;
  if (remedy === "sign-in") return <SignInRemedy {...props} />;
  if (remedy === "start") {
    const now = opening.value;
    return (
      <>
        {now.step === "failed" && now.image && (
          <ButtonLink href={href({ path: "/", view: "files", layer: undefined, platform: undefined })}>
            The image's files
          </ButtonLink>
        )}
        <Agreements error={props.error} />
        {start}
        <Retry {...props} kind="quiet" />
      </>
    );
  }
  return (
    <>
      {remedy === "choose" && <ChooseLocal>Choose the tar …</ChooseLocal>}
      {remedy === "choose" && <ChooseLocal folder>Choose the folder …</ChooseLocal>}
      {remedy === "wait" && <Wait {...props} />}
      {remedy === "retry" && <Retry {...props} kind="primary" />}
      {start}
      {remedy === "choose" && <Chosen />}
    </>
  );
}

/**
 * What is too large to be fetched whole and has no digests for its parts, and a format that is merely attached to the image, are
 * read all the same if one agrees.
 */
function Agreements({ error: { failure } }: { error: EngineError }) {
  const mayRange = image.value && !image.value.unverified && failure.remedies?.includes("read-unverified");
  return (
    <>
      {mayRange && <Button onClick={() => agree("unverified", true)}>Read by ranges, unverified</Button>}
      {failure.remedies?.includes("use-attached") && (
        <Button onClick={() => agree("attached", true)}>Use what is attached</Button>
      )}
    </>
  );
}

/** The form opens in place. */
function SignInRemedy({ error, onRetry, reference = address.value.image ?? "" }: RemedyProps) {
  const [isOpen, setOpen] = useState(error.code === "UNAUTHORIZED");
  const registry = registryOf(reference);
  if (isOpen) {
    return <SignIn registry={registry} onSignedIn={onRetry} onCancel={() => setOpen(false)} />;
  }
  return (
    <>
      <Button kind={error.code === "NOT_FOUND" ? "normal" : "primary"} onClick={() => setOpen(true)}>
        Sign in
      </Button>
      <Retry error={error} onRetry={onRetry} />
      <ButtonLink href="#/">Open another image</ButtonLink>
    </>
  );
}

function Retry({ error, onRetry, kind }: RemedyProps & { kind?: "primary" | "quiet" }) {
  useEffect(() => {
    if (error.code !== "OFFLINE") return;
    addEventListener("online", onRetry, { once: true });
    return () => removeEventListener("online", onRetry);
  }, [error]);
  return (
    <Button kind={kind} onClick={onRetry}>
      Try again
    </Button>
  );
}

/** Tries again when the registry's pause is over, or at once when pressed. */
function Wait({ error, onRetry }: RemedyProps) {
  const seconds = error.failure.retryAfter;
  const [left, setLeft] = useState(seconds);
  useEffect(() => {
    if (seconds === undefined) return;
    const end = Date.now() + seconds * 1000;
    const timer = setInterval(() => {
      const now = Math.max(0, Math.ceil((end - Date.now()) / 1000));
      setLeft(now);
      if (now === 0) {
        clearInterval(timer);
        onRetry();
      }
    }, 500);
    return () => clearInterval(timer);
  }, [error]);
  return (
    <>
      <Button kind="primary" onClick={onRetry}>
        Try now
      </Button>
      {left !== undefined && (
        <span class="figures faint" role="timer">
          Tries again by itself in {duration(left)}
        </span>
      )}
    </>
  );
}

/** The stable code, and all that is known, for a report. */
function Details({ error }: { error: EngineError }) {
  const { code, message, reference, digest, path, status, limit, offset } = error.failure;
  const pairs: Pair[] = [
    ["Code", code],
    ["Message", message],
    ["Image", reference],
    ["Digest", digest],
    ["Path", path],
    ["Status", status?.toString()],
    ["Limit", limit],
    ["Offset", offset?.toString()],
  ];
  const report = pairs.flatMap(([name, value]) => (value ? [`${name}: ${value}`] : [])).join("\n");
  return (
    <details class="failure-details">
      <summary>
        <code>{code}</code>
        {digest && <code class="failure-digest"> {digest}</code>}
      </summary>
      <KeyValue pairs={pairs} code />
      <CopyButton text={report} label="Copy for a report" shown />
    </details>
  );
}
