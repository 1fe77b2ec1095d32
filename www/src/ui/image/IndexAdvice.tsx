/** How an image gets an index, for whom it lacks one. @module */
import type { JSX } from "preact";
import { repositoryOf } from "../../address/pin.ts";
import { address } from "../../page/location.ts";
import type { OpenedImage } from "../../protocol/api.ts";
import { CopyButton } from "../controls/CopyButton.tsx";
import "./advice.css";

/** Commands that make and push a SOCI index; nothing where all layers have one, or need none. */
export function IndexAdvice({ image }: { image: OpenedImage }): JSX.Element | null {
  if (!image.layers.some((it) => it.read === "whole")) return null;
  const asked = address.value.image ?? image.name;
  const isLocal = asked.startsWith("file:");
  const reference = isLocal ? "registry/repository:tag" : asked;
  const indexed = `${isLocal ? "registry/repository" : repositoryOf(asked)}:indexed`;
  const commands = [
    `nerdctl pull ${reference}`,
    `soci convert ${reference} ${indexed}`,
    `nerdctl push ${indexed}`,
  ];
  return (
    <section class="advice">
      <h2>So that nobody has to fetch it whole again</h2>
      <p>
        Whoever may push to the repository can make an image that names a SOCI index, a small table for each
        layer; the layers stay as they are. Small layers get none by default (<code>--min-layer-size</code>{" "}
        says which); zstd layers cannot have one yet.
      </p>
      <div class="advice-commands">
        <pre>
          <code>{commands.join("\n")}</code>
        </pre>
        <CopyButton text={commands.join("\n")} label="Copy commands" />
      </div>
    </section>
  );
}
