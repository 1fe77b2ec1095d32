// The room of bodies whose senders have not proved anything.
import assert from "node:assert/strict";
import { test } from "node:test";
import { HttpError } from "../src/errors.ts";
import { Unproven } from "../src/hooks/unproven.ts";

const refused = (error: unknown): boolean =>
  error instanceof HttpError && error.status === 503 && error.headers["retry-after"] === "5";

test("no more is held than there is room for; the oldest gives way", () => {
  const share = new Unproven(1000);
  const readings = Array.from({ length: 5 }, () => share.begin());
  for (let round = 0; round < 10; round++) {
    for (const reading of readings) {
      if (!reading.pieces) continue;
      try {
        share.add(reading, new Uint8Array(100));
      } catch (error) {
        // The oldest may be the one that asks.
        assert.ok(refused(error) && !reading.pieces);
      }
      assert.ok(share.held <= 1000);
    }
  }
  // The last one has all that it sent, and the first ones nothing.
  assert.deepEqual(
    readings.map(({ pieces }) => pieces?.length),
    [undefined, undefined, undefined, undefined, 10],
  );
  const [first, , , , last] = readings;
  assert.ok(first && last);
  assert.throws(() => share.add(first, new Uint8Array(1)), refused);
  // Alone, it is too large itself.
  assert.throws(() => share.add(last, new Uint8Array(1)), refused);
  assert.equal(share.held, 0);
  share.end(last);
  assert.equal(share.held, 0);
});

test("callers are bounded too, and none is refused for those before it", () => {
  const share = new Unproven(1_000_000);
  const readings = Array.from({ length: 300 }, () => share.begin());
  assert.equal(readings.filter(({ pieces }) => pieces === undefined).length, 236);
  assert.ok(readings.at(-1)?.pieces);
});

test("a view of a larger buffer does not keep that", () => {
  const share = new Unproven(1000);
  const reading = share.begin();
  share.add(reading, new Uint8Array(1 << 20).subarray(0, 10));
  assert.equal(reading.pieces?.[0]?.buffer.byteLength, 10);
});
