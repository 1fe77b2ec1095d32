/** Two panes side by side, with a line between them that can be moved. On a phone, one of them. @module */

import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { store, stored } from "../../page/stored.ts";

/** Percent of the width that the first pane has. */
const FIRST = 46;
const LEAST = 20;
const MOST = 75;
const STEP = 2;

interface SplitProps {
  /** Names the place where the line's position is kept. */
  name: string;
  /** What is left of the line, for screen readers. */
  label: string;
  /** Which pane a phone shows. */
  shown: "first" | "second";
  first: ComponentChildren;
  second: ComponentChildren;
}

export function Split({ name, label, shown, first, second }: SplitProps) {
  const key = `ocipeek.split.${name}`;
  const panes = useRef<HTMLDivElement>(null);
  const [share, setShare] = useState(() => clamp(Number(stored(key) ?? FIRST)));
  useEffect(() => store(key, `${share}`), [key, share]);
  const follow = (event: PointerEvent): void => {
    const line = event.currentTarget as HTMLElement;
    const box = panes.current?.getBoundingClientRect();
    if (!box || !line.hasPointerCapture(event.pointerId)) return;
    setShare(clamp(((event.clientX - box.left) / box.width) * 100));
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const to = { ArrowLeft: share - STEP, ArrowRight: share + STEP, Home: LEAST, End: MOST }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    setShare(clamp(to));
  };
  return (
    <div ref={panes} class={`split split-${shown}`} style={{ "--share": `${share}%` }}>
      <div class="split-pane">{first}</div>
      {/* biome-ignore lint/a11y/useSemanticElements: a rule cannot be moved */}
      <div
        class="split-line"
        role="separator"
        aria-orientation="vertical"
        aria-label={label}
        aria-valuenow={Math.round(share)}
        aria-valuemin={LEAST}
        aria-valuemax={MOST}
        tabIndex={0}
        onPointerDown={(event) => {
          event.preventDefault();
          event.currentTarget.setPointerCapture(event.pointerId);
        }}
        onPointerMove={follow}
        onDblClick={() => setShare(FIRST)}
        onKeyDown={onKeyDown}
      />
      <div class="split-pane">{second}</div>
    </div>
  );
}

function clamp(share: number): number {
  return Math.max(LEAST, Math.min(MOST, share || FIRST));
}
