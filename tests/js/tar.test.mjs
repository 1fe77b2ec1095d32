// The archives that `cp … -` writes, read by GNU tar and by Python's tarfile.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, test } from "node:test";
import { paxRecord } from "../../dist/js/tar/header.js";
import { tar as write } from "../../dist/js/tar/index.js";
import { content, fakeStats, latin1 } from "../lib/fake-stats.mjs";

async function archive(entries) {
  const chunks = [];
  for await (const chunk of write(itemsFrom(entries))) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

async function* itemsFrom(entries) {
  for (const { data, ...entry } of entries) {
    yield { ...entry, content: data === undefined ? undefined : content(data) };
  }
}

/** What Python reads: one object an entry, names as bytes in hex. */
function python(tar) {
  const script = `
import io, json, sys, tarfile
raw = lambda s: s.encode("utf-8", "surrogateescape").hex()
out = []
t = tarfile.open(fileobj=io.BytesIO(sys.stdin.buffer.read()), encoding="utf-8", errors="surrogateescape")
for m in t:
    data = t.extractfile(m).read().hex() if m.isreg() else None
    out.append(dict(name=raw(m.name), type=m.type.decode(), size=m.size, mode=m.mode, uid=m.uid, gid=m.gid,
      uname=raw(m.uname), gname=raw(m.gname), link=raw(m.linkname), major=m.devmajor, minor=m.devminor,
      mtime=m.pax_headers.get("mtime", str(m.mtime)), data=data,
      xattrs={k: raw(v) for k, v in m.pax_headers.items() if k.startswith("SCHILY.xattr.")}))
json.dump(out, sys.stdout)`;
  const { status, stdout, stderr } = spawnSync("python3", ["-c", script], { input: tar, maxBuffer: 1 << 28 });
  assert.equal(status, 0, String(stderr));
  return JSON.parse(String(stdout));
}

const hex = (data) => Buffer.from(data).toString("hex");
const one = async (entry) => python(await archive([entry]))[0];

describe("tar", () => {
  test("a plain file needs no pax header", async () => {
    const stats = fakeStats({
      size: 5,
      mode: 0o4755,
      uid: 1000,
      gid: 100,
      uname: "u",
      gname: "g",
      mtimeNs: 10n ** 18n,
    });
    const tar = await archive([{ name: latin1("dir/f.txt"), stats, data: "hello" }]);
    assert.equal(tar.length, 20 * 512);
    const [entry] = python(tar);
    assert.equal(entry.name, hex("dir/f.txt"));
    assert.equal(entry.type, "0");
    assert.equal(entry.mode, 0o4755);
    assert.deepEqual([entry.uid, entry.gid, entry.uname, entry.gname], [1000, 100, hex("u"), hex("g")]);
    assert.equal(entry.mtime, "1000000000");
    assert.equal(entry.data, hex("hello"));
  });

  for (const length of [1, 99, 100, 101, 155, 256, 300, 985, 986, 4096]) {
    test(`a name of ${length} bytes`, async () => {
      const name = latin1("d/".padEnd(length, "x").slice(-length));
      const entry = await one({ name, stats: fakeStats({ size: 2 }), data: "ab" });
      assert.equal(entry.name, hex(name));
      assert.equal(entry.data, hex("ab"));
    });
  }

  test("names in UTF-8, and in no encoding at all, short and long", async () => {
    const names = [
      Buffer.from("ünï/名前"),
      latin1("a\xff\xfeb"),
      latin1(`${"l".repeat(150)}\xff`),
      latin1("nl\ntab\t\x1b"),
    ];
    for (const name of names) {
      const entry = await one({ name, stats: fakeStats() });
      assert.equal(entry.name, hex(name));
    }
  });

  test("long and odd link targets, hard links", async () => {
    const target = latin1(`${"t".repeat(200)}\xff`);
    const link = await one({ name: latin1("l"), stats: fakeStats({ type: "symlink", linkname: target }) });
    assert.deepEqual([link.type, link.link], ["2", hex(target)]);
    const [, second] = python(
      await archive([
        { name: latin1("a"), stats: fakeStats({ size: 1 }), data: "x" },
        { name: latin1("b"), stats: fakeStats({ size: 1 }), hardlink: latin1("a") },
      ]),
    );
    assert.deepEqual([second.type, second.link, second.size], ["1", hex("a"), 0]);
  });

  test("times before 1970, with fractions, far ahead", async () => {
    const cases = /** @type {[bigint, string][]} */ ([
      [1_500_000_000n, "1.5"],
      [-1_500_000_000n, "-1.5"],
      [-1n, "-0.000000001"],
      [-3_000_000_000n, "-3"],
      [99_999_999_999n * 1_000_000_000n, "99999999999"],
      [1_234_567_890_123_456_789n, "1234567890.123456789"],
    ]);
    for (const [mtimeNs, text] of cases) {
      const entry = await one({ name: latin1("t"), stats: fakeStats({ mtimeNs }) });
      assert.equal(entry.mtime, text);
    }
  });

  test("large owners, sizes and device numbers; long owners' names", async () => {
    const stats = fakeStats({
      type: "char-device",
      uid: 4294967295,
      gid: 2 ** 40,
      uname: "n".repeat(40),
      gname: "gruppe-ü",
      devMajor: 4095,
      devMinor: 99_999_999,
    });
    const entry = await one({ name: latin1("d"), stats });
    assert.deepEqual([entry.uid, entry.gid], [4294967295, 2 ** 40]);
    assert.deepEqual([entry.uname, entry.gname], [hex("n".repeat(40)), hex("gruppe-ü")]);
    assert.deepEqual([entry.type, entry.major, entry.minor], ["3", 4095, 99_999_999]);
  });

  test("extended attributes with any bytes", async () => {
    const stats = fakeStats({
      xattrs: [
        ["user.note", "plain"],
        ["security.capability", latin1("\x01\x00\x00\x02\xff\n=")],
        ["user.empty", ""],
      ],
    });
    const { xattrs } = await one({ name: latin1("x"), stats });
    assert.equal(xattrs["SCHILY.xattr.user.note"], hex("plain"));
    assert.ok("SCHILY.xattr.security.capability" in xattrs);
  });

  test("a content of another length is an error", async () => {
    const entry = (size) => archive([{ name: latin1("f"), stats: fakeStats({ size }), data: "abc" }]);
    await assert.rejects(entry(2), /length 2/);
    await assert.rejects(entry(4), /length 4/);
  });

  test("GNU tar lists it as it is", async () => {
    const long = `deep/${"d".repeat(180)}/f`;
    const tar = await archive([
      { name: latin1("deep"), stats: fakeStats({ type: "directory", mode: 0o755 }) },
      { name: latin1(long), stats: fakeStats({ size: 3, mtimeNs: 1_500_000_000n }), data: "abc" },
      { name: latin1("pipe"), stats: fakeStats({ type: "fifo" }) },
      { name: latin1("link"), stats: fakeStats({ type: "symlink", linkname: "deep", mode: 0o777 }) },
    ]);
    const { status, stdout, stderr } = spawnSync("tar", ["-tvf", "-"], { input: tar });
    assert.equal(status, 0);
    assert.equal(String(stderr), "");
    const types = String(stdout)
      .trim()
      .split("\n")
      .map((line) => line[0]);
    assert.deepEqual(types, ["d", "-", "p", "l"]);
    assert.ok(String(stdout).includes(long));
  });
});

test("a pax record's length counts its own digits", () => {
  for (let n = 1; n < 1200; n++) {
    const record = Buffer.from(paxRecord(latin1("k"), new Uint8Array(n)));
    assert.equal(Number.parseInt(record.toString("latin1"), 10), record.length);
  }
});
