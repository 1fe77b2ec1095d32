// What a tree shows: order, open folders, filter, and where keys lead.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { encodePath } from "../../web/path.ts";
import { type Catalogue, childrenOf, nameOf, typeOf } from "../../www/src/protocol/catalogue.ts";
import { displayPath, entryAt, pathOf } from "../../www/src/protocol/path.ts";
import { TreeKeys } from "../../www/src/ui/tree/keys.ts";
import { highlight, ownMatches } from "../../www/src/ui/tree/matches.ts";
import { TreeModel } from "../../www/src/ui/tree/model.ts";
import { orderOf, SORT_KEYS, type Sort } from "../../www/src/ui/tree/order.ts";
import { sortByNumber } from "../../www/src/ui/tree/radix.ts";
import { resolveEntry } from "../../www/src/ui/tree/resolve.ts";
import { rowsOf, shownOf } from "../../www/src/ui/tree/rows.ts";
import { scrollHeight, scrollTo, windowOf } from "../../www/src/ui/tree/window.ts";
import { catalogueOf, type Line } from "../lib/page/catalogue-of.ts";

/** Numbers that look random and are the same in each run. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

function randomCatalogue(seed: number): Catalogue {
  const next = random(seed);
  const lines = Array.from({ length: 5 + next(60) }, (): Line => {
    const names = Array.from({ length: 1 + next(4) }, () => "abcAB-é"[next(7)]);
    const isFolder = next(4) === 0;
    const facts = {
      size: isFolder ? 0 : next(5),
      mtime: next(3) === 0 ? Number.NaN : next(9) - 4,
      layer: next(4),
    };
    return [`d/${names.join("/f")}${isFolder ? "/" : `.${next(9)}`}`, facts];
  });
  return catalogueOf(lines);
}

const paths = (c: Catalogue, entries: Iterable<number>): string[] =>
  Array.from(entries, (entry) => displayPath(pathOf(c, entry)));

const shown = (model: TreeModel): string[] => paths(model.catalogue, model.rows.entries);

const at = (c: Catalogue, path: string): number => {
  const entry = entryAt(c, path);
  assert.ok(entry !== undefined, `${path} is there`);
  return entry;
};

describe("orders", () => {
  test("numbers of all kinds, both ways, equal ones as they were", () => {
    const next = random(1);
    const odd = [0, -0, 1, -1, 0.5, 1e-320, Number.NaN, Infinity, -Infinity, 2 ** 53, -(2 ** 53), 1e300];
    const values = Float64Array.from(
      { length: 3000 },
      (_, i) => odd[i] ?? (next(2) ? next(40) : next(2 ** 31) * 1e6 + 0.1),
    );
    const key = (i: number): number => {
      const value = values[i] ?? Number.NaN;
      return Number.isNaN(value) ? -Infinity : Object.is(value, -0) ? -1e-323 : value;
    };
    for (const descending of [false, true]) {
      const expected = Array.from(values.keys()).sort((a, b) => {
        const [x, y] = descending ? [key(b), key(a)] : [key(a), key(b)];
        return x < y ? -1 : x > y ? 1 : a - b;
      });
      assert.deepEqual([...sortByNumber(values, descending)], expected);
    }
    assert.deepEqual([...sortByNumber(new Float64Array(0), false)], []);
  });

  test("each folder's entries are the same, in order, and folders come first by name", () => {
    for (let seed = 1; seed <= 50; seed++) {
      const c = randomCatalogue(seed);
      for (const key of SORT_KEYS) {
        for (const descending of [false, true]) {
          const { starts, list } = orderOf(c, { key, descending });
          for (let folder = 0; folder < c.count; folder++) {
            const has = [...list.subarray(starts[folder], starts[folder + 1])];
            assert.deepEqual(
              has,
              expectedOrder(c, folder, { key, descending }),
              `${seed} ${key} ${descending}`,
            );
          }
        }
      }
    }
  });
});

function expectedOrder(c: Catalogue, folder: number, { key, descending }: Sort): number[] {
  const turn = descending ? -1 : 1;
  return [...childrenOf(c, folder)].sort((a, b) => {
    if (key === "name") {
      const isFolder = (entry: number): number => (typeOf(c, entry) === "directory" ? 0 : 1);
      return isFolder(a) - isFolder(b) || turn * (a - b);
    }
    const value = (entry: number): number => (Number.isNaN(c[key][entry]) ? -1e99 : (c[key][entry] ?? -1e99));
    return turn * (value(a) - value(b)) || a - b;
  });
}

describe("rows", () => {
  test("are what is in open folders, with level, position and number of siblings", () => {
    for (let seed = 1; seed <= 100; seed++) {
      const c = randomCatalogue(seed);
      const next = random(seed);
      const sort = { key: SORT_KEYS[next(4)] ?? "name", descending: next(2) === 1 };
      const open = Uint8Array.from({ length: c.count }, () => (next(3) ? 1 : 0));
      const some = Uint32Array.from(
        Array.from({ length: c.count }, (_, i) => i).filter((i) => i > 0 && next(4) === 0),
      );
      for (const matches of [undefined, some]) {
        const expected: number[][] = [];
        const isShown = (entry: number): boolean =>
          !matches ||
          matches.some((match) => match === entry || (match > entry && match < (c.end[entry] ?? 0)));
        const walk = (folder: number, level: number, all: boolean): void => {
          const rows = expectedOrder(c, folder, sort).filter((entry) => all || isShown(entry));
          rows.forEach((entry, i) => {
            expected.push([entry, level, i + 1, rows.length]);
            const below = matches?.some((match) => match > entry && match < (c.end[entry] ?? 0));
            if (open[entry]) walk(entry, level + 1, all || (matches !== undefined && !below));
          });
        };
        walk(0, 1, false);
        const rows = rowsOf(c, orderOf(c, sort), open, matches ? [shownOf(c, matches, true)] : []);
        const has = Array.from(rows.entries, (entry, i) => [
          entry,
          rows.levels[i],
          rows.positions[i],
          rows.siblings[i],
        ]);
        assert.deepEqual(has, expected, `seed ${seed}`);
      }
    }
  });

  test("a folder nested 2,000 deep", () => {
    const c = catalogueOf([`${"d/".repeat(2000)}file`]);
    const model = new TreeModel(c);
    model.reveal(c.count - 1);
    assert.equal(model.rows.count, 2001);
    assert.equal(model.rows.levels[2000], 2001);
  });
});

const DEMO = catalogueOf([
  ["etc/os-release -> ../usr/lib/os-release", {}],
  ["etc/ssl/openssl.cnf", { size: 30 }],
  ["etc/ssl/certs/ca.pem", { size: 20 }],
  ["lib -> usr/lib", {}],
  ["usr/lib/libssl.so", { size: 700 }],
  ["usr/lib/os-release", { size: 70 }],
  ["usr/lib/ssl/README", { size: 7 }],
  ["usr/loop -> loop", {}],
  "var/empty/",
]);

describe("the filter", () => {
  /** As the engine does it: a part of the path. */
  const found = (query: string): Uint32Array =>
    Uint32Array.from(
      Array.from({ length: DEMO.count }, (_, i) => i).filter(
        (i) => i > 0 && displayPath(pathOf(DEMO, i)).includes(query),
      ),
    );

  test("counts what matches by its own name, not what is merely in such a folder", () => {
    assert.deepEqual(paths(DEMO, ownMatches(DEMO, found("ssl"), "ssl")), [
      "/etc/ssl",
      "/etc/ssl/openssl.cnf",
      "/usr/lib/libssl.so",
      "/usr/lib/ssl",
    ]);
    // What ends in a slash matches nothing by its own name alone.
    assert.deepEqual(paths(DEMO, ownMatches(DEMO, found("etc/ssl/"), "etc/ssl/")), [
      "/etc/ssl/certs",
      "/etc/ssl/certs/ca.pem",
      "/etc/ssl/openssl.cnf",
    ]);
    assert.deepEqual(paths(DEMO, ownMatches(DEMO, found("lib/os"), "lib/os")), ["/usr/lib/os-release"]);
  });

  test("shows matches with their folders open; a folder that matches opens as a whole", () => {
    const model = new TreeModel(DEMO);
    model.setFilter("ssl", found("ssl"));
    assert.deepEqual(shown(model), [
      "/etc",
      "/etc/ssl",
      "/etc/ssl/openssl.cnf",
      "/usr",
      "/usr/lib",
      "/usr/lib/ssl",
      "/usr/lib/libssl.so",
    ]);
    assert.equal(model.cursor, at(DEMO, "/etc/ssl"));
    model.setOpen(at(DEMO, "/usr/lib/ssl"), true);
    assert.ok(shown(model).includes("/usr/lib/ssl/README"));
    model.moveTo(6);
    model.clearFilter();
    assert.deepEqual(shown(model).slice(0, 2), ["/etc", "/usr"]);
    assert.equal(model.filter, undefined);
    // The cursor's folders are open: what was found is still in sight.
    assert.ok(model.rowOf(model.cursor) > 0);
  });

  test("with a limit to some entries, as where only changes are shown", () => {
    const model = new TreeModel(DEMO);
    model.setOnly(Uint32Array.of(at(DEMO, "/usr/lib/libssl.so"), at(DEMO, "/var/empty")));
    assert.deepEqual(shown(model), ["/usr", "/usr/lib", "/usr/lib/libssl.so", "/var", "/var/empty"]);
    model.setFilter("ssl", found("ssl"));
    assert.deepEqual(shown(model), ["/usr", "/usr/lib", "/usr/lib/libssl.so"]);
    model.setFilter("nothing", found("nothing"));
    assert.deepEqual(shown(model), []);
    model.clearFilter();
    model.setOnly(undefined);
    assert.ok(shown(model).includes("/etc"));
  });

  test("going to what it hides clears it", () => {
    const model = new TreeModel(DEMO);
    model.setFilter("README", found("README"));
    model.reveal(at(DEMO, "/etc/os-release"));
    assert.equal(model.filter, undefined);
    assert.equal(shown(model)[model.cursorRow], "/etc/os-release");
  });

  test("marks the part of a name that matches", () => {
    assert.deepEqual(highlight("os-release", "/etc/", "REL"), ["os-", "rel", "ease"]);
    assert.deepEqual(highlight("os-release", "/etc/", "etc/os"), ["", "os", "-release"]);
    assert.deepEqual(highlight("os-release", "/etc/", "etc"), ["os-release", "", ""]);
    assert.deepEqual(highlight("os-release", "/etc/", "*.x"), ["", "os-release", ""]);
    assert.deepEqual(highlight("İ", "/", "x"), ["İ", "", ""]);
  });
});

