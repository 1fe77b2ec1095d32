/** One of a few, all in sight: radio buttons in a row. @module */
import { useId } from "preact/hooks";
import type { Icon } from "./icons.tsx";

interface ChoiceProps<Id extends string> {
  label: string;
  /** With an icon, the title is for screen readers and as a tip. */
  options: readonly { id: Id; title: string; icon?: Icon | undefined }[];
  selected: Id;
  onSelect(id: Id): void;
}

/** A row of which one is chosen. */
export function Choice<Id extends string>(props: ChoiceProps<Id>) {
  const { label, options, selected, onSelect } = props;
  const name = useId();
  return (
    <div class="choice" role="radiogroup" aria-label={label}>
      {options.map(({ id, title, icon: Shape }) => (
        <label key={id} title={Shape ? title : undefined}>
          <input
            type="radio"
            name={name}
            checked={id === selected}
            aria-label={title}
            onChange={() => onSelect(id)}
          />
          {Shape ? <Shape /> : <span>{title}</span>}
        </label>
      ))}
    </div>
  );
}
