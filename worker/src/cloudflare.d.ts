/** Part of the edge platform's own module that is used. */
declare module "cloudflare:workers" {
  /** Keeps the context of the request that is being served alive until the promise settles. */
  export function waitUntil(promise: Promise<unknown>): void;
}
