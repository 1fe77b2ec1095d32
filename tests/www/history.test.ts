// Commands of layers, from a config's history.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { SociInfo } from "ocipeek";
import { commandOf, stepsOf } from "../../www/src/format/history.ts";
import { readingWords } from "../../www/src/format/reading.ts";

test("commands are shown as a Dockerfile has them", () => {
  const said = {
    '/bin/sh -c #(nop)  CMD ["sh"]': 'CMD ["sh"]',
    "/bin/sh -c #(nop) ADD file:0123 in / ": "ADD file:0123 in /",
    "/bin/sh -c apt-get update": "RUN apt-get update",
    "RUN /bin/sh -c apk add curl # buildkit": "RUN apk add curl",
    "RUN |2 A=1 B=2 /bin/sh -c make # buildkit": "RUN make",
    "/bin/bash -o pipefail -c curl x | sh": "RUN curl x | sh",
    "COPY . /app # buildkit": "COPY . /app",
    'ENTRYPOINT ["/app"]': 'ENTRYPOINT ["/app"]',
    "": "",
  };
  for (const [text, wanted] of Object.entries(said)) assert.equal(commandOf(text), wanted);
});

test("steps without a layer stand between those with one", () => {
  const history = [
    { created_by: "ADD x" },
    { created_by: "ENV A=1", empty_layer: true },
    { created_by: "RUN y" },
  ];
  const steps = stepsOf({ history }, 2).map((step) => [step.command, step.layer]);
  assert.deepEqual(steps, [
    ["ADD x", 0],
    ["ENV A=1", undefined],
    ["RUN y", 1],
  ]);
});

test("histories that do not fit the layers leave no layer out", () => {
  assert.deepEqual(
    stepsOf(undefined, 2).map((step) => step.layer),
    [0, 1],
  );
  assert.deepEqual(
    stepsOf({ history: [{ created_by: "a" }] }, 3).map((step) => [step.command, step.layer]),
    [
      ["a", 0],
      ["", 1],
      ["", 2],
    ],
  );
  const more = [{ created_by: "a" }, { created_by: "b" }, { created_by: "c" }];
  assert.deepEqual(
    stepsOf({ history: more }, 1).map((step) => step.command),
    ["a"],
  );
});

test("how a layer is read, in a sentence", () => {
  const reader = { name: "plain", found: "media-type" } as const;
  const layer = { index: 0, digest: "sha256:0", mediaType: "", size: 5_000_000, reader };
  const soci = {
    digest: "sha256:1",
    version: "v2",
    found: "annotation",
    verified: "image",
    layers: [],
  } as const;
  const ztoc = { digest: "sha256:2", size: 1, spanSize: 4_000_000, verified: "image" } as const;
  const image = (index?: SociInfo) => ({ soci: index, unverified: false });
  assert.match(
    readingWords({ ...layer, read: "ztoc", ztoc }, image({ ...soci, layers: [layer.digest] })),
    /v2.*5\.0 MB.*4\.0 MB/,
  );
  assert.match(
    readingWords(
      { ...layer, read: "ztoc", ztoc: { ...ztoc, verified: "own" } },
      image({ ...soci, layers: [] }),
    ),
    /^By an index that this browser built: of 5\.0 MB only the spans/,
  );
  assert.match(readingWords({ ...layer, read: "whole" }, image()), /all 5\.0 MB are fetched/);
  assert.match(readingWords({ ...layer, read: "tar" }, image()), /not compressed/);
  assert.match(
    readingWords({ ...layer, read: "estargz" }, image()),
    /table of contents: of 5\.0 MB only the chunks/,
  );
});
