/** The keys of a tree, as in a file manager and in the ARIA tree pattern. @module */
import type { TreeModel } from "./model.ts";

/** What of a key press is looked at. */
export interface KeyPress {
  key: string;
  ctrlKey: boolean;
  altKey: boolean;
  metaKey: boolean;
}

/** What a key did: nothing, moved or opened something, or chose the entry at the cursor. */
export type Effect = "none" | "moved" | "chosen";

/** Letters typed within so many milliseconds are one text. */
const TYPING_MS = 800;

/** Turns keys into moves of a tree. Keeps what was typed last. */
export class TreeKeys {
  #typed = "";
  #typedAt = Number.NEGATIVE_INFINITY;

  /** `page`: rows on screen. `now`: milliseconds. */
  press(model: TreeModel, press: KeyPress, page: number, now: number): Effect {
    const { key, ctrlKey, altKey, metaKey } = press;
    if (ctrlKey || altKey || metaKey || model.rows.count === 0) return "none";
    const isTyping = this.#typed !== "" && now - this.#typedAt < TYPING_MS;
    const effect = key === " " && isTyping ? undefined : move(model, key, page);
    if (effect) {
      this.#typed = "";
      return effect;
    }
    // `/` and `?` are keys of the page.
    if ([...key].length !== 1 || key === "/" || key === "?") return "none";
    this.#typed = isTyping ? this.#typed + key : key;
    this.#typedAt = now;
    // One letter again and again goes from one to the next.
    const isOneLetter = [...this.#typed].every((letter) => letter === key);
    model.typeahead(isOneLetter ? key : this.#typed);
    return "moved";
  }
}

/** What a key does that is no letter. */
function move(model: TreeModel, key: string, page: number): Effect | undefined {
  const row = model.cursorRow;
  switch (key) {
    case "ArrowDown":
      // The first key of all goes to the first row.
      model.moveTo(model.rowOf(model.cursor) < 0 ? 0 : row + 1);
      return "moved";
    case "ArrowUp":
      model.moveTo(row - 1);
      return "moved";
    case "Home":
      model.moveTo(0);
      return "moved";
    case "End":
      model.moveTo(model.rows.count - 1);
      return "moved";
    case "PageDown":
      model.moveTo(row + page);
      return "moved";
    case "PageUp":
      model.moveTo(row - page);
      return "moved";
    case "ArrowRight":
      model.right();
      return "moved";
    case "ArrowLeft":
      model.left();
      return "moved";
    case "*":
      model.openSiblings();
      return "moved";
    case "Enter":
    case " ":
      return "chosen";
    default:
      return undefined;
  }
}
