// Credentials against a real docker-registry: Basic, and Bearer with a token service.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, describe, test } from "node:test";
import { dockerConfigAuth, OcipeekError, open, registryFetch } from "ocipeek";
import { closeServer, listen } from "../../scripts/lib/servers.mjs";
import { DEMO, pushLayout, REPOSITORY, startDockerRegistry } from "../lib/docker-registry.mjs";
import { startTokenService } from "../lib/token-service.mjs";

const USER = "reader";
const PASSWORD = "open sesame";
/** bcrypt of the password. */
const HTPASSWD = `${USER}:$2b$05$ocipeekocipeekocipeekez2D7lIvrUhywA7cOdCU0YSH2IG/MEBG\n`;
const FILE = "/usr/share/demo/tz/Winnipeg";
const platform = "linux/amd64";
const auth = { username: USER, password: PASSWORD };

const textOf = (answer) => new Response(answer.body).text();

/** A registry whose challenges name its token service otherwise. */
async function renamed(host, realm, other) {
  const server = createServer(async (req, res) => {
    const headers = new Headers();
    for (const name of ["accept", "authorization", "range"]) {
      if (req.headers[name] !== undefined) headers.set(name, String(req.headers[name]));
    }
    const answer = await fetch(`http://${host}${req.url}`, { headers });
    const challenge = answer.headers.get("www-authenticate")?.replace(realm, other);
    res.writeHead(answer.status, {
      "content-type": answer.headers.get("content-type") ?? "",
      ...(answer.headers.has("content-range")
        ? { "content-range": answer.headers.get("content-range") }
        : {}),
      ...(challenge ? { "www-authenticate": challenge } : {}),
    });
    res.end(Buffer.from(await answer.arrayBuffer()));
  });
  return { url: `127.0.0.1:${await listen(server)}`, stop: () => closeServer(server) };
}

