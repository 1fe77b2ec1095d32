/** The page: a bar on top, and below it the start page or the image. @module */
import { useEffect, useRef } from "preact/hooks";
import { address } from "../page/location.ts";
import { opening } from "../page/session.ts";
import { title } from "../page/title.ts";
import { CompareView } from "./compare/CompareView.tsx";
import { Files } from "./Files.tsx";
import { Help } from "./Help.tsx";
import { ImageView } from "./image/ImageView.tsx";
import { LayersView } from "./layers/LayersView.tsx";
import { Opening } from "./Opening.tsx";
import { DropTarget } from "./open/DropTarget.tsx";
import { OpenView } from "./open/OpenView.tsx";
import { Failure } from "./shared/Failure.tsx";
import { TopBar } from "./TopBar.tsx";
import "./app.css";

const VIEWS = { files: Files, layers: LayersView, compare: CompareView, image: ImageView };

export function App() {
  const main = useRef<HTMLElement>(null);
  const { image, view } = address.value;
  const { step } = opening.value;
  useEffect(() => {
    document.title = title.value;
  }, [title.value]);
  useEffect(() => {
    // What had the focus went with the view before: the keyboard goes on from the new one.
    if (document.activeElement === document.body && document.hasFocus()) {
      main.current?.focus({ preventScroll: true });
    }
  }, [image, view, step]);
  return (
    <>
      <button type="button" class="skip" onClick={() => main.current?.focus()}>
        Skip to the content
      </button>
      <TopBar />
      <main id="main" ref={main} tabIndex={-1}>
        {content()}
      </main>
      <p class="unseen" role="status">
        {title.value}
      </p>
      <Help />
      <DropTarget />
    </>
  );
}

function content() {
  if (address.value.image === undefined) return <OpenView />;
  const now = opening.value;
  if (now.step === "failed") return <Failure error={now.error} />;
  // What the image is can be seen before its files are listed.
  if (now.step === "ask" && address.value.view === "image") return <ImageView />;
  if (now.step !== "open") return <Opening />;
  const View = VIEWS[address.value.view];
  return <View />;
}
