/** The bar on top: where one is, the views, and what it has cost. @module */

import { VIEWS } from "../address/address.ts";
import { permalink } from "../page/link.ts";
import { address, href } from "../page/location.ts";
import { image } from "../page/session.ts";
import { LinkIcon } from "./controls/icons.tsx";
import { CopyButton } from "./controls/index.ts";
import { ImagePicker } from "./ImagePicker.tsx";
import { Menu } from "./Menu.tsx";
import { Meter } from "./Meter.tsx";
import { Reference } from "./shared/Reference.tsx";

/** What the views are called. */
export const VIEW_NAMES = { files: "Files", layers: "Layers", compare: "Compare", image: "Image" };

export function TopBar() {
  const { image: name, view } = address.value;
  return (
    <header class="topbar">
      <a class="topbar-brand" href="#/" title="Open another image">
        <Logo />
        <span class="topbar-brand-name">ocipeek</span>
      </a>
      {name !== undefined && (
        <>
          <div class="topbar-image line">
            <Reference reference={name} short={image.value !== undefined} />
            <ImagePicker />
            {/* Of a file, its own head has one. */}
            {view !== "files" && image.value && image.value.route !== "local" && (
              <CopyButton text={() => permalink()} label="Copy link" icon={LinkIcon} />
            )}
          </div>
          <nav class="topbar-views" aria-label="Views">
            {VIEWS.map((it) => (
              <a
                key={it}
                class="tab ring-inside"
                href={href({ view: it })}
                aria-current={view === it ? "page" : undefined}
              >
                {VIEW_NAMES[it]}
              </a>
            ))}
          </nav>
        </>
      )}
      <div class="topbar-end line">
        {name !== undefined && <Meter />}
        <Menu />
      </div>
    </header>
  );
}

function Logo() {
  return (
    <svg class="topbar-logo" viewBox="0 0 32 32" aria-hidden="true">
      <path d="M16 2 3 9v14l13 7 13-7V9z" />
      <path class="topbar-logo-eye" d="M8.500 16q7.500-8 15 0-7.500 8-15 0z" />
      <circle cx="16" cy="16" r="2.600" />
    </svg>
  );
}
