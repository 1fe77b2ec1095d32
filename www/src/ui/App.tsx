/** The page: a bar on top, and below it the start page or the image. @module */
import type { JSX } from "preact";
import { address } from "../page/location.ts";
import { opening } from "../page/session.ts";
import { CompareView } from "./compare/CompareView.tsx";
import { Failure } from "./Failure.tsx";
import { Files } from "./Files.tsx";
import { ImageView } from "./image/ImageView.tsx";
import { LayersView } from "./layers/LayersView.tsx";
import { Opening } from "./Opening.tsx";
import { DropTarget } from "./open/DropTarget.tsx";
import { OpenView } from "./open/OpenView.tsx";
import { TopBar } from "./TopBar.tsx";

const VIEWS = { files: Files, layers: LayersView, compare: CompareView, image: ImageView };

export function App(): JSX.Element {
  return (
    <>
      <TopBar />
      <main id="main">{content()}</main>
      <DropTarget />
    </>
  );
}

function content(): JSX.Element {
  if (address.value.image === undefined) return <OpenView />;
  const now = opening.value;
  if (now.step === "failed") return <Failure error={now.error} />;
  if (now.step !== "open") return <Opening />;
  const View = VIEWS[address.value.view];
  return <View />;
}
