import type { Auth } from "../types/index.js";

/** Credentials as wasm asks for them. @internal */
export function finder(auth: Auth): { get(registry: string, repository: string): unknown } {
  if (typeof auth === "function") return { get: (registry, repository) => auth(registry, repository) };
  return { get: () => auth };
}
