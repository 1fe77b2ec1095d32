import {
  type Host,
  parseReference,
  type RawOptions,
  type SourceSpec,
  type Spent,
  type WasmImage,
} from "../../wasm/ocipeek.js";
import { checkOptions, has, kindOf } from "../check.js";
import { invalid, OcipeekError } from "../errors.js";
import { Indexing } from "../indexing/index.js";
import { generation } from "../memory.js";
import { ProgressMeter } from "../progress.js";
import { finder } from "../registry/credentials.js";
import { schemeOptions, splitScheme } from "../registry/scheme.js";
import { inModule, isBrowser, isIsolated, ownFetch, type Runtime, ready } from "../runtime.js";
import { Scope } from "../scope.js";
import { timely } from "../timely-cache.js";
import type { ImageSource, LocalFolder, OpenOptions } from "../types/index.js";
import { blobFiles, mapFiles } from "./blob.js";
import { Image } from "./image.js";
import { sharingOf } from "./sharing.js";

/**
 * Opens an image where it lies, without fetching it.
 *
 * `source` is one of
 *
 * - a reference as Docker users write it: `alpine`, `ghcr.io/o/app:1`, `localhost:5000/a@sha256:…`; with `http://` or
 *   `https://` before one that ends in a tag or digest, its registry is reached by just that,
 * - any other `http(s)` URL, and each `URL` object: an OCI image layout below it; which image, `#tag` or the option `tag`
 *   says,
 * - a `Blob` or `File`: a tar of an OCI image layout, or what `docker save` wrote; read by pieces. Compressed by gzip or
 *   zstd, it is read once from end to end before, which loads a module of its own,
 * - a `Map` of files by their paths, or functions that read a folder: the same, unpacked,
 * - in Node, Deno and Bun also `oci:DIR[:TAG]`, `oci-archive:FILE[:TAG]` and `docker-archive:FILE[:TAG]`, whose file may be
 *   compressed, too; and `file:` URLs of a layout, with a slash at the end, or of an archive, with `#TAG` where wanted.
 *
 * @example
 * ```js
 * import { open } from "ocipeek";
 *
 * const image = await open("ghcr.io/owner/app:1");
 * const text = await image.readFile("/etc/os-release", "utf8");
 * console.log(text.split("\n")[0]); // PRETTY_NAME="ocipeek demo 2"
 * await image.close();
 * ```
 *
 * @throws {@link OcipeekError}
 */
export async function open(source: ImageSource, options: OpenOptions = {}): Promise<Image> {
  checkOptions(options);
  const runtime = await ready();
  const spec = sourceOf(source, options.tag, runtime);
  const meter = options.onProgress && new ProgressMeter(options.onProgress);
  const scope = new Scope(meter);
  const opened = { options, repository: repositoryOf(spec), isIsolated: isIsolated() };
  const indexing = new Indexing(scope, options, opened.isIsolated, opened.repository);
  const raw = rawOptions(options, runtime, spec);
  const host = { ...hostOf(options, meter, scope), ...sharingOf(spec, raw, options), indexer: indexing };
  let [instance, spent]: [number, Spent | undefined] = [0, undefined];
  const wasm = await inModule(runtime, (module, known) => {
    [instance, spent] = [generation(), known];
    return scope.run(options.signal, (stop) =>
      module.openImage(spec, raw, { ...host, ...(known && { known }) }, stop),
    );
  });
  indexing.attach(wasm);
  return imageOf(wasm, scope, indexing, { ...opened, instance, spent });
}

/** How an image was opened. */
interface Opened {
  options: OpenOptions;
  repository: string | undefined;
  isIsolated: boolean;
  /** The library that it was opened in. */
  instance: number;
  /** What opening it cost in another module. */
  spent?: Spent | undefined;
}

