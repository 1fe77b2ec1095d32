/** Small fields that lead to a place in a text or in bytes. @module */

import type { InputHTMLAttributes } from "preact";
import { useEffect, useState } from "preact/hooks";
import { formatLines } from "../../address/address.ts";
import { address, go } from "../../page/location.ts";
import { submits } from "../controls/index.ts";

/** `shown`: what it says at first, and where the place changes. */
type GoFieldProps = InputHTMLAttributes<HTMLInputElement> & { shown?: string; onGo(text: string): void };

export function GoField({ shown = "", onGo, ...rest }: GoFieldProps) {
  const [text, setText] = useState(shown);
  useEffect(() => setText(shown), [shown]);
  return (
    <form onSubmit={submits(() => onGo(text))} class="line-field">
      <input {...rest} class="input" value={text} onInput={(event) => setText(event.currentTarget.value)} />
    </form>
  );
}

/** `12` or `12-20`; `lines`: how many there are, once it is known. */
export function LineField({ lines }: { lines: number | undefined }) {
  const marked = address.value.lines;
  const goTo = (text: string): void => {
    const match = /^\s*(\d{1,9})(?:\s*[-–]\s*(\d{1,9}))?\s*$/.exec(text);
    const inside = (digits: string | undefined): number =>
      Math.max(1, Math.min(Number(digits), lines ?? 1e9));
    const [a, b] = [inside(match?.[1]), inside(match?.[2] ?? match?.[1])];
    const place = match ? { from: Math.min(a, b), to: Math.max(a, b) } : undefined;
    go({ lines: place }, { replace: true });
  };
  return (
    <GoField
      aria-label="Go to line, or mark lines: 12 or 12-20"
      placeholder="Line"
      inputMode="numeric"
      shown={marked ? formatLines(marked) : ""}
      onGo={goTo}
    />
  );
}
