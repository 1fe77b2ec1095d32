/** The box that filters a tree, with what it found. @module */
import type { JSX, RefObject } from "preact";
import { useEffect, useId } from "preact/hooks";
import { IconButton } from "../controls/Button.tsx";
import { CloseIcon, SearchIcon } from "../controls/icons.tsx";

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
export function FilterBox({ input, query, said, onInput, onLeave }: FilterBoxProps): JSX.Element {
  const id = useId();
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent): void => {
      if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target))
        return;
      if (!input.current || input.current.closest("[hidden]") || document.querySelector("dialog[open]"))
        return;
      event.preventDefault();
      input.current.focus();
      input.current.select();
    };
    document.addEventListener("keydown", onKeyDown);
    return () => document.removeEventListener("keydown", onKeyDown);
  }, [input]);
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
          <span class="tree-filter-key" aria-hidden="true">
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
      <span class="tree-said" role="status">
        {said}
      </span>
    </div>
  );
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof Element && target.matches("input, textarea, select, [contenteditable]");
}
