// What the page says of how layers are read and of what vouches for them, in words; addresses and commands that name a reader.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { IndexVoucher, LayerInfo, SociInfo, Verification } from "ocipeek";
import { formatWithoutDigests, isFetchedWhole } from "../../web/formats.ts";
import { formatAddress, parseAddress, READERS, START } from "../../www/src/address/address.ts";
import type { Row } from "../../www/src/engine/catalogue/builder.ts";
import { mergeTrees, talliesOf } from "../../www/src/engine/catalogue/merge.ts";
import { catCommand, copyCommand } from "../../www/src/format/command.ts";
import {
  foundWords,
  legendOf,
  readingOf,
  readingWords,
  vouchedSentence,
  vouchedWords,
} from "../../www/src/format/reading.ts";
import { verifiedInWords } from "../../www/src/format/verified.ts";

const layer = (read: LayerInfo["read"], found = "annotation", voucher?: IndexVoucher): LayerInfo => ({
  index: 0,
  digest: `sha256:${"0".repeat(64)}`,
  mediaType: "application/vnd.oci.image.layer.v1.tar",
  size: 5_000_000,
  read,
  reader: { name: "plain", found },
  ...(voucher ? { ztoc: { digest: `sha256:${"1".repeat(64)}`, size: 1, verified: voucher } } : {}),
});
const plain = { soci: undefined, unverified: false };
const V1 = {
  digest: `sha256:${"2".repeat(64)}`,
  version: "v1",
  found: "referrers",
  verified: "attached",
  layers: [],
} as const satisfies SociInfo;
const LAZY = ["estargz", "zstd-chunked", "nydus", "overlaybd", "turbooci"] as const;

describe("layers", () => {
  test("each format has a name of its own, and a sentence", () => {
    const names = LAZY.map((read) => readingOf(layer(read), undefined));
    assert.deepEqual(names, ["eStargz", "zstd:chunked", "Nydus", "OverlayBD", "TurboOCI"]);
    for (const read of [...LAZY, "ztoc", "tar", "whole"] as const) {
      assert.match(readingWords(layer(read), plain), /^[A-Z].*\.$/);
    }
  });

  test("verified unless the user agreed; then it says what is not", () => {
    const said = LAZY.map((read) => [vouchedWords(layer(read), false), vouchedWords(layer(read), true)]);
    assert.deepEqual(said, [
      ["verified", "contents unverified"],
      ["verified", "contents unverified"],
      ["verified", "contents unverified"],
      ["verified", "checksums only"],
      ["verified", "contents unverified"],
    ]);
    assert.equal(vouchedWords(layer("tar"), true), "unverified");
    assert.equal(vouchedWords(layer("whole"), true), "verified");
    assert.equal(
      vouchedSentence(layer("turbooci"), true),
      "Names and attributes: digests. Contents: nothing.",
    );
    assert.match(readingWords(layer("overlaybd"), { ...plain, unverified: true }), /no forgery/);
  });

  test("what is merely attached is verified by nobody, whatever digests say", () => {
    const said = (["image", "named", "own", "checked", "attached"] as const).map((voucher) => {
      const one = layer("ztoc", "referrers", voucher);
      return [vouchedWords(one, false), readingOf(one, { ...V1, verified: voucher })];
    });
    assert.deepEqual(said, [
      ["verified", "SOCI v1"],
      ["verified", "SOCI v1"],
      ["verified", "own index"],
      ["verified", "SOCI v1"],
      ["attached index", "SOCI v1"],
    ]);
    const attached = layer("ztoc", "referrers", "attached");
    assert.match(
      vouchedSentence(attached, false),
      /^Names and attributes: whoever attached the index\. Contents/,
    );
    assert.match(readingWords(attached, { ...plain, soci: V1 }), /Somebody attached that index/);
    assert.deepEqual(
      legendOf({ layers: [attached], soci: V1, unverified: false }).map(([badge]) => badge),
      ["SOCI v1", "attached index"],
    );
    // An image in another format that is attached, too.
    assert.equal(vouchedWords(layer("nydus", "referrers"), false), "attached index");
    assert.equal(vouchedWords(layer("nydus", "index"), false), "verified");
  });

  test("which formats have no digests for parts, are fetched whole for a listing", () => {
    assert.deepEqual(
      LAZY.map((read) => [
        formatWithoutDigests([layer(read)]),
        isFetchedWhole(layer(read), { unverified: false }),
        isFetchedWhole(layer(read), { unverified: true }),
      ]),
      [
        [undefined, false, false],
        [undefined, false, false],
        [undefined, false, false],
        ["overlaybd", true, false],
        ["turbooci", false, false],
      ],
    );
  });

  test("why each was chosen, and a legend of what is there only", () => {
    for (const found of ["annotation", "referrers", "index", "named", "caller", "built", "media-type"]) {
      assert.notEqual(foundWords(layer("nydus", found)), found);
    }
    assert.equal(foundWords(layer("nydus", "constructor")), "constructor");
    const layers = [layer("estargz"), layer("estargz"), layer("whole")];
    assert.deepEqual(
      legendOf({ layers, ...plain }).map(([badge]) => badge),
      ["eStargz", "whole", "verified"],
    );
  });
});

