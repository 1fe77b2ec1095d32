/** OpenView. @module */
import type { JSX } from "preact";

export function OpenView(): JSX.Element {
  return <section />;
}
