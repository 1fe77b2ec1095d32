/** The keyboard's shortcuts; `?` opens them anywhere. @module */

import { signal } from "@preact/signals";
import { Fragment } from "preact";
import { Dialog } from "./controls/index.ts";
import { useKey } from "./controls/use-key.ts";

/** Whether they are shown. */
export const helpIsOpen = signal(false);

const GLOBS = "https://github.com/ocipeek/ocipeek/blob/main/docs/globs.md";

type Shortcut = readonly [keys: readonly string[], what: string];

const GROUPS: readonly (readonly [title: string, shortcuts: readonly Shortcut[]])[] = [
  [
    "Everywhere",
    [
      [["?"], "this help"],
      [["/"], "filter the files"],
      [["Esc"], "close, or clear the filter"],
      [["Tab"], "to the next part; the file tree is one"],
    ],
  ],
  [
    "In a file tree",
    [
      [["↑", "↓"], "one row up or down"],
      [["→"], "open a folder, or go into it"],
      [["←"], "close a folder, or go to the one around it"],
      [["Enter"], "show it"],
      [["Home", "End"], "first and last row"],
      [["Page ↑", "Page ↓"], "a screen up or down"],
      [["*"], "open all folders beside this one"],
      [["a", "…"], "type a name's beginning to go there"],
    ],
  ],
  [
    "In a text",
    [
      [["click"], "mark a line by its number; its link is in the address"],
      [["Shift", "click"], "mark up to there"],
    ],
  ],
];

/** Opens on `?`; renders nothing before. */
export function Help() {
  useKey("?", () => {
    helpIsOpen.value = true;
    return true;
  });
  if (!helpIsOpen.value) return null;
  const close = (): void => {
    helpIsOpen.value = false;
  };
  return (
    <Dialog title="Keyboard shortcuts" onClose={close}>
      <div class="help grid-large">
        {GROUPS.map(([title, shortcuts]) => (
          <section key={title}>
            <h3>{title}</h3>
            <dl>
              {shortcuts.map(([keys, what]) => (
                <div key={what}>
                  <dt>
                    {keys.map((key, at) => (
                      <Fragment key={key}>
                        {at > 0 && " "}
                        <kbd>{key}</kbd>
                      </Fragment>
                    ))}
                  </dt>
                  <dd>{what}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
        <p>
          The filter takes parts of names and <a href={GLOBS}>globs</a>: <code>*.so</code>,{" "}
          <code>usr/**</code>
        </p>
      </div>
    </Dialog>
  );
}
