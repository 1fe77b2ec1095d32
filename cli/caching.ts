/** Caches of the command, which outlive its runs. @module */
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";
import type { Cache } from "../js/index.js";
import { DirectoryCache } from "../js/node/index.js";
import type { Args } from "./args.js";
import { messageOf } from "./messages.js";

/** A cache and where it is. */
export interface Kept {
  cache: Cache;
  folder: string;
}

/**
 * The cache that the options ask for: with `--cache-dir` for all that was verified; else the user's, for indexes alone, since
 * nobody asked for copies of what images hold. Nothing with `--no-cache`, and where the user's folder cannot be used, which
 * `say` is told.
 * @throws {@link OcipeekError} `INVALID_ARGUMENT` where the folder of `--cache-dir` holds other things
 */
export async function cacheOf(args: Args, say: (message: string) => void): Promise<Kept | undefined> {
  args.exclusive("no-cache", "cache-dir");
  const named = args.text("cache-dir");
  if (args.flag("no-cache")) return undefined;
  if (named !== undefined) {
    const cache = new DirectoryCache(named);
    await cache.check();
    return { cache, folder: named };
  }
  try {
    const folder = userCacheFolder();
    const cache = new DirectoryCache(folder);
    await cache.check();
    return { cache: indexesOnly(cache), folder };
  } catch (error) {
    say(`nothing is kept: ${messageOf(error)}`);
    return undefined;
  }
}

/** Keeps indexes, and nothing else. */
export function indexesOnly(cache: Cache): Cache {
  const isIndex = (key: string): boolean => /^(?:index|pack)-v\d+:/.test(key);
  return {
    get: (key) => (isIndex(key) ? cache.get(key) : undefined),
    getRange: (key, start, end) => (isIndex(key) ? cache.getRange?.(key, start, end) : undefined),
    put: (key, value) => (isIndex(key) ? cache.put(key, value) : undefined),
  };
}

/** Where programs of this user keep what can be had again: a folder of its own in ours, which may hold other things. */
function userCacheFolder(): string {
  const { env, platform } = process;
  const own = join("ocipeek", "content");
  if (platform === "win32") return join(env.LOCALAPPDATA ?? join(homedir(), "AppData", "Local"), own);
  if (platform === "darwin") return join(homedir(), "Library", "Caches", own);
  // Only absolute paths count, as the XDG specification wants.
  const { XDG_CACHE_HOME: folder } = env;
  return join(folder && isAbsolute(folder) ? folder : join(homedir(), ".cache"), own);
}
