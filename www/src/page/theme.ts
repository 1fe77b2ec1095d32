/** Light or dark: as the system has it, or as chosen here; kept for later visits. @module */
import { effect, signal } from "@preact/signals";

/** `auto`: as the system has it. */
export const THEMES = ["auto", "light", "dark"] as const;

/** A theme. */
export type Theme = (typeof THEMES)[number];

const KEY = "theme";

/** The one that is chosen. */
export const theme = signal<Theme>(kept());

/** Shows the chosen theme, and keeps it. Call it once. */
export function followTheme(): void {
  effect(() => {
    const chosen = theme.value;
    const { dataset } = document.documentElement;
    if (chosen === "auto") delete dataset.theme;
    else dataset.theme = chosen;
    try {
      if (chosen === "auto") localStorage.removeItem(KEY);
      else localStorage.setItem(KEY, chosen);
    } catch {
      // Without storage it lasts for this visit.
    }
  });
}

function kept(): Theme {
  try {
    const found = localStorage.getItem(KEY) as Theme | null;
    return found && THEMES.includes(found) ? found : "auto";
  } catch {
    return "auto";
  }
}
