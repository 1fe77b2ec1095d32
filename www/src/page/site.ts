/** Host configuration: what the server of the page offers. @module */
import type { SiteConfig } from "../protocol/api.ts";
import { engine } from "./engine.ts";
import { site } from "./session.ts";

const CONFIG = new URL("./-/config.json", document.baseURI);

/** Asks the host; a static one has nothing to say. */
export async function loadSite(): Promise<void> {
  try {
    const answer = await fetch(CONFIG);
    if (answer.ok && answer.headers.get("content-type")?.startsWith("application/json")) {
      site.value = (await answer.json()) as SiteConfig;
    }
  } catch {
    // Offline, or a static host: what is missing shows in what the page offers.
  }
  await engine.configure([{ ...site.value, base: new URL("./", document.baseURI).href }]);
}
