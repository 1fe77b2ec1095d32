// Floors: which part of the sources may import which. An import goes down, or stays in its room.

/**
 * @typedef {Map<string, { line: number, to: string }[]>} Imports by file; `to` is a file, or what is outside by its name
 * @typedef {{ from: string[], but?: string[], to: string[], except?: string[] }} Ban what files below `from` (not below
 * `but`) never import: what is below `to` (not below `except`)
 * @typedef {{ from: string[], to: string[] }} Leave what files below `from` may import from outside: what is below `to`
 * @typedef {{ floors: string[][], never: Ban[], only?: Leave[] }} House
 */

/**
 * The floors of the TypeScript sources, the highest first. A floor has rooms: folders, or single files; the longest name
 * that fits is a file's room. Rooms of one floor do not see each other.
 * @type {House}
 */
export const TYPESCRIPT = {
  floors: [
    // The edge worker, and the same as a plain server.
    ["worker/src/index.ts", "worker/src/serve/"],
    ["worker/src/compose.ts"],
    ["worker/src/handler.ts", "worker/src/hooks/"],
    ["worker/src/answers/", "worker/src/proxy/"],
    ["worker/src/request/"],
    ["worker/src/cache/", "worker/src/registry/"],
    ["worker/src/ports.ts"],
    ["worker/src/http/"],
    ["worker/src/config/"],
    ["worker/src/"],
    // The page: its interface, its state, and in threads of their own the engine, previews and downloads.
    ["www/src/main.tsx"],
    ["www/src/ui/"],
    ["www/src/ui/compare/", "www/src/ui/file/", "www/src/ui/layers/", "www/src/ui/open/"],
    ["www/src/ui/image/", "www/src/ui/indexing/"],
    ["www/src/ui/reading/", "www/src/ui/shared/", "www/src/ui/tree/"],
    ["www/src/ui/controls/"],
    ["www/src/page/", "www/src/engine/worker.ts"],
    ["www/src/preview/", "www/src/download/", "www/src/address/", "www/src/engine/engine.ts"],
    ["www/src/format/", "www/src/engine/compare/", "www/src/engine/layers/"],
    ["www/src/engine/catalogue/", "www/src/engine/files/"],
    ["www/src/engine/images/"],
    [
      "www/src/engine/cache/",
      "www/src/engine/filter/",
      "www/src/engine/identify/",
      "www/src/engine/registry/",
    ],
    ["www/src/engine/"],
    ["www/src/protocol/"],
    ["www/src/"],
    // What both share.
    ["web/"],
    // The command.
    ["cli/main.ts"],
    ["cli/run.ts"],
    ["cli/commands/ztoc/"],
    ["cli/commands/", "cli/commands/soci/"],
    ["cli/soci/"],
    ["cli/"],
    // The package.
    ["js/entry/"],
    ["js/index.ts", "js/build/entry/", "js/formats/entry/"],
    ["js/node/"],
    ["js/build/"],
    ["js/push/", "js/tar/"],
    ["js/image/"],
    ["js/indexing/", "js/formats/", "js/registry/"],
    ["js/"],
    ["wasm/"],
    ["js/types/", "js/common/"],
  ],
  never: [
    // The package is used by its name: by what it shows, not by its files. What it has in common with others knows nothing.
    { from: ["worker/", "www/", "web/"], to: ["js/", "cli/", "wasm/"], except: ["js/common/"] },
    { from: ["js/common/"], to: [""] },
    { from: ["js/", "cli/", "wasm/"], to: ["ocipeek", "web/"] },
    { from: ["worker/", "cli/"], to: ["www/"] },
    { from: ["www/", "cli/"], to: ["worker/"] },
    // The page's interface and its engine speak by messages.
    {
      from: ["www/src/engine/"],
      to: ["www/src/page/", "www/src/ui/", "www/src/format/", "www/src/address/"],
    },
    { from: ["www/src/ui/", "www/src/page/"], to: ["www/src/engine/"] },
    // What runs everywhere needs no Node.
    { from: ["js/"], to: ["node:"], but: ["js/node/", "js/entry/", "js/build/entry/", "js/formats/entry/"] },
    { from: ["worker/", "www/", "web/", "wasm/"], to: ["node:"], but: ["worker/src/serve/"] },
  ],
};

/** The modules of the standard library that reach for nothing: no files, network, clock, threads, host. */
const PURE = "any borrow cell cmp collections error fmt iter mem ops rc result slice str sync"
  .split(" ")
  .map((module) => `std::${module}`);

/**
 * The floors of the crate, the highest first.
 * @type {House}
 */
