/** The stack of layers, the lowest on top: as a Dockerfile is read. @module */
import type { ImageConfig } from "ocipeek";
import { bytes } from "../../format/format.ts";
import { type Step, stepsOf } from "../../format/history.ts";
import { visible } from "../../format/visible.ts";
import { href } from "../../page/location.ts";
import type { OpenedImage, Waste } from "../../protocol/api.ts";
import { Badges } from "../reading/Badges.tsx";
import type { CallState } from "../shared/use-call.ts";
import { Tallies } from "./Tallies.tsx";

interface StackProps {
  image: OpenedImage;
  config: CallState<ImageConfig>;
  waste: CallState<Waste>;
  /** The layer that is selected, or -1. */
  selected: number;
}

export function Stack({ image, config, waste, selected }: StackProps) {
  const known = config.step === "done" ? config.value : undefined;
  // Without the config the layers are there at once, and their commands come to them.
  const steps = stepsOf(known, image.layers.length);
  return (
    <nav class="stack" aria-label="Layers">
      <ol>
        {steps.map((step, at) => (
          // Steps have no names; they stay in their order.
          <li key={`${at}`}>
            {step.layer === undefined ? (
              <p class="stack-empty clip" title={step.command}>
                <bdi>{visible(step.command) || "a step without a layer"}</bdi>
              </p>
            ) : (
              <LayerLink image={image} step={step} index={step.layer} waste={waste} selected={selected} />
            )}
          </li>
        ))}
      </ol>
    </nav>
  );
}

interface LayerLinkProps extends Omit<StackProps, "config"> {
  step: Step;
  index: number;
}

function LayerLink({ image, step, index, waste, selected }: LayerLinkProps) {
  const layer = image.layers[index];
  if (!layer) return null;
  const largest = Math.max(1, ...image.layers.map((it) => it.size));
  const tally = waste.step === "done" ? waste.value.layers[index] : undefined;
  const isSelected = index === selected;
  return (
    <a
      class="stack-layer ring-inside"
      href={href({ layer: isSelected ? undefined : layer.digest, show: undefined })}
      aria-current={isSelected ? "true" : undefined}
    >
      <span class="stack-number figures">{index}</span>
      <span class="stack-command">
        <bdi>{visible(step.command) || (step.comment ? visible(step.comment) : "no command recorded")}</bdi>
      </span>
      <span class="stack-size figures">{bytes(layer.size)}</span>
      <span class="stack-facts figures">
        {tally && <Tallies tallies={tally} />}
        {tally && tally.wasted > 0 && <span class="faint">{bytes(tally.wasted)} wasted</span>}
        <Badges image={image} layer={layer} />
      </span>
      <span class="stack-bar" aria-hidden="true">
        <span style={{ width: `${(100 * layer.size) / largest}%` }} />
      </span>
    </a>
  );
}
