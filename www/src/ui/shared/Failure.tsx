/** What went wrong, and what to do about it: over the whole view, or in the place of a part. @module */

import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { duration } from "../../../../js/common/duration.ts";
import { explain, type Remedy, registryOf, type Surroundings } from "../../page/failures.ts";
import { address, href } from "../../page/location.ts";
import { image, opening, readAttached, readUnverified, reopen, site } from "../../page/session.ts";
import type { EngineError } from "../../protocol/api.ts";
import { Button, ButtonLink } from "../controls/Button.tsx";
import { CopyButton } from "../controls/CopyButton.tsx";
import { AlertIcon } from "../controls/icons.tsx";
import { KeyValue, type Pair } from "../controls/KeyValue.tsx";
import { Note } from "../controls/Note.tsx";
import "./failure.css";
import { ChooseLocal, Chosen } from "./LocalPart.tsx";
import { SignIn } from "./SignIn.tsx";

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
export function Failure({ error, onRetry = reopen, reference }: FailureProps): JSX.Element {
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
        <div class="failure-actions">
          <Remedies remedy={remedy} error={error} onRetry={() => onRetry()} reference={reference} />
        </div>
        <Details error={error} />
      </div>
    </section>
  );
}

/** In the place of a part, which stays as small as it can. */
export function FailureNote({ error, onRetry, reference }: FailureProps): JSX.Element {
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

function Remedies({ remedy, ...props }: RemedyProps & { remedy: Remedy }): JSX.Element {
  const start = <ButtonLink href="#/">Open another image</ButtonLink>;
  switch (remedy) {
    case "wait":
      return (
        <>
          <Wait {...props} />
          {start}
        </>
      );
    case "start":
      return (
        <>
          {opening.value.step === "failed" && opening.value.image && (
            <ButtonLink href={href({ path: "/", view: "files", layer: undefined, platform: undefined })}>
              The image's files
            </ButtonLink>
          )}
          <ByRanges error={props.error} />
          <ByAttached error={props.error} />
          {start}
          <Retry {...props} kind="quiet" />
        </>
      );
    case "sign-in":
      return <SignInRemedy {...props} />;
    case "choose":
      return (
        <>
          <ChooseLocal>Choose the tar …</ChooseLocal>
          <ChooseLocal folder>Choose the folder …</ChooseLocal>
          {start}
          <Chosen />
        </>
      );
    default:
      return (
        <>
          <Retry {...props} kind="primary" />
          {start}
        </>
      );
  }
}

/** What is too large to be fetched whole and has no digests for its parts can be read all the same, if one agrees. */
function ByRanges({ error }: { error: EngineError }): JSX.Element | null {
  const known = image.value;
  if (!known || known.unverified || !error.failure.remedies?.includes("read-unverified")) return null;
  return <Button onClick={() => readUnverified(true)}>Read by ranges, unverified</Button>;
}

/** The address names a format that is merely attached to the image: it is read if one agrees. */
function ByAttached({ error }: { error: EngineError }): JSX.Element | null {
  if (!error.failure.remedies?.includes("use-attached")) return null;
  return <Button onClick={() => readAttached(true)}>Use what is attached</Button>;
}

/** The form opens in place. */
function SignInRemedy({ error, onRetry, reference = address.value.image ?? "" }: RemedyProps): JSX.Element {
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

function Retry({ error, onRetry, kind }: RemedyProps & { kind?: "primary" | "quiet" }): JSX.Element {
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
function Wait({ error, onRetry }: RemedyProps): JSX.Element {
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
        <span class="failure-wait" role="timer">
          Tries again by itself in {duration(left)}
        </span>
      )}
    </>
  );
}

/** The stable code, and all that is known, for a report. */
function Details({ error }: { error: EngineError }): JSX.Element {
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
