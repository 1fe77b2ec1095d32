/** The title of what is on screen, for the browser's tabs and history. @module */
import { computed } from "@preact/signals";
import { displayPath } from "../protocol/path.ts";
import { address } from "./location.ts";

const VIEW_TITLES = { files: "", layers: "Layers", compare: "Compare", image: "Image" };

/** `os-release · app:1.2 · ocipeek`. */
export const title = computed<string>(() => {
  const { image, view, path, with: other } = address.value;
  if (image === undefined) return "ocipeek: browse container images";
  const what = view === "files" ? displayPath(path).split("/").pop() : VIEW_TITLES[view];
  const name = view === "compare" && other ? `${shortName(image)} ↔ ${shortName(other)}` : shortName(image);
  return [what, name, "ocipeek"].filter(Boolean).join(" · ");
});

/** The last part of a repository's name, with tag or the digest's beginning. */
export function shortName(reference: string): string {
  const digest = reference.indexOf("@");
  const name = digest < 0 ? reference : reference.slice(0, digest);
  const last = name.slice(name.lastIndexOf("/") + 1).replace(/^file:/, "");
  const hex = digest < 0 ? "" : reference.slice(reference.indexOf(":", digest) + 1);
  return hex && !last.includes(":") ? `${last}@${hex.slice(0, 12)}` : last;
}
