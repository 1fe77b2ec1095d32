import { WasmGlob } from "../../wasm/ocipeek.js";
import { calling } from "../errors.js";
import { ready } from "../runtime.js";

/**
 * Glob pattern, compiled; see {@link compileGlob}.
 *
 * @example
 * ```js
 * import { compileGlob } from "ocipeek";
 *
 * const glob = await compileGlob("*.md");
 * console.log(["README.md", "main.c"].filter((name) => glob.matches(name)).join()); // README.md
 * ```
 */
export class Glob {
  readonly #wasm: WasmGlob;
  /** Whether the pattern ends with a slash, by which it asks for folders. Matching ignores it, as names do not tell. */
  readonly foldersOnly: boolean;

  /** @internal */
  constructor(wasm: WasmGlob) {
    this.#wasm = wasm;
    this.foldersOnly = wasm.directoriesOnly;
  }

  /** Whether a path below the folder of a walk matches. */
  matches(path: string): boolean {
    const names = ["", ...path.split("/").filter((name) => name !== "")];
    const last = names.length - 1;
    let next = 0;
    for (;;) {
      const left = names.slice(next);
      const { found, count } = this.matchNames(
        next,
        left.join("/"),
        Uint32Array.from(left, (_, i) => Math.max(0, next + i - 1)),
      );
      next += count;
      if (next > last) return last > 0 && found.at(-1) === last;
    }
  }

  /**
   * Matches names of a tree in batches, for trees that the caller holds. Entries are numbered in depth-first order, parents
   * before their children, 0 the root with the empty name. A batch are entries from `first` on: `names`, a slash between
   * them, and the numbers of their folders. Batches follow each other; one from entry 0 begins a tree anew.
   *
   * Gives the numbers of entries that match, and how many entries were looked at: where the rest would take long it is left
   * for the next batch, so that the caller can let others in.
   * @throws {@link OcipeekError} `LIMIT_EXCEEDED`, by the limit `maxGlobSteps`, where the pattern costs too much in all
   */
  matchNames(first: number, names: string, parents: Uint32Array): { found: Uint32Array; count: number } {
    const numbers = calling(() => this.#wasm.next(first, names, parents));
    return { found: numbers.subarray(0, -1), count: numbers.at(-1) ?? 0 };
  }

  /** Frees its memory, which else is freed when it is garbage. */
  close(): void {
    this.#wasm.free();
  }
}

/**
 * Compiles a glob pattern: the dialect of {@link WalkOptions.glob}, of `ocipeek find`, of the worker's `?glob=` and of the
 * page's filter, which https://github.com/ocipeek/ocipeek/blob/main/docs/globs.md documents.
 *
 * @example
 * ```js
 * import { compileGlob } from "ocipeek";
 *
 * const glob = await compileGlob("/usr/lib/*.{so,a}");
 * console.log(glob.matches("/usr/lib/libc.so")); // true
 * console.log(glob.matches("/lib/libc.so")); // false
 * ```
 *
 * @throws {@link OcipeekError} `INVALID_ARGUMENT` where it is not well formed
 */
export async function compileGlob(pattern: string): Promise<Glob> {
  await ready();
  return new Glob(calling(() => new WasmGlob(pattern)));
}