describe("keys", () => {
  /** Presses keys from the first row of a new tree; the path at the cursor after each. */
  function press(...presses: string[]): string[] {
    const model = new TreeModel(DEMO);
    const keys = new TreeKeys();
    return presses.map((key, i) => {
      keys.press(model, { key, ctrlKey: false, altKey: false, metaKey: false }, 3, i * 100);
      return displayPath(pathOf(DEMO, model.cursor));
    });
  }

  test("arrows walk, open, close, and go up", () => {
    assert.deepEqual(
      press(
        "ArrowDown",
        "ArrowRight",
        "ArrowRight",
        "ArrowDown",
        "ArrowLeft",
        "ArrowLeft",
        "ArrowDown",
        "ArrowUp",
      ),
      ["/etc", "/etc", "/etc/ssl", "/etc/os-release", "/etc", "/etc", "/usr", "/etc"],
    );
  });

  test("Home, End and pages stop at the ends; * opens all beside", () => {
    assert.deepEqual(press("End", "Home", "PageDown", "PageDown", "PageUp", "Home", "*", "End"), [
      "/lib",
      "/etc",
      "/lib",
      "/lib",
      "/etc",
      "/etc",
      "/etc",
      "/lib",
    ]);
    assert.deepEqual(press("ArrowDown", "*", "ArrowDown", "ArrowLeft"), ["/etc", "/etc", "/etc/ssl", "/etc"]);
  });

  test("letters lead to names that start with them, in any case; one again to the next", () => {
    assert.deepEqual(press("V", "u", "s", "r"), ["/var", "/var", "/var", "/var"]);
    // What is typed ends with a key that moves.
    assert.deepEqual(press("u", "ArrowDown", "e"), ["/usr", "/var", "/etc"]);
    assert.deepEqual(press("Home", "*", "o", "o"), ["/etc", "/etc", "/etc/os-release", "/etc/os-release"]);
    assert.deepEqual(press("*", "l", "l", "l"), ["/", "/usr/lib", "/usr/loop", "/lib"]);
  });

  test("Enter chooses; keys with Ctrl and the page's own are left alone", () => {
    const model = new TreeModel(DEMO);
    const keys = new TreeKeys();
    const effect = (key: string, ctrlKey = false): string =>
      keys.press(model, { key, ctrlKey, altKey: false, metaKey: false }, 3, 0);
    assert.equal(effect("Enter"), "chosen");
    assert.equal(effect(" "), "chosen");
    for (const key of ["/", "?", "Tab", "Escape", "F5"]) assert.equal(effect(key), "none", key);
    assert.equal(effect("a", true), "none");
  });
});

