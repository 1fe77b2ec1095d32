/** The box that filters a tree, with what it found. @module */

import type { RefObject } from "preact";
import { useId } from "preact/hooks";
import { CloseIcon, SearchIcon } from "../controls/icons.tsx";
import { IconButton } from "../controls/index.ts";
import { useKey } from "../controls/use-key.ts";

interface FilterBoxProps {
  input: RefObject<HTMLInputElement | null>;
  query: string;
  /** What was found, or what went wrong, in words. */
  said: string;
  onInput(query: string): void;
  /** Down or Enter: to what was found. */
  onLeave(choose: boolean): void;
}

/** Escape empties it; `/` anywhere on the page goes to it. */
export function FilterBox({ input, query, said, onInput, onLeave }: FilterBoxProps) {
  const id = useId();
  useKey("/", () => {
    const field = input.current;
    if (!field || field.closest("[hidden]") || document.querySelector("dialog[open]")) return false;
    field.focus();
    field.select();
    return true;
  });
  return (
    <div class="tree-filter">
      <div class="tree-filter-box">
        <label for={id}>
          <SearchIcon />
          <span class="unseen">Filter by name or glob</span>
        </label>
        <input
          ref={input}
          id={id}
          type="text"
          inputMode="search"
          placeholder="Filter: libc, *.conf, etc/**"
          autocomplete="off"
          autocapitalize="off"
          spellcheck={false}
          aria-keyshortcuts="/"
          value={query}
          onInput={(event) => onInput(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.isComposing) return;
            if (event.key === "Escape" && query !== "") onInput("");
            else if (event.key === "Escape" || event.key === "ArrowDown") onLeave(false);
            else if (event.key === "Enter") onLeave(true);
            else return;
            event.preventDefault();
          }}
        />
        {query === "" ? (
          <span class="tree-filter-key hint" aria-hidden="true">
            /
          </span>
        ) : (
          <IconButton
            label="Clear filter"
            icon={CloseIcon}
            onClick={() => {
              onInput("");
              input.current?.focus();
            }}
          />
        )}
      </div>
      <span class="tree-said hint figures" role="status">
        {said}
      </span>
    </div>
  );
}
