/** Goes to a line, by keyboard. @module */
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { address, go } from "../../page/location.ts";

/** `12` or `12-20`; `lines`: how many there are, once it is known. */
export function LineField({ lines }: { lines: number | undefined }): JSX.Element {
  const marked = address.value.lines;
  const shown = marked ? (marked.from === marked.to ? `${marked.from}` : `${marked.from}-${marked.to}`) : "";
  const [text, setText] = useState(shown);
  useEffect(() => setText(shown), [shown]);
  const submit = (event: Event): void => {
    event.preventDefault();
    const match = /^\s*(\d{1,9})(?:\s*[-–]\s*(\d{1,9}))?\s*$/.exec(text);
    if (!match) {
      go({ lines: undefined }, { replace: true });
      return;
    }
    const inside = (value: number): number => Math.max(1, Math.min(value, lines ?? value));
    const [a, b] = [inside(Number(match[1])), inside(Number(match[2] ?? match[1]))];
    go({ lines: { from: Math.min(a, b), to: Math.max(a, b) } }, { replace: true });
  };
  return (
    <form onSubmit={submit} class="line-field">
      <input
        class="input"
        aria-label="Go to line, or mark lines: 12 or 12-20"
        placeholder="Line"
        inputMode="numeric"
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
      />
    </form>
  );
}
