/** Menu of the page: its theme, help, about. @module */

import { followTheme, type Theme, theme } from "../page/theme.ts";
import { AutoIcon, HelpIcon, MoonIcon, MoreIcon, SunIcon } from "./controls/icons.tsx";
import { Button, Choice, Popover } from "./controls/index.ts";
import { helpIsOpen } from "./Help.tsx";

const THEMES: { id: Theme; title: string; icon: typeof SunIcon }[] = [
  { id: "auto", title: "As the system", icon: AutoIcon },
  { id: "light", title: "Light", icon: SunIcon },
  { id: "dark", title: "Dark", icon: MoonIcon },
];

followTheme();

export function Menu() {
  return (
    <Popover kind="quiet" class="button-icon menu-button" button={<MoreIcon />} label="Menu" title="Menu">
      {(close) => (
        <div class="menu">
          <div class="menu-row between">
            <span aria-hidden="true">Theme</span>
            <Choice
              label="Theme"
              options={THEMES}
              selected={theme.value}
              onSelect={(id) => {
                theme.value = id;
              }}
            />
          </div>
          <Button
            icon={HelpIcon}
            onClick={() => {
              close();
              helpIsOpen.value = true;
            }}
          >
            Keyboard shortcuts
          </Button>
          <hr />
          <div class="menu-about hint grid">
            <p>
              ocipeek reads container images where they lie, by small ranges, and shows nothing that it has
              not checked. No account, no tracking, no third party.
            </p>
            <p>
              <a href="https://github.com/ocipeek/ocipeek" rel="noreferrer">
                Source and documentation
              </a>
              {" · "}
              <a href="./-/www/licenses.md">Licences</a>
            </p>
          </div>
        </div>
      )}
    </Popover>
  );
}
