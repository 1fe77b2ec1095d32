/** A dialog over the page. @module */
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { IconButton } from "./Button.tsx";
import { CloseIcon } from "./icons.tsx";

interface DialogProps {
  title: string;
  /** Called when it is closed: by its button, Escape, or a click beside it. */
  onClose(): void;
  children: ComponentChildren;
}

/** Render it to open it. The focus goes into it, and back when it goes. */
export function Dialog({ title, onClose, children }: DialogProps) {
  const id = useId();
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const before = document.activeElement;
    dialog.current?.showModal();
    return () => {
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the keyboard has Escape
    <dialog
      ref={dialog}
      class="dialog overlay"
      aria-labelledby={id}
      onClose={onClose}
      onClick={(event) => {
        if (event.target === dialog.current) onClose();
      }}
    >
      <div class="dialog-body grid-large">
        <header>
          <h2 id={id}>{title}</h2>
          <IconButton label="Close" icon={CloseIcon} onClick={onClose} />
        </header>
        {children}
      </div>
    </dialog>
  );
}
