import {
  type Elsewhere,
  imageNames,
  isLost,
  type LocalFiles,
  memoryHeld,
  memorySize,
  openImage,
  openSource,
  retire,
  setMemoryLimit,
} from "../wasm/ocipeek.js";
import { fromWasm, OcipeekError } from "./errors.js";
import { Loading } from "./loading.js";
import { type Budgeted, budget, renew } from "./memory.js";
import type { BuildZtocOptions, BuiltZtoc, ByteSource } from "./types/build.js";
import type { Fetch } from "./types/index.js";

/** A compiled `WebAssembly.Module`, its bytes, its URL, or a `Response` with it. */
export type WasmSource = object | string;

/** What differs between runtimes; each entry of the package sets its own. */
export interface Runtime {
  /** Instantiates the wasm module; called once, and again after a failure. */
  load(): unknown;
  /** The architecture in OCI's (Go's) spelling, where known. */
  architecture?: string | undefined;
  /** Opens a folder on disk. */
  folder?(path: string): LocalFiles;
  /** Opens a file on disk. */
  archive?(path: string): LocalFiles;
  /** Used in place of the global `fetch`, where it can do more. */
  fetch?: Fetch;
  /** Whether `fetch` takes a streamed body as fast as it goes out, and sends it with its length. */
  streamsBodies?: boolean;
  /** Whether what one request began must not be waited for by another, as on the edge. */
  isIsolated?: boolean;
  /** The module `ocipeek/build`, which is loaded on demand. */
  builder?(): Promise<Builder>;
  /** The module that reads images in other lazy formats and compressed archives, which is loaded on demand. */
  formats?(): Promise<FormatsModule>;
}

/** What of `ocipeek/build` opening an image uses. */
export interface Builder {
  buildZtoc(layer: ByteSource, options?: BuildZtocOptions): Promise<BuiltZtoc>;
}

/** What opens, in the base module and in that for other formats. */
export interface Opener {
  openImage: typeof openImage;
  openSource: typeof openSource;
  imageNames: typeof imageNames;
}

/** The module for other formats. */
export interface FormatsModule extends Budgeted, Opener {
  /** Instantiates it; called once, and again after a failure. */
  load(): unknown;
  /** Whether it has failed, and takes another {@link load}. */
  isLost(): boolean;
}

/** What of the wasm module is used here: as a whole, each bundle would keep a table of it. */
const base: Budgeted = {
  isLost,
  // Called by name: each instance has its own.
  memoryHeld: () => memoryHeld(),
  memorySize,
  retire,
  setMemoryLimit: (...options) => setMemoryLimit(...options),
};
let current: Runtime | undefined;
const loading = new Loading<unknown>();

/** Makes `runtime` the one in use, if none is. */
export function setRuntime(runtime: Runtime): void {
  current ??= runtime;
}

/** The runtime's own `fetch`, where it has one that can do more than the global one. */
export function ownFetch(): Fetch | undefined {
  return current?.fetch;
}

/** Whether what one request began must not be waited for by another. */
export function isIsolated(): boolean {
  return current?.isIsolated === true;
}

/** The runtime, with the wasm module instantiated. */
export async function ready(): Promise<Runtime> {
  if (!current)
    throw new OcipeekError(
      "NOT_LOADED",
      '"ocipeek" must be imported first, or init() of "ocipeek/raw" called',
    );
  const runtime = current;
  // After a failure inside, a new instance serves.
  if (base.isLost()) loading.forget();
  await loading.get(async () => {
    await runtime.load();
    budget(base);
  });
  renew(base);
  return runtime;
}

const formats = new Loading<FormatsModule>();
let loadedFormats: FormatsModule | undefined;

/** The module for other formats, instantiated. */
async function formatsReady(find: () => Promise<FormatsModule>): Promise<FormatsModule> {
  if (loadedFormats?.isLost()) formats.forget();
  const module = await formats.get(async () => {
    const found = await find();
    await found.load();
    budget(found);
    loadedFormats = found;
    return found;
  });
  renew(module);
  return module;
}

/** What `call` gives in the base module, or, where that says so, in the one for other formats, which goes on from what is known. */
export async function inModule<T extends object>(
  runtime: Runtime,
  call: (module: Opener, known?: Elsewhere["known"]) => Promise<T | Elsewhere>,
): Promise<T> {
  const first = await call({ imageNames, openImage, openSource });
  if (!("why" in first)) return first;
  if (!runtime.formats) throw fromWasm(first.why);
  return (await call(await formatsReady(runtime.formats), first.known)) as T;
}

/** Whether the platform is a browser's page or worker: CORS applies there, and redirects are hidden. */
export function isBrowser(): boolean {
  const scope = globalThis as {
    process?: { versions?: { node?: string } };
    Deno?: unknown;
    navigator?: { userAgent?: string };
  };
  const server = scope.process?.versions?.node !== undefined || scope.Deno !== undefined;
  return !server && scope.navigator?.userAgent !== "Cloudflare-Workers";
}

/** Go's name of an architecture that Node or Deno names. */
export function goArchitecture(name: string): string | undefined {
  const names: Record<string, string> = {
    x64: "amd64",
    x86_64: "amd64",
    arm64: "arm64",
    aarch64: "arm64",
    arm: "arm",
    ia32: "386",
    ppc64: "ppc64le",
    s390x: "s390x",
    riscv64: "riscv64",
    loong64: "loong64",
  };
  return names[name];
}
