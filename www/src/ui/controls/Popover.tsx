/** A small panel that a button opens beside itself. Escape and a click elsewhere close it. @module */
import type { ComponentChildren } from "preact";
import { useId, useRef, useState } from "preact/hooks";

/** Space to the window's edges and the button. */
const MARGIN = 8;

interface PopoverProps {
  /** What the button shows. */
  button: ComponentChildren;
  /** Names the button where its content does not, or says more. */
  label?: string | undefined;
  /** Names the panel for screen readers; the button's name without it. */
  title: string;
  kind?: "normal" | "quiet" | undefined;
  /** A class of the button. */
  class?: string | undefined;
  /** For tables: as wide as the window allows, up to 720 px. */
  wide?: boolean | undefined;
  /** Rendered while it is open. `close` closes it. */
  children: ComponentChildren | ((close: () => void) => ComponentChildren);
}

/** The button and its panel. */
export function Popover(props: PopoverProps) {
  const { button, label, title, kind = "normal", wide, children } = props;
  const id = useId();
  const opener = useRef<HTMLButtonElement>(null);
  const panel = useRef<HTMLDivElement>(null);
  const [isOpen, setOpen] = useState(false);
  const close = (): void => {
    panel.current?.hidePopover();
    opener.current?.focus();
  };
  return (
    <>
      <button
        ref={opener}
        type="button"
        class={`button button-${kind} ${props.class ?? ""}`}
        popovertarget={id}
        aria-label={label}
        aria-haspopup="dialog"
        aria-expanded={isOpen}
      >
        {button}
      </button>
      <div
        ref={panel}
        id={id}
        class={wide ? "popover popover-wide overlay" : "popover overlay"}
        popover="auto"
        role="dialog"
        aria-label={title}
        onToggle={(event) => {
          const opens = (event as unknown as ToggleEvent).newState === "open";
          setOpen(opens);
          if (opens) requestAnimationFrame(() => place(opener.current, panel.current));
        }}
      >
        {isOpen && (typeof children === "function" ? children(close) : children)}
      </div>
    </>
  );
}

/** Puts the panel below its button, or above where more room is, and into the window. */
function place(opener: HTMLElement | null, panel: HTMLElement | null): void {
  if (!opener || !panel) return;
  const at = opener.getBoundingClientRect();
  const { innerWidth: width, innerHeight: height } = window;
  const below = height - at.bottom - 2 * MARGIN;
  const above = at.top - 2 * MARGIN;
  const isBelow = below >= Math.min(panel.scrollHeight, 240) || below >= above;
  panel.style.maxHeight = `${isBelow ? below : above}px`;
  const left = Math.max(MARGIN, Math.min(at.left, width - panel.offsetWidth - MARGIN));
  panel.style.left = `${left}px`;
  panel.style.top = isBelow ? `${at.bottom + MARGIN / 2}px` : "auto";
  panel.style.bottom = isBelow ? "auto" : `${height - at.top + MARGIN / 2}px`;
}
