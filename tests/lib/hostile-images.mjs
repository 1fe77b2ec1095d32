// Images that are made to cost more than they may: bombs, claims, loops and depths.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { constants, deflateRawSync, gzipSync } from "node:zlib";
import { layoutWriter, spanDigests, tarHeader, tarOf, zinfo, ztocOf } from "./synthetic-image.mjs";

const MIB = 1 << 20;
const GIB = 1 << 30;
/** Output of a span, as builders make them. */
const SPAN = 4 * MIB;
/** About as deep as a walk goes. */
const DEPTH = 2000;
/** Of a file of 288 MiB. */
const ZEROS = 72;
/** Entries, of names that make about 24 MiB of zTOC. */
const MANY = 150_000;
const EMPTY = Buffer.alloc(0);
const DIFF_ID = `sha256:${"0".repeat(64)}`;

/** An entry with a name longer than a ustar header holds, as GNU tar writes it. */
const longNamed = (name) => [
  ["././@LongLink", Buffer.from(`${name}\0`), "L"],
  [name, Buffer.from("deep\n")],
];
export const deepName = (top) => `${top}${"/d".repeat(DEPTH)}`;
const gzipOf = (files) => gzipSync(tarOf(files).tar);

/** A file of 1.25 GiB of zeros, in gzip members of which one is made. */
function gzipBomb() {
  const zeros = gzipSync(Buffer.alloc(16 * MIB), { level: 9 });
  return Buffer.concat([gzipSync(tarHeader("bomb", 80 * 16 * MIB)), ...new Array(80).fill(zeros)]);
}

/** The same for Zstandard: blocks of 4 bytes that are each 128 KiB of one byte. */
function zstdBomb() {
  const block = (last, kind, size) => Buffer.from([(size << 3) | (kind << 1) | last, size >> 5, size >> 13]);
  const run = Buffer.concat([block(0, 1, 128 << 10), Buffer.alloc(1)]);
  const runs = new Array(8192).fill(run);
  // A window of 8 MiB.
  const head = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, 13 << 3]);
  return Buffer.concat([head, block(0, 0, 512), tarHeader("bomb", GIB), ...runs, block(1, 0, 0)]);
}

/** A frame that wants a window of 2 GiB. */
const zstdWindow = () =>
  Buffer.concat([Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, 21 << 3, 1, 0, 0]), Buffer.alloc(1024)]);

/**
 * A file of zeros behind a zTOC: `count` spans of which each really inflates to `SPAN`. `out` is what the zTOC says
 * of a span's length, `tail` of the last one's.
 */
function zeroSpans({ count, out = SPAN, tail = out, claims = {}, repeat = 1, real = SPAN }) {
  const block = (bytes) => deflateRawSync(bytes, { level: 9, finishFlush: constants.Z_FULL_FLUSH });
  const size = out * (count - 1) + tail - 512;
  const first = Buffer.concat([tarHeader("bomb", size), Buffer.alloc(real - 512)]);
  const head = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);
  const parts = [head, block(first), ...new Array(count - 1).fill(block(Buffer.alloc(real)))];
  const layer = Buffer.concat([...parts, Buffer.from([3, 0]), Buffer.alloc(8)]);
  let at = head.length;
  const checkpoints = parts.slice(1).map((part, i) => {
    const checkpoint = { in: at, out: i * out };
    at += part.length;
    return checkpoint;
  });
  const ztoc = ztocOf({
    entries: [{ name: "bomb", offset: 512, size }],
    digests: spanDigests(layer, checkpoints),
    checkpoints: zinfo(checkpoints, out, () => EMPTY),
    layerSize: layer.length,
    tarSize: size + 512,
    repeat,
  });
  return { layer, diffId: DIFF_ID, ztoc, spanSize: out, claims };
}

/** A zTOC whose vector of entries is said to go on far behind its end. */
function endless() {
  const image = zeroSpans({ count: 1, repeat: 54_321 });
  const length = Buffer.alloc(4);
  length.writeUInt32LE(54_321);
  image.ztoc.writeUInt32LE(290_000, image.ztoc.indexOf(length));
  return image;
}

/** About the largest zTOC that is taken, of a layer that is nowhere. */
function largest() {
  const entries = Array.from({ length: MANY }, (_, i) => ({
    name: `usr/share/a/folder/of/very/many/packages/${Math.floor(i / 100)}/module_${i}`,
    offset: 512 * (i + 1),
    size: 0,
  }));
  const tarSize = 512 * (MANY + 2);
  const checkpoints = [{ in: 10, out: 0 }];
  const layerSize = tarSize / 4;
  const ztoc = ztocOf({
    entries,
    digests: [DIFF_ID],
    checkpoints: zinfo(checkpoints, tarSize, () => EMPTY),
    layerSize,
    tarSize,
  });
  assert.ok(ztoc.length > 23 * MIB && ztoc.length < 24 * MIB, `${ztoc.length}`);
  return { layer: EMPTY, diffId: DIFF_ID, ztoc, spanSize: tarSize, claims: { layerSize } };
}

/**
 * Writes them all. Gives the digest of the zTOC that is over the limit.
 * @param {string} dir
 * @param {(writer: ReturnType<typeof layoutWriter>) => void} [more] adds others
 */
export function writeImages(dir, more) {
  const writer = layoutWriter(dir);
  writer.addPlain("good", gzipOf([["etc/small", Buffer.from("small\n")]]));
  writer.addPlain("gzip-bomb", gzipBomb());
  writer.addPlain("zstd-bomb", zstdBomb(), "zstd");
  writer.addPlain("zstd-window", zstdWindow(), "zstd");
  writer.addPlain(
    "loop",
    gzipOf([
      ["a", EMPTY, "2", "b"],
      ["b", EMPTY, "2", "a"],
      ["self", EMPTY, "2", "self/self"],
      ["hard", EMPTY, "1", "hard"],
    ]),
  );
  writer.addPlain("deep", gzipOf(longNamed(deepName("top"))));
  writer.addPlain("deeper", gzipOf(longNamed(deepName(deepName("top")))));
  const many = Array.from({ length: 4000 }, (_, i) => longNamed(deepName(`top${i}`)));
  writer.addPlain("deep-many", gzipOf(many.flat()));
  writer.addPlain("name", gzipOf(longNamed("n".repeat(64 << 10))));
  writer.addPlain("long-name", gzipOf(longNamed("n".repeat((64 << 10) + 1))));
  const claimed = zeroSpans({ count: 2, claims: { ztocSize: GIB } });
  writer.addIndexed("ztoc-size", claimed);
  writer.addIndexed("ztoc-entries", zeroSpans({ count: 1, repeat: 5_000_000 }));
  writer.addIndexed("ztoc-alias", zeroSpans({ count: 1, repeat: 290_000 }));
  writer.addIndexed("ztoc-endless", endless());
  writer.addIndexed("ztoc-largest", largest());
  writer.addIndexed("span-more", zeroSpans({ count: 3, out: MIB }));
  writer.addIndexed("span-less", zeroSpans({ count: 3, real: MIB, out: MIB + 4096 }));
  writer.addIndexed("span-huge", zeroSpans({ count: 2, out: 64 * MIB, real: 64 * MIB }));
  writer.addIndexed("span-claim", zeroSpans({ count: 2, real: MIB, out: 12 * MIB }));
  writer.addIndexed("zeros", zeroSpans({ count: ZEROS }));
  more?.(writer);
  writer.finish();
  return createHash("sha256").update(claimed.ztoc).digest("hex");
}
