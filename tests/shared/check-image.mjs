// Compares a whole image with a list made by other tools. Uses only what every runtime has, so that
// the same file runs in Node, in a browser and in workerd.

/** How many files are read at once. */
const CONCURRENCY = 8;
/** Problems listed; more are only counted. */
const MOST_PROBLEMS = 20;

const TYPES = {
  reg: "file",
  dir: "directory",
  symlink: "symlink",
  char: "char-device",
  block: "block-device",
  fifo: "fifo",
};

const fromBase64 = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
const hex = (bytes) => Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
const sha256 = async (bytes) => hex(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)));
const key = (bytes) => hex(bytes);
const clean = (bytes) => (bytes[0] === 0x2f ? bytes.subarray(1) : bytes);
const pathBytes = (line) => (line.path_b64 ? fromBase64(line.path_b64) : new TextEncoder().encode(line.path));

class Report {
  entries = 0;
  files = 0;
  bytes = 0;
  ranges = 0;
  count = 0;
  problems = [];
  add(text) {
    this.count += 1;
    if (this.problems.length < MOST_PROBLEMS) this.problems.push(text);
  }
  equal(where, what, actual, expected) {
    if (actual !== expected) this.add(`${where}: ${what} is ${String(actual)}, expected ${String(expected)}`);
  }
}

/** Attributes of one path against its line. */
function checkStats(report, stats, line) {
  const where = line.path || "/";
  report.entries += 1;
  report.equal(where, "type", stats.type, TYPES[line.type]);
  report.equal(where, "mode", stats.mode, line.mode);
  report.equal(where, "uid", stats.uid, line.uid);
  report.equal(where, "gid", stats.gid, line.gid);
  report.equal(where, "size", stats.size, line.size ?? 0);
  report.equal(
    where,
    "mtimeNs",
    stats.mtimeNs,
    line.mtime_ns === undefined ? undefined : BigInt(line.mtime_ns),
  );
  report.equal(where, "linkname", stats.linkname, line.linkname);
  report.equal(where, "devMajor", stats.devMajor, line.devmajor ?? 0);
  report.equal(where, "devMinor", stats.devMinor, line.devminor ?? 0);
  if (line.uname !== undefined) report.equal(where, "uname", stats.uname, line.uname);
  if (line.gname !== undefined) report.equal(where, "gname", stats.gname, line.gname);
  if (line.nlink !== undefined && line.type !== "dir") report.equal(where, "nlink", stats.nlink, line.nlink);
  report.equal(where, "layer", stats.layer, line.implicit ? -1 : line.layer_index);
  const xattrs = Object.entries(line.xattrs ?? {});
  report.equal(where, "number of xattrs", stats.xattrs.size, xattrs.length);
  for (const [name, value] of xattrs) {
    const actual = stats.xattrs.get(name);
    report.equal(where, `xattr ${name}`, actual && hex(actual), hex(fromBase64(value)));
  }
}

/** Content of one file: whole, and for some of them a range of it and a stream. */
async function checkContent(report, view, path, line, n) {
  const where = line.path;
  const bytes = await view.readFile(path);
  report.files += 1;
  report.bytes += bytes.length;
  report.equal(where, "length", bytes.length, line.size);
  report.equal(where, "sha256", await sha256(bytes), line.sha256);
  if (n % 7 !== 0 && bytes.length < 100_000) return;
  const start = Math.floor(bytes.length / 3);
  const end = Math.max(start, bytes.length - 2);
  const parts = [];
  for await (const chunk of chunks(view.createReadStream(path, { start, end }))) parts.push(chunk);
  const joined = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  report.ranges += 1;
  report.equal(where, `bytes ${start}-${end}`, await sha256(joined), await sha256(bytes.slice(start, end)));
}

async function* chunks(stream) {
  const reader = stream.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    yield value;
  }
}

async function forAll(items, work) {
  let next = 0;
  const worker = async () => {
    while (next < items.length) await work(items[next], next++);
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, worker));
}

