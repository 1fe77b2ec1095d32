/** Interface of the preview worker, which parses texts of images: they are strangers', and may be slow. @module */
import type { JsonColumns } from "../format/json.ts";

/** Classes of a text's parts: each run goes to `ends[i]`, and the next begins there. */
export interface Runs {
  ends: Uint32Array<ArrayBuffer>;
  /** Index into `names`; 0 is text without a class. */
  classes: Uint8Array<ArrayBuffer>;
  /** Names of the highlighter's scopes. */
  names: string[];
}

/** The calls. */
export interface PreviewApi {
  /** Classes of a source text's parts; nothing where there is no highlighter for the language. */
  highlight(text: string, language: string): Runs | undefined;
  /** The values of a JSON text, or where it stops being one. */
  json(text: string): JsonColumns | { offset: number };
  /** Markdown as HTML, which must be sanitised before it is shown. */
  markdown(text: string): string;
}
