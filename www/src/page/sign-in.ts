/** Credentials for registries: handed to the engine, which keeps them in memory. @module */
import { signal } from "@preact/signals";
import { engine } from "./engine.ts";

/** Registries that credentials were given for, with the user's name. */
export const signedIn = signal<ReadonlyMap<string, string>>(new Map());

/** Uses a name and a password or token for a registry, until the page is left. */
export async function signIn(registry: string, username: string, password: string): Promise<void> {
  await engine.signIn([registry, { username, password }]);
  signedIn.value = new Map(signedIn.value).set(registry, username);
}

/** Forgets them. */
export async function signOut(registry: string): Promise<void> {
  await engine.signIn([registry, undefined]);
  const left = new Map(signedIn.value);
  left.delete(registry);
  signedIn.value = left;
}