/** Every path of `view` (an image or one of its layers) against `lines`. */
async function checkTree(report, view, lines) {
  const expected = new Map(lines.map((line) => [key(pathBytes(line)), line]));
  const seen = new Set();
  const files = [];
  for await (const stats of view.walk("/")) {
    const path = clean(stats.pathBytes);
    const line = expected.get(key(path));
    if (!line) {
      report.add(`${stats.path} is not in the list`);
      continue;
    }
    if (seen.has(line)) report.add(`${stats.path} is listed twice`);
    seen.add(line);
    checkStats(report, stats, line);
    if (line.type === "reg") files.push([stats.pathBytes, line]);
  }
  // The root may or may not be listed by a walk of it.
  const root = expected.get("");
  if (root && !seen.has(root)) {
    seen.add(root);
    checkStats(report, await view.lstat("/"), root);
  }
  for (const line of lines) if (!seen.has(line)) report.add(`${line.path} was not found`);
  await forAll(files, ([path, line], n) =>
    checkContent(report, view, path, line, n).catch((error) =>
      report.add(`${line.path}: ${error.code ?? ""} ${error.message}`),
    ),
  );
}

/**
 * The list of one layer as its view shows it: the last of equal names, hard links with their file's
 * attributes, folders that are only implied.
 */
function layerView(lines) {
  const last = new Map();
  for (const line of lines) last.set(line.path_b64 ?? line.path, line);
  return [...last.values()];
}

/** One layer against its tar's list: attributes and content of everything the tar names. */
async function checkLayer(report, layer, lines) {
  const view = layerView(lines);
  const byPath = new Map(view.map((line) => [line.path, line]));
  const target = (line) => {
    let at = line;
    for (let hops = 0; at?.type === "hardlink" && hops < 50; hops++)
      at = byPath.get(at.linkname.replace(/^(\.?\/)+/, ""));
    return at;
  };
  const names = new Map();
  for (const line of view) {
    const inode = target(line);
    if (inode) names.set(inode, (names.get(inode) ?? 0) + 1);
  }
  // A path cannot lead to what a tar lists below its own regular file (umoci leaves whiteouts there).
  const belowFile = (line) =>
    line.path
      .split("/")
      .some((_, i, parts) => i > 0 && byPath.get(parts.slice(0, i).join("/"))?.type === "reg");
  await forAll(view, async (line, n) => {
    const path = new Uint8Array([0x2f, ...pathBytes(line)]);
    const inode = target(line);
    try {
      if (belowFile(line)) {
        const code = await layer.lstat(path).then(
          () => undefined,
          (error) => error.code,
        );
        report.equal(line.path, "error", code, "ENOTDIR");
        return;
      }
      const stats = await layer.lstat(path);
      const same = inode ?? line;
      checkStats(report, stats, { ...same, path: line.path, nlink: names.get(same) });
      if (same.type === "reg") await checkContent(report, layer, path, { ...same, path: line.path }, n);
    } catch (error) {
      report.add(`${line.path}: ${error.code ?? ""} ${error.message}`);
    }
  });
  const listed = new Set(view.map((line) => key(pathBytes(line))));
  for await (const stats of layer.walk("/")) {
    const path = clean(stats.pathBytes);
    const known = listed.has(key(path));
    if (!known && !(stats.layer === -1 && stats.type === "directory"))
      report.add(`${stats.path} is not in the tar`);
  }
}

/**
 * @param {(reference: string, options?: object) => Promise<any>} open the package's `open`
 * @param {{ reference: string, options?: object, merged?: object[], layers?: object[][] }} what
 */
export async function checkImage(open, { reference, options, merged, layers }) {
  const report = new Report();
  const image = await open(reference, options);
  try {
    if (merged) await checkTree(report, image, merged);
    for (const [i, lines] of (layers ?? []).entries()) await checkLayer(report, image.layer(i), lines);
    const config = await image.config();
    report.equal("config", "os", config.os, "linux");
    const { requests, bytes, imageBytes } = image.stats;
    return {
      ...plain(report),
      layerReads: image.layers.map((l) => l.read),
      stats: { requests, bytes, imageBytes },
    };
  } finally {
    await image[Symbol.asyncDispose]?.();
  }
}

const plain = ({ entries, files, bytes, ranges, count, problems }) => ({
  entries,
  files,
  bytes,
  ranges,
  count,
  problems,
});
