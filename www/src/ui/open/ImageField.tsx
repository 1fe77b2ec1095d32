/** The field that an image is named in, with suggestions: a combobox. @module */

import type { TargetedKeyboardEvent } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { START } from "../../address/address.ts";
import { readInput } from "../../address/input.ts";
import { type Visit, visits } from "../../page/history.ts";
import { go } from "../../page/location.ts";
import { site } from "../../page/session.ts";
import { Button, submits } from "../controls/index.ts";

/** Suggestions in sight. */
const MOST = 8;

/** Images to suggest: of earlier visits, then the host's, that hold what is typed. */
function suggestions(text: string): Visit[] {
  const wanted = text.trim().toLowerCase();
  const known = new Set(visits.value.map(({ image }) => image));
  const demo = site.value.demo.filter((image) => !known.has(image)).map((image) => ({ image }));
  return [...visits.value, ...demo]
    .filter(({ image }) => image.includes(wanted) && image !== wanted)
    .slice(0, MOST);
}

export function ImageField() {
  const id = useId();
  const input = useRef<HTMLInputElement>(null);
  const [text, setText] = useState("");
  const [isOpen, setOpen] = useState(false);
  const [active, setActive] = useState(-1);
  const [problem, setProblem] = useState<string>();
  const shown = isOpen ? suggestions(text) : [];

  // On a phone its keyboard would cover the page.
  useEffect(() => {
    if (matchMedia("(pointer: fine)").matches) input.current?.focus();
  }, []);

  const change = (value: string, opens: boolean): void => {
    setText(value);
    setOpen(opens);
    setActive(-1);
    setProblem(undefined);
  };
  const submit = (): void => {
    const read = readInput(text, document.baseURI.replace(/[^/]*(?:[?#].*)?$/, ""));
    setOpen(false);
    if ("to" in read) go({ ...START, ...read.to });
    else {
      setProblem(read.problem);
      input.current?.focus();
    }
  };
  const onKeyDown = (event: TargetedKeyboardEvent<HTMLInputElement>): void => {
    const { key } = event;
    const list = shown.length > 0 ? shown : key === "ArrowDown" || key === "ArrowUp" ? suggestions(text) : [];
    if ((key === "ArrowDown" || key === "ArrowUp") && list.length > 0) {
      const step = key === "ArrowDown" ? 1 : -1;
      // Before the first and behind the last is the field itself.
      const next = ((active + 1 + step + list.length + 1) % (list.length + 1)) - 1;
      setOpen(true);
      setActive(next);
    } else if (key === "Enter" && active >= 0 && shown[active]) go({ ...START, ...shown[active] });
    else if (key === "Escape" && shown.length > 0) change(text, false);
    else if (key === "Escape" && text !== "") change("", false);
    else return;
    event.preventDefault();
  };

  const read = text.trim() === "" ? undefined : readInput(text, document.baseURI);
  const meant = read && "to" in read && read.to.image !== text.trim() ? read.to : undefined;
  return (
    <form class="image-field grid-small" onSubmit={submits(submit)}>
      <label class="bold" for={id}>
        Image
      </label>
      <div class="image-field-line">
        <div class="image-field-box">
          <input
            ref={input}
            class="input"
            id={id}
            type="text"
            role="combobox"
            aria-expanded={shown.length > 0}
            aria-controls={`${id}-list`}
            aria-autocomplete="list"
            aria-activedescendant={active >= 0 && shown[active] ? `${id}-${active}` : undefined}
            aria-describedby={`${id}-hint ${id}-said`}
            aria-invalid={problem !== undefined}
            autocomplete="off"
            autocapitalize="none"
            spellcheck={false}
            enterkeyhint="go"
            placeholder="alpine:3"
            value={text}
            onInput={(event) => change(event.currentTarget.value, event.currentTarget.value.trim() !== "")}
            onKeyDown={onKeyDown}
            onBlur={() => setOpen(false)}
          />
          <div
            id={`${id}-list`}
            class="image-field-list overlay"
            role="listbox"
            aria-label="Suggestions"
            hidden={shown.length === 0}
            // Else the field would lose the focus before the click.
            onPointerDown={(event) => event.preventDefault()}
          >
            {shown.map((visit, i) => (
              // biome-ignore lint/a11y/useKeyWithClickEvents lint/a11y/useFocusableInteractive: the field has the focus and the keys
              <div
                key={`${visit.image} ${visit.platform}`}
                id={`${id}-${i}`}
                class="option between"
                role="option"
                aria-selected={i === active}
                onClick={() => go({ ...START, ...visit })}
              >
                <bdi>{visit.image}</bdi>
                {visit.platform && <small>{visit.platform}</small>}
              </div>
            ))}
          </div>
        </div>
        <Button kind="primary" type="submit">
          Open
        </Button>
      </div>
      <p id={`${id}-said`} class={problem ? "image-field-problem" : "image-field-meant"} role="status">
        {problem}
        {!problem && meant && (
          <>
            opens <bdi class="mono">{meant.image}</bdi>
            {meant.platform && `, ${meant.platform}`}
            {meant.path && meant.path !== "/" && (
              <>
                {" at "}
                <bdi class="mono">{meant.path}</bdi>
              </>
            )}
          </>
        )}
      </p>
      {!problem && !meant && (
        <p id={`${id}-hint`} class="soft">
          A reference, with a tag or a digest; also a pasted <code>docker pull</code> or <code>FROM</code>{" "}
          line, or the web address of an image.
        </p>
      )}
    </form>
  );
}
