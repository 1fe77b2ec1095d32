/** Registries that want a name and a token, before one is asked for them. @module */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { signedIn, signOut } from "../../page/sign-in.ts";
import { Button } from "../controls/Button.tsx";
import { LockIcon } from "../controls/icons.tsx";
import { SignIn } from "../shared/SignIn.tsx";

export function PrivatePart(): JSX.Element {
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
        <div class="open-buttons">
          <Button icon={LockIcon} onClick={() => setAsks(true)}>
            Sign in …
          </Button>
        </div>
      )}
    </section>
  );
}
