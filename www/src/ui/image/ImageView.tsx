/** The image itself: what it is, what vouches for it, how it is read, and its config. @module */

import type { ImageConfig } from "ocipeek";
import { bytes, plural, time } from "../../format/format.ts";
import { engine } from "../../page/engine.ts";
import { address, href } from "../../page/location.ts";
import { image } from "../../page/session.ts";
import type { OpenedImage } from "../../protocol/api.ts";
import { Digest, KeyValue, Spinner } from "../controls/index.ts";
import { FailureNote } from "../shared/Failure.tsx";
import { Part } from "../shared/Part.tsx";
import { Reference } from "../shared/Reference.tsx";
import { useCall } from "../shared/use-call.ts";
import { ConfigPart, HistoryPart } from "./Config.tsx";
import "./image.css";
import { IndexPart } from "./IndexPart.tsx";
import { Trust } from "./Trust.tsx";

export function ImageView() {
  const opened = image.value;
  const id = opened?.id;
  const call = useCall(id?.toString(), (options) => engine.config([id ?? 0], options));
  const config = call.step === "done" ? call.value : undefined;
  if (!opened) return null;
  return (
    <div class="image">
      <header class="image-head grid">
        <h1>
          <Reference reference={address.value.image ?? opened.name} />
        </h1>
        <Overview image={opened} config={config} />
      </header>
      <div class="image-columns">
        <div class="image-column">
          <Part class="image-part" title="What vouches for it">
            <Trust image={opened} />
          </Part>
          <Part class="image-part" title="How it is read">
            <IndexPart image={opened} />
          </Part>
        </div>
        <div class="image-column">
          <Part class="image-part" title="Config">
            {call.step === "failed" && <FailureNote error={call.error} onRetry={call.retry} />}
            {call.step === "running" && <Spinner label="Loading the config" />}
            {config && <ConfigPart config={config} />}
          </Part>
          {config?.history && config.history.length > 0 && (
            <Part class="image-part" title="History">
              <HistoryPart history={config.history} layers={opened.layers} />
            </Part>
          )}
          {Object.keys(opened.annotations).length > 0 && (
            <Part class="image-part" title="Annotations">
              <KeyValue pairs={Object.entries(opened.annotations)} />
            </Part>
          )}
        </div>
      </div>
    </div>
  );
}

function Overview({ image: opened, config }: { image: OpenedImage; config: ImageConfig | undefined }) {
  const size = opened.layers.reduce((sum, it) => sum + it.size, 0);
  const created = config?.created ? time(Date.parse(config.created)) : "";
  return (
    <KeyValue
      pairs={[
        ["Digest", <Digest key="digest" digest={opened.indexDigest ?? opened.digest} label="the image" />],
        [
          "Platform",
          opened.platformBy === "only" ? `${opened.platform}, the only one there is` : opened.platform,
        ],
        [
          "Also for",
          opened.platforms.length > 1 ? (
            <ul class="image-platforms plain-list">
              {opened.platforms
                .filter((it) => it !== opened.platform)
                .map((it) => (
                  <li key={it}>
                    <a href={href({ platform: it, layer: undefined })}>
                      <bdi>{it}</bdi>
                    </a>
                  </li>
                ))}
            </ul>
          ) : undefined,
        ],
        ["Size", `${bytes(size)} compressed, in ${plural(opened.layers.length, "layer")}`],
        ["Built", created],
        ["Author", config?.author],
      ]}
    />
  );
}
