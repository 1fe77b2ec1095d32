/** The start page: which image? @module */

import { useState } from "preact/hooks";
import { START } from "../../address/address.ts";
import { forget, type Visit, visits } from "../../page/history.ts";
import { href } from "../../page/location.ts";
import { site } from "../../page/session.ts";
import { signedIn, signOut } from "../../page/sign-in.ts";
import { CloseIcon, LockIcon } from "../controls/icons.tsx";
import { Button, IconButton } from "../controls/index.ts";
import { LocalPart } from "../shared/LocalPart.tsx";
import { SignIn } from "../shared/SignIn.tsx";
import { ImageField } from "./ImageField.tsx";
import "./open.css";

export function OpenView() {
  return (
    <div class="open">
      <header>
        <h1>Look into a container image</h1>
        <p class="soft">
          Its files, where it lies, without pulling it. Only what you look at is fetched, and verified.
        </p>
      </header>
      <ImageField />
      <div class="open-parts">
        <Recent />
        <LocalPart />
        <PrivatePart />
      </div>
    </div>
  );
}

export function Recent() {
  const { demo } = site.value;
  return (
    <>
      {visits.value.length > 0 && (
        <section aria-labelledby="open-recent">
          <div class="open-heading between">
            <h2 id="open-recent">Recent</h2>
            <Button kind="quiet" onClick={() => forget()}>
              Forget all
            </Button>
          </div>
          <ul class="open-list">
            {visits.value.map((visit) => (
              <li key={`${visit.image} ${visit.platform}`}>
                <ImageLink visit={visit} />
                <IconButton label={`Forget ${visit.image}`} icon={CloseIcon} onClick={() => forget(visit)} />
              </li>
            ))}
          </ul>
        </section>
      )}
      {demo.length > 0 && (
        <section aria-labelledby="open-demo">
          <h2 id="open-demo">To try</h2>
          <ul class="open-list">
            {demo.map((image) => (
              <li key={image}>
                <ImageLink visit={{ image }} />
              </li>
            ))}
          </ul>
        </section>
      )}
    </>
  );
}

function ImageLink({ visit }: { visit: Visit }) {
  return (
    <a href={href({ ...START, ...visit })}>
      <bdi>{visit.image}</bdi>
      {visit.platform && <small>{visit.platform}</small>}
    </a>
  );
}

export function PrivatePart() {
  const [asks, setAsks] = useState(false);
  return (
    <section aria-labelledby="open-private">
      <h2 id="open-private">Private registry</h2>
      {signedIn.value.size > 0 && (
        <ul class="open-list">
          {[...signedIn.value].map(([registry, user]) => (
            <li key={registry}>
              <span>
                <bdi>{registry}</bdi> <small>as {user}</small>
              </span>
              <Button kind="quiet" onClick={() => void signOut(registry)}>
                Sign out
              </Button>
            </li>
          ))}
        </ul>
      )}
      {asks ? (
        <SignIn onSignedIn={() => setAsks(false)} onCancel={() => setAsks(false)} />
      ) : (
        <div class="open-buttons flow">
          <Button icon={LockIcon} onClick={() => setAsks(true)}>
            Sign in …
          </Button>
        </div>
      )}
    </section>
  );
}
