/** Images on the user's disk: dropped or chosen files and folders. They are read where they lie, by slices. @module */
import { signal } from "@preact/signals";
import { START } from "../address/address.ts";
import type { CallProgress, ImageSource } from "../protocol/api.ts";
import { engine } from "./engine.ts";
import { type LocalFile, localSource } from "./local-source.ts";
import { address, go } from "./location.ts";
import { asEngineError, localSources, opening, reopen } from "./session.ts";

/** A local source on its way to the screen. */
export type Choosing =
  | { step: "none" }
  /** Its list of images is read. */
  | { step: "reading"; name: string; bytes?: number; total?: number | undefined }
  /** It holds several. */
  | { step: "choose"; image: string; name: string; tags: string[] }
  | { step: "problem"; message: string };

/** The local source that was dropped or chosen last. */
export const choosing = signal<Choosing>({ step: "none" });

/** Opens what was dropped or chosen: an archive, or the files of a folder. */
export async function openLocal(files: LocalFile[]): Promise<void> {
  const source = localSource(files);
  if (typeof source === "string") return refuse(source);
  const name = source.kind === "file" ? source.file.name : source.name;
  const total = source.kind === "file" ? source.file.size : undefined;
  let reading: Choosing & { step: "reading" } = { step: "reading", name, total };
  choosing.value = reading;
  try {
    const onProgress = ({ bytes = 0 }: CallProgress): void => {
      if (choosing.value !== reading) return;
      reading = { ...reading, bytes };
      choosing.value = reading;
    };
    const tags = await engine.imagesIn([source], { onProgress });
    // Another one was dropped meanwhile.
    if (choosing.value !== reading) return;
    show(`file:${name}`, name, source, tags);
  } catch (error) {
    if (choosing.value === reading) refuse(asEngineError(error).message);
  }
}

/** Says why. */
function refuse(message: string): void {
  choosing.value = { step: "problem", message };
  comeIntoSight();
}

/** {@link choosing} is shown by the start page, and where a local file has to be chosen again. */
function comeIntoSight(): void {
  const isSought = opening.peek().step === "failed" && address.peek().image?.startsWith("file:");
  if (!isSought) go(START);
}

function show(image: string, name: string, source: ImageSource, tags: string[]): void {
  localSources.set(image, source);
  const { image: before, tag } = address.peek();
  if (before === image && (tags.length < 2 || (tag !== undefined && tags.includes(tag)))) {
    // The same name again: of an earlier visit, or of another file.
    choosing.value = { step: "none" };
    reopen();
  } else if (tags.length > 1) {
    choosing.value = { step: "choose", image, name, tags };
    comeIntoSight();
  } else {
    choosing.value = { step: "none" };
    go({ ...START, image });
  }
}
