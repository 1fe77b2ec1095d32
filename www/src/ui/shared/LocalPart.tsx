/** Images from the disk: what is chosen here, or dropped anywhere on the page. @module */

import { useRef } from "preact/hooks";
import { START } from "../../address/address.ts";
import { bytes } from "../../format/format.ts";
import { choosing, openLocal } from "../../page/local.ts";
import { href } from "../../page/location.ts";
import { Button, Note, Spinner } from "../controls/index.ts";
import { filesOf } from "./pick.ts";

/** A button that lets choose an archive, or with `folder` a folder. */
export function ChooseLocal({ folder, children }: { folder?: boolean; children: string }) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <input
        ref={input}
        type="file"
        hidden
        aria-label={children}
        {...(folder
          ? { webkitdirectory: true }
          : { accept: ".tar,.gz,.tgz,.zst,application/x-tar,application/gzip,application/zstd" })}
        onChange={() => {
          const files = filesOf(input.current?.files ?? null);
          // The same file can be chosen again.
          if (input.current) input.current.value = "";
          if (files.length > 0) void openLocal(files);
        }}
      />
      <Button onClick={() => input.current?.click()}>{children}</Button>
    </>
  );
}

export function LocalPart() {
  return (
    <section aria-labelledby="open-local">
      <h2 id="open-local">From your disk</h2>
      <p class="soft">
        Drop an OCI layout or what <code>docker save</code> wrote, as a tar (also .tar.gz, .tar.zst) or a
        folder. It is read where it lies; nothing is uploaded.
      </p>
      <div class="open-buttons flow">
        <ChooseLocal>Choose a tar …</ChooseLocal>
        <ChooseLocal folder>Choose a folder …</ChooseLocal>
      </div>
      <Chosen />
    </section>
  );
}

/** Of what is read for long, such as a compressed archive: how far it is. */
function share({ bytes: done = 0, total = 0 }: { bytes?: number; total?: number | undefined }): string {
  return done < 1 << 20 ? "" : `${bytes(Math.min(done, total))} of ${bytes(total)}`;
}

/** What became of the choice. */
export function Chosen() {
  const now = choosing.value;
  switch (now.step) {
    case "none":
      return null;
    case "reading":
      return (
        <p role="status">
          <Spinner /> Reading <bdi>{now.name}</bdi> … {share(now)}
        </p>
      );
    case "problem":
      return (
        <Note kind="bad" alert title="This cannot be opened">
          {now.message}
        </Note>
      );
    case "choose":
      return (
        <div class="open-choose grid-small">
          <h3 id="open-choose">
            <bdi>{now.name}</bdi> holds {now.tags.length} images. Which one?
          </h3>
          <ul aria-labelledby="open-choose">
            {now.tags.map((tag) => (
              <li key={tag}>
                <a href={href({ ...START, image: now.image, tag })}>
                  <bdi>{tag}</bdi>
                </a>
              </li>
            ))}
          </ul>
        </div>
      );
  }
}
