/** The image's config, and the commands that made it. @module */
import type { ImageConfig } from "ocipeek";
import type { JSX } from "preact";
import { bytes, time } from "../../format/format.ts";
import type { OpenedImage } from "../../protocol/api.ts";
import { CopyButton } from "../controls/CopyButton.tsx";
import { KeyValue, type Pair } from "../controls/KeyValue.tsx";

/** A word as a shell would take it. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

function command(words: string[] | undefined): JSX.Element | undefined {
  if (!words || words.length === 0) return undefined;
  return (
    <code>
      <bdi>{words.map(quoted).join(" ")}</bdi>
    </code>
  );
}

/** What runs, and in which surroundings. */
export function ConfigPart({ config }: { config: ImageConfig }): JSX.Element {
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
          ["Works in", run.WorkingDir],
          ["Runs as", run.User],
          ["Ports", ports.join(", ")],
          ["Volumes", volumes.join(", ")],
          ["Stop signal", run.StopSignal],
          ["Made for", platform],
        ]}
      />
      {env.length > 0 && (
        <details class="image-more" open={env.length <= 12}>
          <summary>Environment ({env.length})</summary>
          <KeyValue pairs={env} code />
          <CopyButton text={(run.Env ?? []).join("\n")} label="Copy as .env lines" kind="quiet" shown />
        </details>
      )}
      {labels.length > 0 && (
        <details class="image-more" open={labels.length <= 12}>
          <summary>Labels ({labels.length})</summary>
          <KeyValue pairs={labels} code />
        </details>
      )}
    </>
  );
}

/** One line a command, the first the oldest; those that made a layer say which. */
export function HistoryPart({
  history,
  layers,
}: {
  history: NonNullable<ImageConfig["history"]>;
  layers: OpenedImage["layers"];
}): JSX.Element {
  let next = 0;
  return (
    <ol class="history">
      {history.map((step, at) => {
        const layer = step.empty_layer ? undefined : layers[next++];
        const when = step.created ? time(Date.parse(step.created)) : "";
        return (
          <li key={at}>
            <code>
              <bdi>{shortCommand(step.created_by ?? step.comment ?? "not said")}</bdi>
            </code>
            <p class="image-soft">
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

/** A command as in a Dockerfile: without the shell that old builders write before it. */
export function shortCommand(text: string): string {
  const plain = text.replace(/^\/bin\/sh -c #\(nop\)\s+/, "").trim();
  return plain.replace(/^\/bin\/sh -c /, "RUN ");
}
