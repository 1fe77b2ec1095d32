/** The start page: which image? @module */
import type { JSX } from "preact";
import { LocalPart } from "../shared/LocalPart.tsx";
import { ImageField } from "./ImageField.tsx";
import "./open.css";
import { PrivatePart } from "./PrivatePart.tsx";
import { Recent } from "./Recent.tsx";

export function OpenView(): JSX.Element {
  return (
    <div class="open">
      <header>
        <h1>Look into a container image</h1>
        <p class="soft">
          Its files, where it lies, without pulling it. Only what you look at is fetched, and verified.
        </p>
      </header>
      <ImageField />
      <div class="open-parts">
        <Recent />
        <LocalPart />
        <PrivatePart />
      </div>
    </div>
  );
}
