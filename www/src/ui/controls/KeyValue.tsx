/** Names and values, one pair a row. @module */
import type { ComponentChildren } from "preact";

/** `[name, value]`; pairs without a value are left out. */
export type Pair = readonly [name: string, value: ComponentChildren];

/** The table. `code`: values are in the type of code. */
export function KeyValue({ pairs, code }: { pairs: readonly Pair[]; code?: boolean }) {
  return (
    <dl class={code ? "key-value key-value-code" : "key-value"}>
      {pairs
        .filter(([, value]) => value !== undefined && value !== null && value !== "")
        .map(([name, value], at) => (
          <div key={`${at} ${name}`}>
            <dt>
              <bdi>{name}</bdi>
            </dt>
            <dd>{typeof value === "string" ? <bdi>{value}</bdi> : value}</dd>
          </div>
        ))}
    </dl>
  );
}
