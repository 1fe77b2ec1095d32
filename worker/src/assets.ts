/** Where the page's files lie: with the edge's platform. @module */
import type { Assets } from "./ports.ts";

/** What of the platform's binding of static assets is used. */
interface Binding {
  fetch(url: string): Promise<Response>;
}

/** The platform's static assets; nothing where the deployment has none. */
export function platformAssets(binding: unknown): Assets | undefined {
  const { fetch } = (binding ?? {}) as Record<string, unknown>;
  if (typeof fetch !== "function") return undefined;
  return {
    async get(path) {
      const answer = await (binding as Binding).fetch(`https://assets.invalid${path}`);
      const etag = answer.headers.get("etag")?.replace(/^W\//, "");
      if (answer.status !== 200 || !answer.body || !etag) {
        await answer.body?.cancel();
        return undefined;
      }
      return { body: answer.body, size: undefined, etag };
    },
  };
}
