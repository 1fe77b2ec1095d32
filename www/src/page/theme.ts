/** Light or dark: as the system has it, or as chosen here; kept for later visits. @module */
import { effect, signal } from "@preact/signals";
import { store, stored } from "./stored.ts";

/** `auto`: as the system has it. */
export const THEMES = ["auto", "light", "dark"] as const;

/** A theme. */
export type Theme = (typeof THEMES)[number];

const KEY = "theme";

const kept = stored(KEY) as Theme | undefined;

/** The one that is chosen. */
export const theme = signal<Theme>(kept && THEMES.includes(kept) ? kept : "auto");

/** Shows the chosen theme, and keeps it. Call it once. */
export function followTheme(): void {
  effect(() => {
    const chosen = theme.value === "auto" ? undefined : theme.value;
    const { dataset } = document.documentElement;
    if (chosen) dataset.theme = chosen;
    else delete dataset.theme;
    store(KEY, chosen);
  });
}