function imageOf(wasm: WasmImage, scope: Scope, indexing: Indexing, opened: Opened): Image {
  return new Image(wasm, scope, indexing, opened, (own) => {
    const { options, repository, isIsolated } = opened;
    const meter = own.onProgress && new ProgressMeter(own.onProgress);
    const scope = new Scope(meter, "reader", own.signal);
    const limits = { ...options.limits, ...own.limits };
    const all = { ...options, limits, fetch: own.fetch ?? options.fetch };
    const indexing = new Indexing(scope, all, isIsolated, repository);
    const reader = wasm.reader({ limits }, { ...hostOf(all, meter, scope), indexer: indexing });
    indexing.attach(reader);
    return imageOf(reader, scope, indexing, { ...opened, options: all, spent: undefined });
  });
}

/**
 * The images that a layout or archive holds: names that the option `tag` of {@link open} takes. An image without a name
 * has its digest. Takes the sources that {@link open} takes, but references.
 *
 * @example
 * ```js
 * import { imagesIn, open } from "ocipeek";
 *
 * for (const tag of await imagesIn("oci:./layout")) console.log(tag);
 * const image = await open("oci:./layout", { tag: "latest" });
 * ```
 *
 * @throws {@link OcipeekError}
 */
export async function imagesIn(
  source: ImageSource,
  options: Pick<OpenOptions, "fetch" | "signal" | "limits" | "onProgress"> = {},
): Promise<string[]> {
  checkOptions(options);
  const runtime = await ready();
  const spec = sourceOf(source, undefined, runtime);
  if (spec.kind === "registry") throw invalid("source must be a layout or an archive, not a reference");
  const meter = options.onProgress && new ProgressMeter(options.onProgress);
  const [scope, raw, host] = [new Scope(meter), rawOptions(options, runtime), hostOf(options, meter)];
  return inModule(runtime, (module) =>
    scope.run(options.signal, (stop) => module.imageNames(spec, raw, host, stop)),
  );
}

/** What wasm calls. @internal */
export function hostOf(
  options: Pick<OpenOptions, "auth" | "cache" | "fetch" | "limits">,
  meter?: ProgressMeter | undefined,
  scope?: Scope,
): Host {
  const fetch = options.fetch ?? ownFetch();
  const { cache, limits } = options;
  if (cache) scope?.writesTo(cache);
  return {
    browser: isBrowser(),
    isolated: isIsolated(),
    ...(scope ? { onWork: (work) => scope.beside(work) } : {}),
    ...(fetch ? { fetch } : {}),
    ...(cache ? { cache: timely(cache, { ms: limits?.maxCacheMs, waits: isIsolated() }) } : {}),
    ...(options.auth ? { credentials: finder(options.auth) } : {}),
    ...(meter ? { onTransfer: meter.add } : {}),
  };
}

/** The options that are plain values. @internal */
export function rawOptions(options: OpenOptions, runtime: Runtime, spec?: SourceSpec): RawOptions {
  const {
    platform,
    sociIndex,
    attachedIndex,
    reader,
    index,
    indexAbove,
    verify,
    limits,
    plainHttp,
    tokenHosts,
  } = options;
  const { defaultPlatform = `linux/${runtime.architecture ?? "amd64"}` } = options;
  const raw: RawOptions = { defaultPlatform };
  if (platform !== undefined) raw.platform = platform;
  if (sociIndex !== undefined) raw.sociIndex = sociIndex === false ? "none" : sociIndex;
  if (attachedIndex !== undefined) raw.attachedIndex = attachedIndex;
  if (reader !== undefined) raw.reader = reader;
  if (index !== undefined) raw.index = checkIndex(index);
  if (indexAbove !== undefined) raw.indexAbove = indexAbove;
  if (verify !== undefined) raw.verify = verify;
  if (limits !== undefined) raw.limits = limits;
  if (plainHttp !== undefined) raw.plainHttp = plainHttp;
  if (tokenHosts !== undefined) raw.tokenHosts = tokenHosts;
  if (spec?.kind === "registry") Object.assign(raw, schemeOptions(spec.scheme));
  return raw;
}

