// A map with a bound: what was set or used longest ago goes first.
import assert from "node:assert/strict";
import { test } from "node:test";
import { BoundedMap } from "../../js/common/bounded-map.ts";

test("by number: what is set again or used stays longer", () => {
  const map = new BoundedMap(3);
  for (const key of ["a", "b", "c"]) map.set(key, key.toUpperCase());
  map.set("a", "again");
  assert.equal(map.use("b"), "B");
  assert.equal(map.get("c"), "C");
  map.set("d", "D");
  assert.deepEqual(
    [...map],
    [
      ["a", "again"],
      ["b", "B"],
      ["d", "D"],
    ],
  );
  assert.equal(map.use("c"), undefined);
});

test("by weight: it is known after every change", () => {
  const map = new BoundedMap(10, (value) => value.length);
  map.set("a", "1234").set("b", "123").set("a", "12");
  assert.equal(map.weight, 5);
  map.set("c", "123456");
  assert.deepEqual([...map.keys()], ["a", "c"]);
  assert.equal(map.weight, 8);
  assert.ok(map.delete("a"));
  assert.ok(!map.delete("a"));
  assert.equal(map.weight, 6);
  map.set("d", "more than all of it");
  assert.deepEqual([map.size, map.weight], [0, 0]);
  map.set("e", "1");
  map.clear();
  assert.deepEqual([map.size, map.weight], [0, 0]);
});
