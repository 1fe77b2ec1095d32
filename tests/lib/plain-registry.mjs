// A registry with an image of one large gzip layer without an index, that says what was asked for and misbehaves as told.
import { randomBytes } from "node:crypto";
import { createServer } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { readLayout, registryHandler } from "../../scripts/lib/layout-registry.mjs";
import { closeServer, listen } from "../../scripts/lib/servers.mjs";
import { tempFolder } from "./processes.mjs";
import { layoutWriter, tarOf } from "./synthetic-image.mjs";

const REPOSITORY = "plain";
/** So much of the layer is sent at a time where it comes slowly. */
const PIECE = 64 << 10;
/** The byte that is wrong where the layer is damaged. */
const DAMAGE = 100_000;

/**
 * Starts it. Tags: `latest`, and `other` of other files.
 * @param {{ files?: number, size?: number, nameOf?: (i: number) => string }} [options] `size`: bytes of each file, which
 *   do not compress
 */
export async function startPlainRegistry({ files = 64, size = 256 << 10, nameOf = dataName } = {}) {
  const folder = tempFolder("plain-registry");
  const writer = layoutWriter(folder.path);
  const contents = new Map();
  const add = (tag, count) => {
    const list = Array.from({ length: count }, (_, i) => {
      const name = nameOf(i);
      const content = randomBytes(size);
      contents.set(`${tag}:/${name}`, content);
      return [name, content];
    });
    list.push(["etc/last", Buffer.from(`the last file of ${tag}\n`)]);
    const layer = gzipSync(tarOf(list).tar, { level: 1 });
    writer.addPlain(tag, layer);
    return layer.length;
  };
  const layerSize = add("latest", files);
  add("other", 2);
  writer.finish();
  const layout = readLayout(folder.path);
  /** What was asked of blobs: `GET layer`, `GET layer 0-99`, `GET other …` or `GET config`, in order. */
  const asked = [];
  const state = {
    /** Bytes after which each answer with more of the layer breaks off. */
    breakAfter: undefined,
    /** Whether a byte of the layer is wrong. */
    damaged: false,
    /** Milliseconds between two pieces of the layer. */
    delay: 0,
  };
  const layerOf = (tag) => layout.manifests.get(layout.tags.get(tag)).json.layers[0].digest;
  const [layer, otherLayer] = [layerOf("latest"), layerOf("other")];
  const good = registryHandler({
    layout,
    repository: REPOSITORY,
    onRequest: ({ method, url, range }) => {
      if (!url.includes("/blobs/")) return;
      const what = url.includes(layer) ? "layer" : url.includes(otherLayer) ? "other" : "config";
      asked.push([method, what, ...(range ? [range.replace("bytes=", "")] : [])].join(" "));
    },
  });
  const server = createServer((req, res) => {
    const isLayer = req.url.includes(layer);
    if (isLayer && req.method === "GET") misbehave(res, state);
    good(req, res);
  });
  const host = `127.0.0.1:${await listen(server)}`;
  return Object.assign(state, {
    host,
    reference: `${host}/${REPOSITORY}:latest`,
    other: `${host}/${REPOSITORY}:other`,
    layer,
    layerSize,
    content: (path, tag = "latest") => contents.get(`${tag}:${path}`),
    /** What was asked since the last call. */
    asked: () => asked.splice(0),
    stop: async () => {
      server.closeAllConnections();
      await closeServer(server);
      folder.remove();
    },
  });
}

const dataName = (i) => `data/file-${String(i).padStart(3, "0")}`;

/** Changes how an answer's body goes out. */
function misbehave(res, state) {
  const { write, end } = res;
  let sent = 0;
  let queue = Promise.resolve();
  const put = (bytes) => {
    if (res.destroyed) return;
    const from = sent;
    sent += bytes.length;
    if (state.damaged && from < DAMAGE && sent > DAMAGE) bytes[DAMAGE - from] ^= 1;
    if (state.breakAfter === undefined || sent <= state.breakAfter) return write.call(res, bytes);
    write.call(res, bytes.subarray(0, Math.max(0, state.breakAfter - from)), () => res.destroy());
  };
  res.write = (chunk) => {
    const bytes = Buffer.from(chunk);
    queue = queue
      .then(() => pause((state.delay * bytes.length) / PIECE))
      .then(() => {
        put(bytes);
        // The next piece is not read before.
        res.emit("drain");
      });
    return false;
  };
  res.end = () => {
    queue = queue.then(() => void (res.destroyed || end.call(res)));
    return res;
  };
}
