/** Whether long lines are wrapped: one choice for all texts, kept. @module */
import { effect, signal } from "@preact/signals";

const KEY = "ocipeek.wrap";

/** The choice. On narrow screens they are, without one. */
export const wraps = signal(stored() ?? matchMedia("(max-width: 700px)").matches);

function stored(): boolean | undefined {
  try {
    const kept = localStorage.getItem(KEY);
    return kept === null ? undefined : kept === "yes";
  } catch {
    return undefined;
  }
}

let isFirst = true;
effect(() => {
  const value = wraps.value ? "yes" : "no";
  if (isFirst) {
    isFirst = false;
    return;
  }
  try {
    localStorage.setItem(KEY, value);
  } catch {
    // Without storage the choice is for this visit.
  }
});
