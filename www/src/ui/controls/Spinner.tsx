/** A sign that something runs. @module */

/** With `label` it is said to screen readers, too; without it, something beside it says what runs. */
export function Spinner({ label }: { label?: string | undefined }) {
  return (
    <span class="spinner" role={label ? "status" : undefined} aria-hidden={label ? undefined : "true"}>
      {label && <span class="unseen">{label}</span>}
    </span>
  );
}
