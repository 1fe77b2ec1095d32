/** ImageView. @module */
import type { JSX } from "preact";

export function ImageView(): JSX.Element {
  return <section />;
}
