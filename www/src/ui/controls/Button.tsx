/** Buttons, and links that look like them. @module */
import type { AnchorHTMLAttributes, ButtonHTMLAttributes } from "preact";
import type { Icon } from "./icons.tsx";
import { Spinner } from "./Spinner.tsx";

interface Look {
  /** `primary`: the one main action of a view. `quiet`: without a frame, beside text. */
  kind?: "normal" | "primary" | "quiet" | undefined;
  icon?: Icon | undefined;
}

function classes(kind: Look["kind"], more: unknown): string {
  return ["button", `button-${kind ?? "normal"}`, more].filter(Boolean).join(" ");
}

/** A button with a text. `busy`: its work runs; it cannot be pressed meanwhile, and keeps the focus. */
export function Button({
  kind,
  icon: Shape,
  busy,
  children,
  class: more,
  onClick,
  ...rest
}: Look & { busy?: boolean | undefined } & ButtonHTMLAttributes<HTMLButtonElement>) {
  return (
    <button
      type="button"
      {...rest}
      class={classes(kind, more)}
      aria-disabled={busy ? "true" : undefined}
      onClick={busy ? undefined : onClick}
    >
      {busy ? <Spinner /> : Shape && <Shape />}
      <span>{children}</span>
    </button>
  );
}

/** A link that looks like a button. */
export function ButtonLink({
  kind,
  icon: Shape,
  children,
  class: more,
  ...rest
}: Look & AnchorHTMLAttributes<HTMLAnchorElement>) {
  return (
    <a {...rest} class={classes(kind, more)}>
      {Shape && <Shape />}
      <span>{children}</span>
    </a>
  );
}

/** A button with an icon alone; `label` names it. `pressed` makes it a toggle. */
export function IconButton({
  label,
  icon: Shape,
  pressed,
  kind = "quiet",
  class: more,
  ...rest
}: Look & {
  label: string;
  icon: Icon;
  pressed?: boolean | undefined;
} & ButtonHTMLAttributes<HTMLButtonElement>) {
  return (
    <button
      type="button"
      title={label}
      {...rest}
      class={classes(kind, `button-icon ${more ?? ""}`)}
      aria-label={label}
      aria-pressed={pressed}
    >
      <Shape />
    </button>
  );
}
