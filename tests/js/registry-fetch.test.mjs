// The signed fetch, and what it makes of headers: by the table that the crate is held to.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { parseReference, registryFetch } from "ocipeek";

const table = JSON.parse(readFileSync(new URL("../fixtures/names.json", import.meta.url), "utf8"));

/** Runs `action` with another value of a property. */
async function withValue(object, name, value, action) {
  const before = object[name];
  object[name] = value;
  try {
    return await action();
  } finally {
    object[name] = before;
  }
}

/** The answer to a request, with one header. */
async function answerWith(name, value) {
  const fetch = async () => new Response(null, { headers: { [name]: value } });
  return registryFetch("registry.example/a", { fetch })("tags/list");
}

test("links lead on", async () => {
  for (const [field, target] of table.links) {
    const next =
      target === null ? undefined : new URL(target, "https://registry.example/v2/a/tags/list").href;
    assert.equal((await answerWith("link", field)).next, next, field);
  }
});

test("waits are told in seconds, whatever they are asked for in", async () => {
  const { now, cases } = table.retryAfter;
  await withValue(
    Date,
    "now",
    () => now,
    async () => {
      for (const [field, seconds] of cases) {
        const { retryAfter } = await answerWith("retry-after", field);
        assert.equal(retryAfter, seconds ?? undefined, field);
      }
    },
  );
});

test("references", async () => {
  for (const { text, familiar: _, url: __, ...parts } of table.references) {
    const { host: ___, ...found } = await parseReference(text);
    assert.deepEqual(found, parts, text);
  }
  for (const text of table.refused) await assert.rejects(parseReference(text), JSON.stringify(text));
});

test("a body is sent anew each time, and with each try", async () => {
  const body = new TextEncoder().encode("content");
  const seen = [];
  const registry = registryFetch("registry.example/a", {
    push: true,
    auth: { username: "u", password: "p" },
    fetch: async (url, { method, headers, body: sent, redirect }) => {
      seen.push(
        `${method} ${new URL(url).pathname} ${headers.authorization ?? ""} ${sent === body} ${redirect}`,
      );
      if (seen.length === 1) throw new TypeError("connection reset");
      if (seen.length === 2)
        return new Response("no", { status: 401, headers: { "www-authenticate": 'Basic realm="x"' } });
      if (seen.length === 3) return new Response(null, { status: 307, headers: { location: "/elsewhere" } });
      return new Response("done", { status: 201, headers: { location: "https://up.example/x?a=b%2Bc" } });
    },
  });
  const answer = await registry("manifests/1", { method: "PUT", body });
  assert.deepEqual(seen, [
    "PUT /v2/a/manifests/1  true manual",
    "PUT /v2/a/manifests/1  true manual",
    "PUT /v2/a/manifests/1 Basic dTpw true manual",
    "PUT /elsewhere Basic dTpw true manual",
  ]);
  assert.deepEqual(
    [answer.status, answer.url, answer.isHome, answer.location, answer.isFiltered],
    [201, "https://registry.example/elsewhere", true, "https://up.example/x?a=b%2Bc", false],
  );
  assert.equal(await new Response(answer.body).text(), "done");
});
