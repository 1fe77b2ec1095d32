/** Fields with their labels. @module */
import type { ComponentChildren, InputHTMLAttributes } from "preact";
import { useId } from "preact/hooks";

interface FieldProps {
  label: string;
  /** Only for screen readers: what stands around it says it to others. */
  labelUnseen?: boolean | undefined;
  /** Said below it. */
  hint?: ComponentChildren;
}

/** The label above a field and what is said below it. */
function Labelled(props: FieldProps & { id: string; children: ComponentChildren }) {
  const { id, label, labelUnseen, hint, children } = props;
  return (
    <div class="field grid-small">
      <label for={id} class={labelUnseen ? "unseen" : "bold"}>
        {label}
      </label>
      {children}
      {hint && (
        <p class="field-hint hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
    </div>
  );
}

/** For a form: `run` in the place of what browsers do. */
export function submits(run: () => void): (event: Event) => void {
  return (event) => {
    event.preventDefault();
    run();
  };
}

/** A line of text. */
export function TextField(
  props: FieldProps & { inputRef?: InputHTMLAttributes["ref"] } & InputHTMLAttributes<HTMLInputElement>,
) {
  const { label, labelUnseen, hint, inputRef, ...rest } = props;
  const id = useId();
  return (
    <Labelled id={id} label={label} labelUnseen={labelUnseen} hint={hint}>
      <input
        type="text"
        autocomplete="off"
        autocapitalize="none"
        spellcheck={false}
        {...rest}
        ref={inputRef as never}
        class="input"
        id={id}
        aria-describedby={hint ? `${id}-hint` : undefined}
      />
    </Labelled>
  );
}

interface SelectProps<Id extends string> extends FieldProps {
  options: readonly { id: Id; title: string }[];
  selected: Id;
  onSelect(id: Id): void;
}

/** One of several: the browser's own list. */
export function Select<Id extends string>(props: SelectProps<Id>) {
  const { label, labelUnseen, options, selected, onSelect } = props;
  const id = useId();
  return (
    <Labelled id={id} label={label} labelUnseen={labelUnseen}>
      <select
        class="input"
        id={id}
        value={selected}
        onChange={(event) => onSelect(event.currentTarget.value as Id)}
      >
        {options.map((option) => (
          <option key={option.id} value={option.id}>
            {option.title}
          </option>
        ))}
      </select>
    </Labelled>
  );
}
