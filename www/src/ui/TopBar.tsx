/** The bar on top: where one is, the views, and what it has cost. @module */
import type { JSX } from "preact";
import { VIEWS } from "../address/address.ts";
import { address, href } from "../page/location.ts";
import { image } from "../page/session.ts";
import { Meter } from "./Meter.tsx";

const NAMES = { files: "Files", layers: "Layers", compare: "Compare", image: "Image" };

export function TopBar(): JSX.Element {
  return (
    <header class="topbar">
      <a class="brand" href="#/">
        ocipeek
      </a>
      {address.value.image !== undefined && (
        <>
          <span class="reference">{image.value?.name ?? address.value.image}</span>
          <nav aria-label="Views">
            {VIEWS.map((view) => (
              <a
                key={view}
                href={href({ view })}
                aria-current={address.value.view === view ? "page" : undefined}
              >
                {NAMES[view]}
              </a>
            ))}
          </nav>
          <Meter />
        </>
      )}
    </header>
  );
}
