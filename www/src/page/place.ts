/**
 * Where a list was scrolled to when an address was left, kept in the browser's history: back and forward find it so.
 * @module
 */

interface Place {
  /** Of this visit: a page that was loaded anew has other lists. */
  visit: number;
  list: string;
  top: number;
}

/** Keeps how far a list is scrolled, for when the browser comes back to this address. Call it before going elsewhere. */
export function leavePlace(list: string, top: number): void {
  history.replaceState({ visit: performance.timeOrigin, list, top } satisfies Place, "");
}

/** How far the list was scrolled when this address was left; nothing where it is a new one. */
export function placeOf(list: string): number | undefined {
  const place = history.state as Place | null;
  return place?.visit === performance.timeOrigin && place.list === list ? place.top : undefined;
}
