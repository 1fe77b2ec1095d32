/** What is selected: a file, a folder, a link. @module */
import type { JSX } from "preact";
import type { Catalogue } from "../../protocol/catalogue.ts";
import { displayPath, type EncodedPath } from "../../protocol/path.ts";

export function FileView({ path }: { catalogue: Catalogue; path: EncodedPath }): JSX.Element {
  return (
    <section class="file" aria-label="File">
      <h1>{displayPath(path)}</h1>
    </section>
  );
}
