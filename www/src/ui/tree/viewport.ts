/** Viewport of a scrolled list. @module */
import type { RefObject } from "preact";
import { useCallback, useLayoutEffect, useState } from "preact/hooks";
import type { Viewport } from "./window.ts";

/** Before the first layout: about a screen. */
const FIRST: Viewport = { top: 0, height: 800, rowHeight: 24 };

/** What of a list is on screen now. */
export function viewportOf(list: HTMLElement): Viewport {
  const row = Number.parseFloat(getComputedStyle(list).getPropertyValue("--row"));
  return { top: list.scrollTop, height: list.clientHeight, rowHeight: row || FIRST.rowHeight };
}

/**
 * The part on screen of `list`, and a way to look again. `top`: where it is scrolled to at first, and when it is shown
 * again after it was not.
 */
export function useViewport(list: RefObject<HTMLElement | null>, top: () => number): [Viewport, () => void] {
  const [viewport, setViewport] = useState<Viewport>(() => ({ ...FIRST, top: top() }));
  const look = useCallback(() => {
    const element = list.current;
    // While it is hidden nothing is known of it.
    if (!element || element.clientHeight === 0) return;
    const next = viewportOf(element);
    const isSame = (now: Viewport): boolean =>
      now.top === next.top && now.height === next.height && now.rowHeight === next.rowHeight;
    setViewport((now) => (isSame(now) ? now : next));
  }, [list]);
  useLayoutEffect(() => {
    const element = list.current;
    if (!element) return;
    let isHidden = true;
    const follow = (): void => {
      if (isHidden && element.clientHeight > 0) element.scrollTop = top();
      isHidden = element.clientHeight === 0;
      look();
    };
    follow();
    const observer = new ResizeObserver(follow);
    observer.observe(element);
    return () => observer.disconnect();
  }, [list, look, top]);
  return [viewport, look];
}