export const RUST = {
  floors: [
    ["src/lib.rs"],
    ["src/wasm/", "src/native/"],
    ["src/image/"],
    ["src/layer/"],
    ["src/fetch/"],
    ["src/source/"],
    ["src/net/registry/", "src/net/native/"],
    ["src/net/http/"],
    ["src/net/retry_damaged.rs"],
    ["src/net/stats.rs", "src/net/inline.rs"],
    ["src/net/"],
    // Pure from here on.
    ["src/pack/"],
    ["src/rootfs/"],
    [
      "src/format/estargz/",
      "src/format/lazy/",
      "src/format/nydus/",
      "src/format/overlaybd/",
      "src/format/packed/",
    ],
    ["src/format/erofs/", "src/format/ext4/", "src/format/extent/", "src/format/soci/"],
    ["src/format/ztoc/"],
    ["src/format/unpack.rs"],
    ["src/format/zstd/"],
    ["src/format/gzip/", "src/format/tar/"],
    ["src/format/"],
    ["src/budget.rs", "src/limits.rs", "src/sort.rs", "src/turns.rs"],
    ["src/error.rs", "src/named.rs", "src/setters.rs"],
  ],
  never: [
    // JavaScript is met in one place.
    ...["js_sys", "wasm_bindgen", "web_sys", "gloo_net", "serde_wasm_bindgen"].map((crate) => ({
      from: ["src/"],
      but: ["src/wasm/"],
      to: [crate],
    })),
  ],
  only: [
    { from: ["src/error.rs", "src/limits.rs", "src/budget.rs", "src/sort.rs"], to: [...PURE, "bytes"] },
    // Pauses are the language's own futures, of no crate.
    { from: ["src/turns.rs"], to: [...PURE, "std::future", "std::pin", "std::task"] },
    {
      from: ["src/format/"],
      to: [
        ...PURE,
        ...[
          "base64",
          "blake3",
          "bytes",
          "lz4_flex",
          "ocipeek_inflate",
          "planus",
          "ruzstd",
          "serde",
          "serde_json",
        ],
        "sha2",
        // What this machine is, and how an address is written.
        ...["std::env::consts", "std::net::IpAddr", "std::net::Ipv4Addr", "std::net::Ipv6Addr"],
        // The traits by which bytes in memory are handed to a decoder, and their result.
        ...["std::io::Read", "std::io::Write", "std::io::Result", "std::io::Error"],
      ],
    },
    { from: ["src/rootfs/", "src/pack/"], to: [...PURE, "bytes", "miniz_oxide"] },
  ],
};

const isBelow = (file, places) => places.some((place) => file === place || file.startsWith(place));

const covers = (places, others, file) => isBelow(file, places) && !isBelow(file, others ?? []);

/** The room of a file and its floor, 0 the highest; nothing for what has none. */
function roomOf(file, floors) {
  let found;
  for (const [floor, rooms] of floors.entries()) {
    for (const room of rooms) {
      if (isBelow(file, [room]) && room.length > (found?.room.length ?? 0)) found = { room, floor };
    }
  }
  return found;
}

/**
 * All that breaks the rules, each with the line that does.
 * @param {Map<string, { line: number, to: string }[]>} imports
 * @param {House} house
 * @returns {string[]} `file:line: what is wrong`
 */
export function breaches(imports, { floors, never, only = [] }) {
  const found = [];
  for (const [file, list] of imports) {
    const own = roomOf(file, floors);
    if (!own) {
      found.push(`${file}:1: it stands on no floor: scripts/lib/floors.mjs does not know where it belongs`);
      continue;
    }
    for (const { line, to } of list) {
      const tell = (why) => found.push(`${file}:${line}: imports ${to}${why}`);
      const ban = never.find((it) => covers(it.from, it.but, file) && covers(it.to, it.except, to));
      if (ban) {
        tell(`, which nothing below ${ban.from.join(", ")} may`);
        continue;
      }
      const leave = imports.has(to) ? undefined : only.find((it) => isBelow(file, it.from));
      if (leave && !isBelow(to, leave.to)) {
        tell(`, which nothing below ${leave.from.join(", ")} needs: it is pure`);
        continue;
      }
      const other = imports.has(to) ? roomOf(to, floors) : undefined;
      if (!other || other.room === own.room || other.floor > own.floor) continue;
      const where = other.floor < own.floor ? "above it" : "on its own floor";
      tell(`: ${other.room} is ${where}, ${own.room}`);
    }
  }
  for (const circle of circles(imports)) {
    const steps = circle.map(({ file, line, to }) => `${file}:${line} imports ${to}`);
    found.push(`${circle[0].file}:${circle[0].line}: a circle: ${steps.join(", ")}`);
  }
  return found;
}

/** One circle of each group of files that import each other, the shortest through its first file. */
function circles(imports) {
  const found = [];
  const seen = new Set();
  for (const start of imports.keys()) {
    if (seen.has(start)) continue;
    const circle = circleOf(start, imports);
    if (!circle) continue;
    found.push(circle);
    for (const { file } of circle) seen.add(file);
  }
  return found;
}

/** The shortest way from a file to itself, by breadth first search. */
function circleOf(start, imports) {
  const ways = new Map([[start, []]]);
  for (const [file, way] of ways) {
    for (const { line, to } of imports.get(file) ?? []) {
      const next = [...way, { file, line, to }];
      if (to === start) return next;
      if (imports.has(to) && !ways.has(to)) ways.set(to, next);
    }
  }
  return undefined;
}
