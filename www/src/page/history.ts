/** Images of earlier visits, newest first, kept in this browser. @module */
import { effect, signal } from "@preact/signals";
import { address } from "./location.ts";
import { opening } from "./session.ts";
import { store, stored } from "./stored.ts";

/** An image that was opened. */
export interface Visit {
  image: string;
  /** Where it was chosen. */
  platform?: string;
}

const KEY = "ocipeek.history";
const MOST = 30;

/** The visits. */
export const visits = signal<Visit[]>(load());

/** Notes what opens from now on. Call it once. */
export function followVisits(): void {
  effect(() => {
    const { image, platform } = address.value;
    const now = opening.value;
    // Local files are not there the next time.
    if (now.step !== "open" || image === undefined || image.startsWith("file:")) return;
    add({ image, ...(platform === undefined ? {} : { platform }) });
  });
  addEventListener("storage", (event) => {
    if (event.key === KEY || event.key === null) visits.value = load();
  });
}

/** Forgets one image, or all. */
export function forget(visit?: Visit): void {
  save(visit ? load().filter((it) => !isSame(it, visit)) : []);
}

function add(visit: Visit): void {
  const before = load();
  if (before[0] && isSame(before[0], visit)) return;
  save([visit, ...before.filter((it) => !isSame(it, visit))].slice(0, MOST));
}

function isSame(a: Visit, b: Visit): boolean {
  return a.image === b.image && a.platform === b.platform;
}

function save(list: Visit[]): void {
  visits.value = list;
  store(KEY, list.length === 0 ? undefined : JSON.stringify(list));
}

function load(): Visit[] {
  try {
    const found: unknown = JSON.parse(stored(KEY) ?? "[]");
    return Array.isArray(found) ? found.filter(isVisit).slice(0, MOST) : [];
  } catch {
    return [];
  }
}

/** Other versions of the page, and anything at this origin, may have written it. */
function isVisit(it: unknown): it is Visit {
  const { image, platform } = (it ?? {}) as Record<string, unknown>;
  const isText = (text: unknown): boolean => typeof text === "string" && text !== "" && text.length < 1024;
  return isText(image) && (platform === undefined || isText(platform));
}
