/** All layers together: their sizes, and what of their content no one sees. @module */

import { bytes, count, plural } from "../../format/format.ts";
import { treeFormat } from "../../format/reading.ts";
import { visible } from "../../format/visible.ts";
import { href } from "../../page/location.ts";
import { catalogue } from "../../page/session.ts";
import type { OpenedImage, Waste } from "../../protocol/api.ts";
import { displayPath, entryAt } from "../../protocol/path.ts";
import { KeyValue, Table } from "../controls/index.ts";
import { IndexAdvice } from "../image/IndexPart.tsx";
import { Legend } from "../reading/Badges.tsx";
import { NoDigests } from "../reading/NoDigests.tsx";
import { CallNote } from "../shared/CallNote.tsx";
import type { CallState } from "../shared/use-call.ts";

/** So many of the largest are listed at first. */
const FIRST = 20;

export function Overview({ image, waste }: { image: OpenedImage; waste: CallState<Waste> }) {
  const size = image.layers.reduce((sum, layer) => sum + layer.size, 0);
  return (
    <section class="overview grid-large" aria-labelledby="overview">
      <h1 id="overview">{plural(image.layers.length, "layer")}</h1>
      {image.isMerged ? (
        <>
          <KeyValue pairs={[["Compressed", bytes(size)]]} />
          <OneTree image={image} />
          <NoDigests image={image} />
        </>
      ) : waste.step === "done" ? (
        <>
          <KeyValue
            pairs={[
              ["Compressed", bytes(size)],
              ["Content", bytes(waste.value.total)],
              ["In sight", `${bytes(waste.value.total - waste.value.wasted)}${share(waste.value)}`],
              ["Wasted", wastedWords(waste.value.wasted)],
            ]}
          />
          <Worst waste={waste.value} />
        </>
      ) : (
        <CallNote state={waste} doing="Reading the layers" />
      )}
      <Legend image={image} />
      <IndexAdvice image={image} />
    </section>
  );
}

/** Why there are no trees of single layers. */
export function OneTree({ image }: { image: OpenedImage }) {
  return (
    <p>
      {treeFormat(image)} makes one tree of all layers: what each of them adds, changes and removes is not
      told. <a href={href({ view: "files", layer: undefined, path: "/" })}>Show the files</a>
    </p>
  );
}

function wastedWords(wasted: number): string {
  return wasted === 0 ? "nothing" : `${bytes(wasted)}, replaced or removed by later layers`;
}

function share({ total, wasted }: Waste): string {
  return total === 0 ? "" : ` (${(100 * (1 - wasted / total)).toFixed(1)} %)`;
}

function Worst({ waste: { worst } }: { waste: Waste }) {
  if (worst.length === 0) return <p class="soft">No layer replaces or removes content of another one.</p>;
  return (
    <div class="worst grid">
      <h2>Largest waste</h2>
      <Table
        label="Largest waste"
        numbers={[1, 2]}
        head={["Path", "Stored", "Wasted"]}
        rows={worst
          .slice(0, FIRST)
          .map(({ path, copies, wasted }) => [
            path,
            <WastedPath key="path" path={path} />,
            copies === 1 ? "once" : `${count(copies)} times`,
            bytes(wasted),
          ])}
      />
      {worst.length > FIRST && <p class="soft">and {count(worst.length - FIRST)} smaller ones or more</p>}
    </div>
  );
}

/** A link where the image still has something there. */
function WastedPath({ path }: { path: string }) {
  const tree = catalogue.value;
  const text = <bdi>{visible(displayPath(path))}</bdi>;
  const isThere = tree !== undefined && entryAt(tree, path) !== undefined;
  return isThere ? <a href={href({ view: "files", path })}>{text}</a> : <span title="Removed">{text}</span>;
}
