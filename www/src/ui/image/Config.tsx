/** The image's config, and the commands that made it. @module */

import type { ImageConfig } from "ocipeek";
import type { ComponentChildren, JSX } from "preact";
import { quote } from "../../format/command.ts";
import { bytes, time } from "../../format/format.ts";
import { commandOf } from "../../format/history.ts";
import type { OpenedImage } from "../../protocol/api.ts";
import { CopyButton, KeyValue, type Pair } from "../controls/index.ts";

function command(words: string[] | undefined): JSX.Element | undefined {
  if (!words || words.length === 0) return undefined;
  return (
    <code>
      <bdi>{words.map(quote).join(" ")}</bdi>
    </code>
  );
}

/** What runs, and in which surroundings. */
export function ConfigPart({ config }: { config: ImageConfig }) {
  const run = config.config ?? {};
  const env: Pair[] = (run.Env ?? []).map((it) => {
    const cut = it.indexOf("=");
    return cut < 0 ? [it, ""] : [it.slice(0, cut), it.slice(cut + 1)];
  });
  const ports = Object.keys(run.ExposedPorts ?? {});
  const volumes = Object.keys(run.Volumes ?? {});
  const labels = Object.entries(run.Labels ?? {});
  const platform = [config.os, config.architecture, config.variant].filter(Boolean).join("/");
  return (
    <>
      <KeyValue
        pairs={[
          ["Entrypoint", command(run.Entrypoint)],
          ["Command", command(run.Cmd)],
          ["Working directory", run.WorkingDir],
          ["User", run.User],
          ["Ports", ports.join(", ")],
          ["Volumes", volumes.join(", ")],
          ["Stop signal", run.StopSignal],
          ["Platform", platform],
        ]}
      />
      <More title="Environment" pairs={env}>
        <CopyButton text={(run.Env ?? []).join("\n")} label="Copy as .env lines" kind="quiet" shown />
      </More>
      <More title="Labels" pairs={labels} />
    </>
  );
}

/** Pairs that are folded where they are many. */
function More(props: { title: string; pairs: readonly Pair[]; children?: ComponentChildren }) {
  const { title, pairs, children } = props;
  if (pairs.length === 0) return null;
  return (
    <details class="image-more" open={pairs.length <= 12}>
      <summary>
        {title} ({pairs.length})
      </summary>
      <KeyValue pairs={pairs} code />
      {children}
    </details>
  );
}

/** One line a command, the first the oldest; those that made a layer say which. */
export function HistoryPart({
  history,
  layers,
}: {
  history: NonNullable<ImageConfig["history"]>;
  layers: OpenedImage["layers"];
}) {
  let next = 0;
  return (
    <ol class="history grid figures">
      {history.map((step, at) => {
        const layer = step.empty_layer ? undefined : layers[next++];
        const when = step.created ? time(Date.parse(step.created)) : "";
        return (
          <li key={at}>
            <code>
              <bdi>{commandOf(step.created_by ?? step.comment ?? "not said")}</bdi>
            </code>
            <p class="image-soft hint">
              {layer ? `Layer ${layer.index}, ${bytes(layer.size)}` : "No layer"}
              {when && `, ${when}`}
              {step.comment && step.created_by && step.comment !== step.created_by && (
                <>
                  , <bdi>{step.comment}</bdi>
                </>
              )}
            </p>
          </li>
        );
      })}
    </ol>
  );
}
