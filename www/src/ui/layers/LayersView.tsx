/** The layers of an image: the stack, and beside it what one of them does, or what all of them waste. @module */
import { engine } from "../../page/engine.ts";
import { address } from "../../page/location.ts";
import { image } from "../../page/session.ts";
import type { OpenedImage } from "../../protocol/api.ts";
import { useCall } from "../shared/use-call.ts";
import { LayerDetail } from "./LayerDetail.tsx";
import { Overview } from "./Overview.tsx";
import { Stack } from "./Stack.tsx";
import "./layers.css";

export function LayersView() {
  const now = image.value;
  return now ? <Layers key={now.id} image={now} /> : null;
}

function Layers({ image }: { image: OpenedImage }) {
  const { id, layers, isMerged } = image;
  const config = useCall(`${id}`, (options) => engine.config([id], options));
  // Layers that make one tree only together have no changes of their own.
  const waste = useCall(isMerged ? undefined : `${id}`, (options) => engine.waste([id], options));
  const { layer: digest } = address.value;
  const index = digest === undefined ? -1 : layers.findIndex((layer) => layer.digest === digest);
  return (
    <div class={index < 0 ? "layers" : "layers layers-one"}>
      <Stack image={image} config={config} waste={waste} selected={index} />
      <div class="layers-detail">
        {index < 0 ? (
          <Overview image={image} waste={waste} />
        ) : (
          <LayerDetail key={index} image={image} index={index} config={config} waste={waste} />
        )}
      </div>
    </div>
  );
}
