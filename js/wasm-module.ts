/**
 * Loading of a wasm module: from its file, which bundlers and servers may have left behind, else from the text that holds
 * it, which is a part of the program.
 * @module
 */
import { OcipeekError } from "./errors.js";

declare const WebAssembly: {
  compile(bytes: Bytes): Promise<object>;
  compileStreaming?(answer: Response): Promise<object>;
};
type Bytes = Uint8Array<ArrayBuffer> | ArrayBuffer;

/** The glue's function that instantiates. */
type Init = (options: { module_or_path: unknown }) => unknown;
/** The same, at once. */
type InitSync = (options: { module: unknown }) => unknown;
/** The halves of the text that holds a wasm module, base64 of gzip. */
type Held = () => readonly (string | Promise<{ default: string }>)[];
/** What undoes gzip. */
type Unzip = (bytes: Uint8Array<ArrayBuffer>) => Bytes | Promise<Bytes>;

/** What helps, in every place. */
const INLINE =
  'take "ocipeek/inline" in place of "ocipeek" ("ocipeek/build/inline" of "ocipeek/build"), or say where the .wasm is by init() of "ocipeek/raw"; see docs/bundlers.md';

/** A loader that fetches the module from `url`, and takes what is `held` where no wasm comes from there. */
export function fetchedModule(init: Init, url: () => URL, held: Held): () => Promise<void> {
  return kept(init, async () => {
    try {
      return await compiled(await fetch(url()));
    } catch (error) {
      return heldModule(held, unzip, error);
    }
  });
}

/** A loader that reads the module from its file, and takes what is `held` where that is not there. */
export function fileModule(
  init: InitSync,
  read: () => Uint8Array,
  held: Held,
  unzip: Unzip,
): () => Promise<void> {
  let known: object | undefined;
  return async () => {
    if (!known) {
      try {
        init({ module: read() });
        return;
      } catch (error) {
        known = await heldModule(held, unzip, error);
      }
    }
    init({ module: known });
  };
}

/** A loader that takes the text that holds the module. */
export function inlineModule(init: Init, held: readonly string[]): () => Promise<void> {
  return kept(init, () => heldModule(() => held, unzip, undefined));
}

/** A loader that takes what the caller gives. */
export function givenModule(init: Init, find: () => unknown): () => Promise<void> {
  return async () => {
    try {
      await init({ module_or_path: await find() });
    } catch (error) {
      throw notLoaded(
        "what init() was given",
        error,
        'give init() the file "ocipeek/wasm" of the same version',
      );
    }
  };
}

/** Instantiates what `find` gives, which is asked once. */
function kept(init: Init, find: () => Promise<object>): () => Promise<void> {
  let known: object | undefined;
  return async () => {
    known ??= await find();
    await init({ module_or_path: known });
  };
}

/** The module in an answer; a server may give a page in place of a file that it does not have. */
async function compiled(answer: Response): Promise<object> {
  if (!answer.ok) throw new Error(`status ${answer.status} of ${answer.url}`);
  const type = answer.headers.get("content-type") ?? "";
  if (type.startsWith("application/wasm") && WebAssembly.compileStreaming)
    return WebAssembly.compileStreaming(answer);
  if (type.startsWith("text/html")) {
    await answer.body?.cancel();
    throw new Error(`a page in place of ${answer.url}`);
  }
  return WebAssembly.compile(await answer.arrayBuffer());
}

/** The module that is `held`. `earlier` is why its file could not be had. */
async function heldModule(held: Held, unzip: Unzip, earlier: unknown): Promise<object> {
  try {
    const halves = await Promise.all(held());
    const text = atob(halves.map((it) => (typeof it === "string" ? it : it.default)).join(""));
    return await WebAssembly.compile(await unzip(Uint8Array.from(text, (char) => char.charCodeAt(0))));
  } catch (error) {
    const first = earlier === undefined ? "" : `its file (${reason(earlier)}), and `;
    throw notLoaded(`${first}its copy in the package`, error, INLINE);
  }
}

async function unzip(bytes: Uint8Array<ArrayBuffer>): Promise<ArrayBuffer> {
  const body = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(body).arrayBuffer();
}

function notLoaded(from: string, cause: unknown, help: string): OcipeekError {
  const why = reason(cause);
  const line = /Content.Security.Policy|unsafe-eval/i.test(why)
    ? "add 'wasm-unsafe-eval' to script-src of the page's Content-Security-Policy"
    : /disallowed by embedder/i.test(why)
      ? 'import the .wasm, which this runtime compiles itself, and give it to init() of "ocipeek/raw"'
      : help;
  return new OcipeekError("NOT_LOADED", `the wasm module cannot be loaded from ${from} (${why}); ${line}`, {
    cause,
  });
}

const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error));