describe("paths", () => {
  test("links in folders are followed, one at the end is not", () => {
    const to = (path: string): string | undefined => {
      const entry = resolveEntry(DEMO, path);
      return entry === undefined ? undefined : displayPath(pathOf(DEMO, entry));
    };
    assert.equal(to("/lib/os-release"), "/usr/lib/os-release");
    assert.equal(to("/lib"), "/lib");
    assert.equal(to("/etc/os-release"), "/etc/os-release");
    assert.equal(to("/usr/loop/x"), undefined);
    assert.equal(to("/nothing"), undefined);
    assert.equal(to("/lib/../lib/./ssl"), "/usr/lib/ssl");
    assert.equal(to("/"), "/");
    assert.equal(nameOf(DEMO, resolveEntry(DEMO, encodePath(Buffer.from("/lib/ssl/README"))) ?? 0), "README");
  });
});

describe("the window", () => {
  const view = { top: 0, height: 600, rowHeight: 24 };

  test("has the rows on screen and some more", () => {
    assert.deepEqual(windowOf(1000, view), { from: 0, to: 33, offset: 0 });
    assert.deepEqual(windowOf(1000, { ...view, top: 2405 }), { from: 92, to: 134, offset: 2208 });
    assert.deepEqual(windowOf(10, view), { from: 0, to: 10, offset: 0 });
    assert.deepEqual(windowOf(0, view), { from: 0, to: 0, offset: 0 });
  });

  test("scrolls only where a row is not seen", () => {
    assert.equal(scrollTo(5, 1000, view, "nearest"), 0);
    assert.equal(scrollTo(30, 1000, view, "nearest"), 31 * 24 - 600);
    assert.equal(scrollTo(0, 1000, { ...view, top: 100 }, "nearest"), 0);
    assert.equal(scrollTo(500, 1000, view, "middle"), 500 * 24 - 288);
    assert.equal(scrollTo(999, 1000, view, "middle"), 1000 * 24 - 600);
  });

  test("reaches each of five million rows, though no browser is so high", () => {
    const rows = 5_000_000;
    assert.equal(scrollHeight(rows, view), 15_000_000);
    const end = { ...view, top: 15_000_000 - 600 };
    assert.equal(windowOf(rows, end).to, rows);
    for (const row of [0, 1_234_567, rows - 1]) {
      const top = scrollTo(row, rows, view, "middle");
      const { from, to, offset } = windowOf(rows, { ...view, top });
      const y = offset + (row - from) * 24 - top;
      assert.ok(from <= row && row < to && y >= -1 && y <= 600 - 23, `row ${row} at ${y}`);
    }
  });
});