describe("credentials", () => {
  let tokens;
  let plain;
  let basic;
  let bearer;
  before(async () => {
    tokens = await startTokenService({ username: USER, password: PASSWORD });
    plain = await startDockerRegistry();
    await pushLayout(plain.host, DEMO, REPOSITORY);
    basic = await startDockerRegistry({ storage: plain.storage, htpasswd: HTPASSWD });
    bearer = await startDockerRegistry({ storage: plain.storage, token: tokens.config });
  });
  after(async () => {
    await bearer?.stop();
    await basic?.stop();
    await plain?.stop();
    await tokens?.stop();
  });

  const reference = (registry) => `${registry.host}/${REPOSITORY}:latest-soci`;
  const tokenHosts = () => [new URL(tokens.config.realm).host];

  test("Basic", async () => {
    const image = await open(reference(basic), { platform, auth });
    assert.equal((await image.readFile(FILE)).length, 2566);
  });

  test("Basic by a function that is asked for the registry's host", async () => {
    const asked = [];
    const image = await open(reference(basic), {
      platform,
      auth: (host) => {
        asked.push(host);
        return auth;
      },
    });
    await image.readFile(FILE);
    assert.deepEqual([...new Set(asked)], [basic.host]);
  });

  /** @type {[string, import("ocipeek").Credentials | undefined][]} */
  const failing = [
    ["without credentials", undefined],
    ["with a wrong password", { username: USER, password: "wrong secret" }],
  ];
  for (const [name, wrong] of failing) {
    test(`Basic ${name} is UNAUTHORIZED, and the error holds no secret`, async () => {
      await assert.rejects(open(reference(basic), { platform, auth: wrong }), (/** @type {any} */ error) => {
        assert.equal(error.code, "UNAUTHORIZED");
        assert.ok(!`${error.stack}${JSON.stringify(error)}`.includes("secret"));
        return true;
      });
    });
  }

  test("Bearer: one token for all that wait for it", async () => {
    tokens.asked.length = 0;
    const image = await open(reference(bearer), { platform, auth, tokenHosts: tokenHosts() });
    await Promise.all([image.readFile(FILE), image.readFile("/etc/services"), image.config()]);
    assert.equal(tokens.asked.length, 1);
    assert.deepEqual(tokens.asked[0].scope, `repository:${REPOSITORY}:pull`);
    assert.ok(tokens.asked[0].basic);
  });

  test("Bearer with a refresh token", async () => {
    tokens.asked.length = 0;
    const identity = { identityToken: tokens.refreshToken };
    const image = await open(reference(bearer), { platform, auth: identity, tokenHosts: tokenHosts() });
    assert.equal((await image.readFile(FILE)).length, 2566);
    assert.ok(tokens.asked.every((a) => a.method === "POST" && !a.basic));
  });

  test("Bearer with a wrong password is UNAUTHORIZED", async () => {
    const wrong = { username: USER, password: "wrong secret" };
    await assert.rejects(open(reference(bearer), { platform, auth: wrong, tokenHosts: tokenHosts() }), {
      code: "UNAUTHORIZED",
    });
  });

  test("a token service elsewhere that refuses: what was withheld is said, and what allows it", async () => {
    const { origin, host } = new URL(tokens.config.realm);
    const elsewhere = origin.replace("127.0.0.1", "localhost");
    const { url, stop } = await renamed(bearer.host, tokens.config.realm, `${elsewhere}/token`);
    try {
      const reference = `${url}/${REPOSITORY}:latest-soci`;
      await assert.rejects(open(reference, { platform, auth }), (/** @type {any} */ error) => {
        assert.equal(error.code, "UNAUTHORIZED");
        const said = `were not sent to its token service ${elsewhere}, which is another host; list it in tokenHosts`;
        assert.ok(error.message.includes(said), error.message);
        assert.ok(!error.message.includes("check the"), error.message);
        return true;
      });
      const { ocipeek } = await import("../lib/cli.mjs");
      const args = ["cat", reference, FILE, "--platform", platform, "--username", USER, "--password-stdin"];
      const refused = await ocipeek(args, { input: PASSWORD });
      assert.equal(refused.code, 3);
      assert.match(refused.stderr, /another host; name its host with --token-host if you trust it/);
      const listed = [...args, "--token-host", host.replace("127.0.0.1", "localhost")];
      const allowed = await ocipeek(listed, { input: PASSWORD });
      assert.equal(allowed.code, 0, allowed.stderr);
    } finally {
      await stop();
    }
  });

  test("for requests of one's own: a fetch that signs in, with what Docker's config says", async () => {
    const repository = `${bearer.host}/${REPOSITORY}`;
    const encoded = Buffer.from(`${USER}:${PASSWORD}`).toString("base64");
    const config = dockerConfigAuth(JSON.stringify({ auths: { [bearer.host]: { auth: encoded } } }));
    const kept = new Map();
    const options = { auth: config, tokenHosts: tokenHosts(), tokens: kept };
    const registry = registryFetch(repository, options);
    const { tags } = JSON.parse(await textOf(await registry("tags/list")));
    assert.ok(tags.includes("latest"));
    const { authorization, renewAt } = kept.get(repository);
    assert.ok(renewAt > Date.now() + 200_000 && renewAt < Date.now() + 300_000);
    // The token is used by a later one, which has no credentials; nobody else may set it.
    const asked = [];
    const fetch = async (url, init) => {
      asked.push(`${init.method} ${new URL(url).pathname} ${init.headers.authorization}`);
      return globalThis.fetch(url, init);
    };
    const later = registryFetch(repository, { tokens: kept, fetch });
    const again = await later("tags/list", { headers: { Authorization: "Basic eDp5" } });
    assert.deepEqual(JSON.parse(await textOf(again)).tags, tags);
    assert.deepEqual(asked, [`GET /v2/${REPOSITORY}/tags/list ${authorization}`]);
    // Any status is an answer.
    const missing = await registry("manifests/nowhere");
    assert.equal(missing.status, 404);
    const error = await registry.failure(missing, "the manifest");
    assert.ok(error instanceof OcipeekError);
    assert.deepEqual([error.code, error.status, error.reference], ["NOT_FOUND", 404, repository]);
    assert.match(error.message, /^NOT_FOUND: the manifest: .*MANIFEST_UNKNOWN/);

    await assert.rejects(registryFetch(repository)("tags/list"), { code: "UNAUTHORIZED" });
    await assert.rejects(registryFetch("not/../a/repository")("tags/list"), { code: "INVALID_REFERENCE" });
    await assert.rejects(registry("tags/list", { signal: AbortSignal.abort() }), { code: "ABORTED" });
    assert.equal(config("ghcr.io"), undefined);
    assert.throws(() => dockerConfigAuth("{s3cret"), { code: "INVALID_ARGUMENT", message: /^(?!.*s3cret)/ });
  });

  test("the command takes a password from standard input, and Docker's config.json", async () => {
    const { ocipeek } = await import("../lib/cli.mjs");
    const given = await ocipeek(
      ["cat", reference(basic), FILE, "--platform", platform, "--username", USER, "--password-stdin"],
      { input: `${PASSWORD}\n` },
    );
    assert.equal(given.code, 0, given.stderr);
    assert.equal(given.stdout.length, 2566);
    const { tempFolder } = await import("../lib/processes.mjs");
    const { writeFileSync } = await import("node:fs");
    const folder = tempFolder("config");
    const encoded = Buffer.from(`${USER}:${PASSWORD}`).toString("base64");
    writeFileSync(
      `${folder.path}/config.json`,
      JSON.stringify({ auths: { [basic.host]: { auth: encoded } } }),
    );
    const found = await ocipeek(["cat", reference(basic), FILE, "--platform", platform], {
      env: { DOCKER_CONFIG: folder.path },
    });
    assert.equal(found.code, 0, found.stderr);
    assert.equal(found.stdout.length, 2566);
    const none = await ocipeek(["cat", reference(basic), FILE, "--platform", platform], {
      env: { DOCKER_CONFIG: "/nonexistent" },
    });
    assert.notEqual(none.code, 0);
    assert.match(none.stderr, /UNAUTHORIZED|credentials/i);
    folder.remove();
  });
});
