// What would help against an error is data, which each interface words for its users; nothing looks into a message.
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { OcipeekError, open } from "ocipeek";
import { messageOf } from "../../dist/cli/messages.js";
import { fromWasm } from "../../dist/js/errors.js";
import { ROOT } from "../../scripts/lib/run.mjs";
import { toHttpError } from "../../worker/src/errors.ts";
import { failureOf } from "../../www/src/engine/failure.ts";

const source = readFileSync(join(ROOT, "src/error.rs"), "utf8");
/** As the crate names them. */
const KINDS = [...source.matchAll(/^ {12}Remedy::\w+(?:\(_\))? => "([a-z]+(?:-[a-z]+)*)",$/gm)].map(
  (it) => it[1],
);
const all = () => {
  const remedies = /** @type {any[]} */ ([...new Set(KINDS)].map((kind) => ({ kind })));
  return new OcipeekError("LIMIT_EXCEEDED", "x", { remedies });
};

/** How the package's users, in JavaScript, say it. */
const OURS = /\b(verify|sociIndex|attachedIndex|index|reader): |tokenHosts/;

describe("what would help against an error", () => {
  test("is worded by each interface, in its own terms", () => {
    assert.ok(KINDS.length >= 17, KINDS.join());
    assert.match(all().message, OURS);
    for (const said of [messageOf(all()), toHttpError(all()).message, failureOf(all()).message]) {
      assert.doesNotMatch(said, OURS);
      assert.match(said, /SOCI index/);
    }
    assert.match(messageOf(all()), /--insecure-unverified.*--no-soci.*--attached-index.*--token-host/);
    assert.match(toHttpError(all()).message, /OCIPEEK_UNVERIFIED.*OCIPEEK_TOKEN_HOSTS/);
    assert.doesNotMatch(
      source.slice(source.indexOf("impl fmt::Display for Remedy")),
      /\b(?:verify|reader): |npx/,
    );
  });

  test("goes with the sentence, the limit and what it concerns into the message", () => {
    const error = /** @type {any} */ (
      fromWasm({
        code: "LIMIT_EXCEEDED",
        what: "30",
        limit: "maxZtocSize",
        allowed: 24,
        digest: "sha256:00",
        offset: 7,
        path: Uint8Array.of(97, 10, 34, 39, 92, 255),
        remedies: [{ kind: "raise-limit", to: 30 }, { kind: "make-index" }],
      })
    );
    const help = "raise that limit if you trust the image, or build a SOCI index of the image";
    assert.equal(
      error.message,
      `LIMIT_EXCEEDED: "a\\n\\"\\'\\\\\\xff": 30 is over the limit maxZtocSize = 24; ${help} [sha256:00] [offset 7]`,
    );
    assert.deepEqual([error.what, error.limit, error.allowed], ["30", "maxZtocSize", 24]);
    assert.deepEqual(error.remedies, [{ kind: "raise-limit", to: 30 }, { kind: "make-index" }]);
    assert.ok(error.stack.includes(help));
  });

  test("comes from the crate with the numbers that are known", async () => {
    const layout = `oci:${join(ROOT, "tests/fixtures/demo")}:latest-soci`;
    const opened = open(layout, { platform: "linux/amd64", limits: { maxLayers: 0 } });
    const error = await opened.catch((it) => it);
    assert.deepEqual([error.code, error.limit, error.allowed], ["LIMIT_EXCEEDED", "maxLayers", 0]);
    assert.equal(error.remedies[0].kind, "raise-limit");
    assert.ok(error.remedies[0].to > 0);
    assert.match(error.message, / is over the limit maxLayers = 0; raise that limit/);
  });

  test("is not looked for in messages", () => {
    const LOOKS =
      /\bmessage\??\.(?:replace(?:All)?|includes|match|startsWith|endsWith|split|search)\(|\.test\((?:\w+\.)*message\)/;
    // Of parseArgs of Node, which has no data for it.
    const allowed = new Set(["cli/args.ts"]);
    const files = globSync("{js,cli,web,worker/src,www/src}/**/*.{ts,tsx}", { cwd: ROOT });
    assert.ok(files.length > 300);
    const looking = files.filter(
      (file) => !allowed.has(file) && LOOKS.test(readFileSync(join(ROOT, file), "utf8")),
    );
    assert.deepEqual(looking, []);
  });
});
