/** Fields with their labels. @module */
import type { ComponentChildren, InputHTMLAttributes, JSX } from "preact";
import { useId } from "preact/hooks";
import "./field.css";

interface FieldProps {
  label: string;
  /** Only for screen readers: what stands around it says it to others. */
  labelUnseen?: boolean | undefined;
  /** Said below it. */
  hint?: ComponentChildren;
}

/** The label above a field and what is said below it. */
function Labelled(props: FieldProps & { id: string; children: ComponentChildren }): JSX.Element {
  const { id, label, labelUnseen, hint, children } = props;
  return (
    <div class="field">
      <label for={id} class={labelUnseen ? "unseen" : undefined}>
        {label}
      </label>
      {children}
      {hint && (
        <p class="field-hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
    </div>
  );
}

/** A line of text. */
export function TextField(
  props: FieldProps & { inputRef?: InputHTMLAttributes["ref"] } & InputHTMLAttributes<HTMLInputElement>,
): JSX.Element {
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
  disabled?: boolean | undefined;
}

/** One of several: the browser's own list. */
export function Select<Id extends string>(props: SelectProps<Id>): JSX.Element {
  const { label, labelUnseen, hint, options, selected, onSelect, disabled } = props;
  const id = useId();
  return (
    <Labelled id={id} label={label} labelUnseen={labelUnseen} hint={hint}>
      <select
        class="input"
        id={id}
        value={selected}
        disabled={disabled}
        aria-describedby={hint ? `${id}-hint` : undefined}
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
