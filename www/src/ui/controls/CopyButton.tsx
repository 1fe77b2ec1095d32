/** Copy button. @module */
import { useEffect, useState } from "preact/hooks";
import { Button, IconButton } from "./Button.tsx";
import { CheckIcon, CopyIcon, type Icon } from "./icons.tsx";

/** How long it says that it copied. */
const SAYS_MS = 2000;

interface CopyProps {
  /** What it copies, or what finds it. */
  text: string | (() => string | Promise<string>);
  /** `Copy digest`: its name. Shown where `shown` is set, else the icon alone. */
  label: string;
  shown?: boolean | undefined;
  icon?: Icon | undefined;
  kind?: "normal" | "primary" | "quiet" | undefined;
}

/** A button that copies a text and says so. */
export function CopyButton({ text, label, shown, icon = CopyIcon, kind }: CopyProps) {
  const [done, setDone] = useState<"copied" | "failed">();
  useEffect(() => {
    if (!done) return;
    const timer = setTimeout(() => setDone(undefined), SAYS_MS);
    return () => clearTimeout(timer);
  }, [done]);
  const copy = async (): Promise<void> => {
    try {
      await copyText(typeof text === "string" ? text : await text());
      setDone("copied");
    } catch {
      setDone("failed");
    }
  };
  const shape = done === "copied" ? CheckIcon : icon;
  const said = done === "copied" ? "Copied" : done === "failed" ? "Could not copy" : "";
  return (
    <>
      {shown ? (
        <Button kind={kind} icon={shape} onClick={copy}>
          {said || label}
        </Button>
      ) : (
        <IconButton kind={kind} label={label} title={said || label} icon={shape} onClick={copy} />
      )}
      <span class="unseen" role="status">
        {said}
      </span>
    </>
  );
}

/** Puts a text on the clipboard, also where the page is not a secure context. */
export async function copyText(text: string): Promise<void> {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "unseen";
  const before = document.activeElement;
  (document.querySelector("dialog[open]") ?? document.body).append(area);
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  if (before instanceof HTMLElement) before.focus();
  if (!copied) throw new Error("the browser did not copy");
}
