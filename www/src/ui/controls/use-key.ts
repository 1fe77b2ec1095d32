/** Keys of the whole page. @module */
import { useEffect } from "preact/hooks";

/** Runs on a key wherever one does not type; `run` says whether it did something. */
export function useKey(key: string, run: () => boolean): void {
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent): void => {
      const { target } = event;
      if (event.key !== key || event.ctrlKey || event.metaKey || event.altKey) return;
      if (target instanceof Element && target.closest("input, textarea, select, dialog")) return;
      if (run()) event.preventDefault();
    };
    document.addEventListener("keydown", onKeyDown);
    return () => document.removeEventListener("keydown", onKeyDown);
  }, []);
}
