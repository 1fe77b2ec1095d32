// Attributes of files that no image holds, for the tests of what is written from them.
import { StatsOf } from "../../dist/js/image/stats.js";

const bytes = (value) => (typeof value === "string" ? new TextEncoder().encode(value) : value);

/** As wasm gives extended attributes: lengths, name, value, and so on. */
function packed(xattrs) {
  return Buffer.concat(
    xattrs.flatMap(([name, value]) => {
      const lengths = Buffer.alloc(8);
      lengths.writeUInt32LE(bytes(name).length, 0);
      lengths.writeUInt32LE(bytes(value).length, 4);
      return [lengths, bytes(name), bytes(value)];
    }),
  );
}

/**
 * `Stats` with these fields; the rest is as plain as can be. Strings become bytes.
 * @param {any} fields
 */
export function fakeStats(fields = {}) {
  const {
    path = "/x",
    uname = "",
    gname = "",
    linkname,
    hardlinkOf,
    xattrs = [],
    mtimeNs = 0n,
    ...rest
  } = fields;
  const seconds =
    mtimeNs >= 0n ? mtimeNs / 1_000_000_000n : -((999_999_999n - BigInt(mtimeNs)) / 1_000_000_000n);
  return new StatsOf({
    path: bytes(path),
    type: "file",
    size: 0,
    mode: 0o644,
    uid: 0,
    gid: 0,
    uname: bytes(uname),
    gname: bytes(gname),
    mtimeSecs: seconds,
    mtimeNanos: Number(mtimeNs - seconds * 1_000_000_000n),
    nlink: 1,
    devMajor: 0,
    devMinor: 0,
    linkname: linkname === undefined ? undefined : bytes(linkname),
    hardlinkOf: hardlinkOf === undefined ? undefined : bytes(hardlinkOf),
    ...(xattrs.length > 0 ? { xattrs: packed(xattrs) } : {}),
    layer: 0,
    verified: { manifest: "tag", metadata: "ztoc-digest", content: "span-digest", header: true },
    ...rest,
  });
}

/** The bytes of text, one character a byte. */
export const latin1 = (text) => Uint8Array.from(text, (c) => c.charCodeAt(0));

/** Content in two pieces. */
export async function* content(data) {
  const all = bytes(data);
  yield all.subarray(0, all.length >> 1);
  yield all.subarray(all.length >> 1);
}
