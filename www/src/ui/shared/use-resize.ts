/** Elements that change their size. @module */
import type { RefObject } from "preact";
import { useLayoutEffect } from "preact/hooks";

/** Tells of an element's size at first, and each time that it changes. */
export function useResize<E extends HTMLElement>(
  ref: RefObject<E | null>,
  tell: (element: E) => void,
  inputs: readonly unknown[] = [],
): void {
  useLayoutEffect(() => {
    const element = ref.current;
    if (!element) return;
    const observer = new ResizeObserver(() => tell(element));
    observer.observe(element);
    return () => observer.disconnect();
  }, [ref, ...inputs]);
}