describe("a file", () => {
  const words = (metadata: Verification["metadata"], content: Verification["content"], hasContent = true) => {
    const { level, short } = verifiedInWords(
      { manifest: "tag", metadata, content, header: false },
      hasContent,
    );
    return [level, short];
  };

  test("says in a line what vouches for it", () => {
    assert.deepEqual(words("ztoc-digest", "span-digest"), ["all", "Verified by span digests"]);
    assert.deepEqual(words("own-index", "span-digest"), ["all", "Verified by span digests"]);
    assert.deepEqual(words("toc-digest", "chunk-digest"), ["all", "Verified by chunk digests"]);
    assert.deepEqual(words("layer-digest", "chunk-digest"), ["all", "Verified by chunk digests"]);
    assert.deepEqual(words("layer-digest", "layer-digest"), ["all", "Verified by layer digests"]);
    assert.deepEqual(words("crc", "crc"), ["crc", "Checksums only (CRC)"]);
    assert.deepEqual(words("layer-digest", "none"), ["none", "Content not verified"]);
    assert.deepEqual(words("crc", "none"), ["none", "Not verified"]);
    assert.deepEqual(words("none", "none"), ["none", "Not verified"]);
    const by = (index: IndexVoucher) => {
      const content = "span-digest";
      const { level, short, steps } = verifiedInWords(
        { manifest: "digest", metadata: "ztoc-digest", content, header: true, index },
        true,
      );
      return [level, short, Object.fromEntries(steps).Index?.split(/[:,]/)[0]];
    };
    assert.deepEqual(by("attached"), ["attached", "By an attached index, not verified", "not verified"]);
    assert.deepEqual(by("image"), ["all", "Verified by span digests", "named by the image’s own manifest"]);
    assert.deepEqual(by("checked"), ["all", "Verified by span digests", "attached by somebody"]);
    assert.deepEqual(words("layer-digest", "none", false), ["all", "Verified"]);
    assert.deepEqual(words("crc", "none", false), ["crc", "Checksums only (CRC)"]);
  });
});

describe("a reader that is named", () => {
  test("stands in the address; what is none is left out", () => {
    for (const reader of READERS) {
      const hash = formatAddress({ ...START, image: "a/b:1", reader });
      assert.equal(hash, `#/a/b:1/-/?reader=${reader}`);
      assert.equal(parseAddress(hash).reader, reader);
    }
    assert.equal(parseAddress("#/a/b:1/-/?reader=auto").reader, undefined);
    // No address makes the page show what nothing vouches for.
    assert.equal("unverified" in parseAddress("#/a/b:1/-/?unverified=true&verify=false"), false);
    assert.equal("attached" in parseAddress("#/a/b:1/-/?attached=true&attachedIndex=true"), false);
  });

  test("stands in commands, as does that nothing is verified", () => {
    const target = { image: "a/b@sha256:0", path: "/etc/x", layer: undefined };
    assert.equal(
      catCommand({ ...target, reader: "nydus", unverified: true }),
      "npx ocipeek cat --reader nydus --insecure-unverified a/b@sha256:0 /etc/x",
    );
    assert.equal(
      catCommand({ ...target, attached: true }),
      "npx ocipeek cat --attached-index a/b@sha256:0 /etc/x",
    );
    assert.equal(
      copyCommand({ ...target, layer: { index: 2, digest: "sha256:1" } }),
      "npx ocipeek cp --layer 2 a/b@sha256:0 /etc/x .",
    );
    assert.equal(catCommand(target), "npx ocipeek cat a/b@sha256:0 /etc/x");
  });
});

describe("a comparison of images whose format makes one tree", () => {
  const row: Row = {
    name: new TextEncoder().encode("file"),
    depth: 0,
    type: "file",
    size: 1,
    mode: 0o644,
    uid: 0,
    gid: 0,
    mtime: 0,
    layer: -1,
    flags: 0,
  };
  const side = (merged: string | undefined) => ({ rows: [row], layers: ["sha256:a"], merged });

  test("entries of one image are equal, of others undecided, whatever layers they share", async () => {
    const undecided = async (left: string, right: string) => {
      const tree = await mergeTrees(side(left), side(right));
      return talliesOf(tree, tree.finish(1)).unverifiedSame.files;
    };
    assert.equal(await undecided("sha256:1", "sha256:1"), 0);
    assert.equal(await undecided("sha256:1", "sha256:2"), 1);
  });
});
