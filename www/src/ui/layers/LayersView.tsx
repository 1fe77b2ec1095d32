/** LayersView. @module */
import type { JSX } from "preact";

export function LayersView(): JSX.Element {
  return <section />;
}
