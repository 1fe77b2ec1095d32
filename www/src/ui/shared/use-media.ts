/** Media queries, for what style sheets cannot do alone. @module */
import { useEffect, useState } from "preact/hooks";

/** One pane at a time: the same bound as in style sheets. */
export const PHONE = "(width < 700px)";

/** Follows a media query. */
export function useMedia(query: string): boolean {
  const [holds, setHolds] = useState(() => matchMedia(query).matches);
  useEffect(() => {
    const list = matchMedia(query);
    const look = (): void => setHolds(list.matches);
    look();
    list.addEventListener("change", look);
    return () => list.removeEventListener("change", look);
  }, [query]);
  return holds;
}
