/** Line wrapping: one choice for all texts, kept. @module */
import { signal } from "@preact/signals";
import { store, stored } from "../../page/stored.ts";

const KEY = "ocipeek.wrap";
const kept = stored(KEY);

/** The choice. On narrow screens they are, without one. */
export const wraps = signal(kept === undefined ? matchMedia("(max-width: 700px)").matches : kept === "yes");

/** The other choice. */
export function toggleWrap(): void {
  wraps.value = !wraps.value;
  store(KEY, wraps.value ? "yes" : "no");
}