/** What a source is, as wasm takes it. @internal */
export function sourceOf(source: ImageSource, tag: string | undefined, runtime: Runtime): SourceSpec {
  if (has<Blob>(source, "arrayBuffer")) return { kind: "archive", files: blobFiles(source), ...tagged(tag) };
  if (has<Map<string, Blob>>(source, "entries", "get"))
    return { kind: "folder", files: mapFiles(source), ...tagged(tag) };
  if (has<LocalFolder>(source, "read")) return { kind: "folder", files: source, ...tagged(tag) };
  if (typeof source !== "string" && !(typeof source === "object" && source && "href" in source)) {
    throw invalid(
      `source must be a reference, a URL, a Blob, a Map or a reader of files, not ${kindOf(source)}`,
    );
  }
  const text = String(source);
  const schemed = typeof source === "string" ? splitScheme(source) : { reference: text };
  if (schemed.scheme) return { kind: "registry", ...schemed };
  if (/^https?:\/\//i.test(text)) {
    const url = new URL(text);
    const name = decodeURIComponent(url.hash.slice(1)) || tag;
    url.hash = "";
    return { kind: "url", url: url.href, ...tagged(name) };
  }
  if (/^file:\/\//i.test(text)) {
    const { pathname, hash } = new URL(text);
    const path = decodeURIComponent(pathname).replace(/^\/(?=[A-Za-z]:)/, "");
    return localOf(
      path.endsWith("/") ? "oci" : "oci-archive",
      path,
      decodeURIComponent(hash.slice(1)) || tag,
      runtime,
    );
  }
  const local = /^(oci|oci-archive|docker-archive):(.*)$/s.exec(text);
  if (!local) return { kind: "registry", reference: text };
  const [, transport, rest = ""] = local;
  const { path, name } = splitLocal(rest);
  return localOf(transport as keyof typeof LOCAL, path, name ?? tag, runtime);
}

const LOCAL = { oci: "folder", "oci-archive": "archive", "docker-archive": "saved" } as const;

function localOf(
  transport: keyof typeof LOCAL,
  path: string,
  tag: string | undefined,
  runtime: Runtime,
): SourceSpec {
  const reader = transport === "oci" ? runtime.folder : runtime.archive;
  if (!reader) {
    throw new OcipeekError("UNSUPPORTED", `${transport}: needs a file system; open a File or a URL`);
  }
  return { kind: LOCAL[transport], files: reader(path), ...tagged(tag) };
}

/** With its registry. Of what is no reference, opening it tells. */
function repositoryOf(spec: SourceSpec): string | undefined {
  if (spec.kind !== "registry") return undefined;
  try {
    const { registry, repository } = parseReference(spec.reference);
    return `${registry}/${repository}`;
  } catch {
    return undefined;
  }
}

/** `PATH[:TAG]` or `PATH@sha256:…`, as skopeo splits it: at the first colon, a drive letter's apart. */
function splitLocal(text: string): { path: string; name?: string } {
  const digest = /^(.+)@(sha256:[0-9a-f]{64})$/s.exec(text);
  if (digest?.[1] && digest[2]) return { path: digest[1], name: digest[2] };
  const parts = /^([A-Za-z]:[\\/][^:]*|[^:]+)(?::(.+))?$/s.exec(text);
  if (!parts?.[1]) throw new OcipeekError("INVALID_REFERENCE", `no path in ${JSON.stringify(text)}`);
  return parts[2] === undefined ? { path: parts[1] } : { path: parts[1], name: parts[2] };
}

function checkIndex(index: unknown): "build" | "kept" {
  if (index !== "build" && index !== "kept") throw invalid('index must be "build" or "kept"');
  return index;
}

function tagged(tag: string | undefined): { tag?: string } {
  return tag === undefined ? {} : { tag };
}
