/** A remark with weight: what to know, to mind, or what failed. @module */
import type { ComponentChildren } from "preact";
import { AlertIcon, InfoIcon, ShieldIcon } from "./icons.tsx";

const SHAPES = { info: InfoIcon, good: ShieldIcon, careful: AlertIcon, bad: AlertIcon };

interface NoteProps {
  kind?: "info" | "good" | "careful" | "bad" | undefined;
  title?: ComponentChildren;
  /** What one can do: buttons and links. */
  actions?: ComponentChildren;
  /** Say it to screen readers when it appears. */
  alert?: boolean | undefined;
  children?: ComponentChildren;
}

/** The remark. */
export function Note({ kind = "info", title, actions, alert, children }: NoteProps) {
  const Shape = SHAPES[kind];
  return (
    <div class={`note tone-${kind}`} role={alert ? "alert" : undefined}>
      <Shape />
      <div class="note-body grid-small">
        {title && <p class="bold">{title}</p>}
        {children && <div>{children}</div>}
        {actions && <div class="note-actions flow">{actions}</div>}
      </div>
    </div>
  );
}

/** A word or two with a ground of their own. */
export function Badge({
  kind = "info",
  title,
  children,
}: {
  kind?: "info" | "good" | "careful" | "bad" | undefined;
  title?: string;
  children: ComponentChildren;
}) {
  return (
    <span class={`badge tone-${kind}`} title={title}>
      {children}
    </span>
  );
}
