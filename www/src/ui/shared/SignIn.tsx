/** A name and a token for a registry. @module */

import { useState } from "preact/hooks";
import { site } from "../../page/session.ts";
import { signIn } from "../../page/sign-in.ts";
import { LockIcon } from "../controls/icons.tsx";
import { Button, submits, TextField } from "../controls/index.ts";

interface SignInProps {
  /** The registry that asks; without it, it is asked for. */
  registry?: string | undefined;
  /** Called once the engine has the credentials, e.g. to open the image again. */
  onSignedIn(registry: string): void;
  onCancel?: (() => void) | undefined;
}

export function SignIn({ registry, onSignedIn, onCancel }: SignInProps) {
  const [at, setAt] = useState(registry ?? "");
  const [user, setUser] = useState("");
  const [token, setToken] = useState("");
  const [problem, setProblem] = useState<string>();
  const host = at
    .trim()
    .replace(/^https?:\/\//, "")
    .replace(/\/.*$/, "")
    .toLowerCase();
  const submit = async (): Promise<void> => {
    const lacks =
      host === "" ? "the registry" : user.trim() === "" ? "the user name" : "the password or token";
    if (host === "" || user.trim() === "" || token === "") {
      setProblem(`Please fill in ${lacks}.`);
      return;
    }
    try {
      await signIn(host, user.trim(), token);
      setToken("");
      onSignedIn(host);
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error));
    }
  };
  return (
    <form
      class="sign-in grid"
      aria-label={registry ? `Sign in to ${registry}` : "Sign in to a registry"}
      onSubmit={submits(() => void submit())}
    >
      {registry === undefined && (
        <TextField
          label="Registry"
          placeholder="ghcr.io"
          value={at}
          inputmode="url"
          onInput={(event) => setAt(event.currentTarget.value)}
        />
      )}
      <TextField label="User name" value={user} onInput={(event) => setUser(event.currentTarget.value)} />
      <TextField
        label="Password or token"
        type="password"
        value={token}
        hint="An access token that may only read is safest."
        onInput={(event) => setToken(event.currentTarget.value)}
      />
      <p class="sign-in-note hint">
        <LockIcon />
        <span>
          Kept in this tab’s memory and nowhere else: gone when it is closed or reloaded. It goes to{" "}
          <bdi>{host || "the registry"}</bdi> and its token service
          {site.value.passAuthorization &&
            `, through ${location.host} where the registry does not answer web pages`}
          .
        </span>
      </p>
      {site.value.proxy && !site.value.passAuthorization && (
        <p class="sign-in-note hint">
          <span>
            {location.host} passes no names and tokens on: this works with registries that answer web pages
            (CORS).
          </span>
        </p>
      )}
      {problem && (
        <p class="sign-in-problem" role="alert">
          {problem}
        </p>
      )}
      <div class="line">
        <Button kind="primary" type="submit">
          Sign in
        </Button>
        {onCancel && <Button onClick={onCancel}>Cancel</Button>}
      </div>
    </form>
  );
}
