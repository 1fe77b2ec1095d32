/** Parts of a view, each with its heading. @module */
import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";

interface PartProps {
  title: ComponentChildren;
  class: string;
  children: ComponentChildren;
}

export function Part({ title, class: look, children }: PartProps) {
  const id = useId();
  return (
    <section class={look} aria-labelledby={id}>
      <h2 id={id}>{title}</h2>
      {children}
    </section>
  );
}
