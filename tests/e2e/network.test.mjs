// TLS on this machine, certificates and proxies, as the command, the package and the server meet them.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { open, openSource, parseReference } from "ocipeek";
import { proxyFetch } from "ocipeek/node";
import { blobOf, registryDestination } from "ocipeek/push";
import { serveLayout } from "../../scripts/lib/layout-registry.mjs";
import { commandEnv } from "../lib/cli.mjs";
import { startProxy } from "../lib/connect-proxy.mjs";
import { DEMO, REPOSITORY, startDockerRegistry } from "../lib/docker-registry.mjs";
import { merged } from "../lib/expected.mjs";
import { cliFile } from "../lib/package.mjs";
import { tempFolder } from "../lib/processes.mjs";
import { RUNTIMES, startServe } from "../lib/serve.mjs";
import { AUTHORITY, tlsBefore } from "../lib/tls-front.mjs";

const FILE = "/etc/services";
const WANT = merged().find((line) => line.path === FILE.slice(1)).sha256;
const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");
const platform = "linux/amd64";
const CLEAN = Object.fromEntries(
  ["HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "NODE_EXTRA_CA_CERTS", "NODE_TLS_REJECT_UNAUTHORIZED"].flatMap(
    (name) => [
      [name, undefined],
      [name.toLowerCase(), undefined],
    ],
  ),
);

/** Each release of Node that is here: they bring other versions of `fetch`. */
const nodes = new Map();
for (const folder of [join(process.execPath, ".."), ...(process.env.PATH ?? "").split(delimiter)]) {
  const file = join(folder, "node");
  if (!existsSync(file)) continue;
  const [major = ""] = execFileSync(file, ["-p", "process.versions.node"]).toString().split(".");
  if (Number(major) >= 20 && !nodes.has(major)) nodes.set(major, file);
}

/** An error as the package throws it. @typedef {import("ocipeek").OcipeekError} Failed */

/** Runs the command; nothing of this process's environment concerns its network. */
function command(args, { env = {}, node = process.execPath } = {}) {
  return new Promise((resolve, reject) => {
    const own = commandEnv({ ...CLEAN, ...env });
    const child = spawn(node, [cliFile(), ...args], { env: own.env, stdio: ["ignore", "pipe", "pipe"] });
    const [out, err] = [[], []];
    child.stdout.on("data", (d) => out.push(d));
    child.stderr.on("data", (d) => err.push(d));
    child.on("error", reject);
    child.on("close", (code) => {
      own.remove();
      resolve({ code, sum: sha256(Buffer.concat(out)), stderr: Buffer.concat(err).toString() });
    });
  });
}

describe("a registry with TLS on this machine", () => {
  const seen = [];
  let plain;
  let tls;
  before(async () => {
    plain = await serveLayout({ dir: DEMO, repository: REPOSITORY, onRequest: ({ url }) => seen.push(url) });
    tls = await tlsBefore(plain.host);
  });
  after(async () => {
    await tls?.stop();
    await plain?.close();
  });
  const name = () => `${tls.host}/${REPOSITORY}:latest-soci`;
  const cat = (reference, ...more) => ["cat", reference, FILE, "--platform", platform, ...more];

  for (const [major, node] of nodes) {
    test(`is read where its certificate is trusted, under Node ${major}`, async () => {
      /** @type {[string[], object][]} */
      const ways = [
        [["--ca-file", AUTHORITY], {}],
        [[], { NODE_EXTRA_CA_CERTS: AUTHORITY }],
        [["--insecure-skip-tls-verify"], {}],
      ];
      for (const [args, env] of ways) {
        const { code, sum, stderr } = await command(cat(name(), ...args), { env, node });
        assert.deepEqual([code, sum], [0, WANT], `${args} ${stderr}`);
        assert.equal(stderr, "");
      }
    });

    test(`is an error where it is not, and nothing is asked in the open, under Node ${major}`, async () => {
      seen.length = 0;
      const { code, stderr } = await command(cat(name()), { node });
      assert.equal(code, 3);
      assert.match(stderr, /NETWORK: no answer from localhost:\d+.*certificate/);
      assert.equal(seen.length, 0);
    });
  }

  test("is asked once for each process, as a request that is listed", async () => {
    const other = await tlsBefore(plain.host);
    const fetch = proxyFetch({ env: {}, caFile: AUTHORITY });
    const roots = (image) => image.stats.log.filter((it) => it.target.endsWith("/v2/"));
    try {
      const opened = async () => open(`${other.host}/${REPOSITORY}:latest-soci`, { platform, fetch });
      const [first, second] = [await opened(), await opened()];
      assert.deepEqual(
        roots(first).map(({ purpose, status, target }) => [purpose, status, target]),
        [["ping", 200, `https://${other.host}/v2/`]],
      );
      assert.deepEqual(roots(second), []);
      assert.ok(second.stats.log.every((it) => it.target.startsWith(`https://${other.host}/`)));
      assert.equal(sha256(await second.readFile(FILE)), WANT);
    } finally {
      await other.stop();
    }
  });

  test("one without is asked once too, https first", async () => {
    const other = await serveLayout({ dir: DEMO, repository: REPOSITORY });
    try {
      const reference = `${other.host}/${REPOSITORY}:latest-soci`;
      const first = await open(reference, { platform });
      // Else the second shares what is known of it.
      await first.close();
      const second = await open(reference, { platform });
      const lines = (image) => image.stats.log.map((it) => `${it.purpose} ${it.target} ${it.status}`);
      assert.equal(lines(first)[0], `ping https://${other.host}/v2/ 0`);
      assert.equal(first.stats.requests, second.stats.requests + 1);
      assert.deepEqual(lines(first).slice(1), lines(second));
      assert.ok(lines(second).every((line) => line.includes(` http://${other.host}/`)));
      const { code, sum, stderr } = await command(cat(reference, "--stats"));
      assert.deepEqual([code, sum], [0, WANT]);
      assert.equal(stderr.split("\n").filter((line) => line.startsWith("ping ")).length, 1, stderr);
    } finally {
      await other.close();
    }
  });

  test("the scheme of a reference and --plain-http force", async () => {
    const forced = { platform, fetch: proxyFetch({ env: {}, caFile: AUTHORITY }) };
    const image = await open(`https://${name()}`, forced);
    assert.equal(image.name, `${tls.host}/${REPOSITORY}`);
    assert.ok(image.stats.log.every((it) => it.target.startsWith(`https://${tls.host}/v2/${REPOSITORY}/`)));
    const plainly = `${plain.host}/${REPOSITORY}@${image.indexDigest}`;
    /** @type {[string, object][]} */
    const plainWays = [
      [`http://${plainly}`, {}],
      [plainly, { plainHttp: true }],
    ];
    for (const [reference, options] of plainWays) {
      const { log } = (await open(reference, { platform, ...options })).stats;
      assert.ok(log.every((it) => it.target.startsWith(`http://${plain.host}/v2/${REPOSITORY}/`)));
    }
    for (const args of [
      cat(`http://${plain.host}/${REPOSITORY}:latest-soci`),
      cat(`${plain.host}/${REPOSITORY}:latest-soci`, "--plain-http"),
    ]) {
      const { code, sum, stderr } = await command([...args, "--stats"]);
      assert.deepEqual([code, sum, stderr.includes("ping ")], [0, WANT, false]);
    }
    // Against its nature.
    assert.equal((await command(cat(`https://${plain.host}/${REPOSITORY}:latest-soci`))).code, 3);
    assert.equal((await command(cat(`http://${name()}`, "--ca-file", AUTHORITY))).code, 3);
    assert.deepEqual(
      { ...(await parseReference("https://localhost:5000/a/b:1")) },
      { host: "localhost:5000", registry: "localhost:5000", repository: "a/b", tag: "1", scheme: "https" },
    );
  });

  test("without a tag or digest at its end a URL is a layout's", async () => {
    const isNoLayout = (/** @type {Failed} */ e) =>
      e.code === "NOT_FOUND" && /layout.*a URL is a reference/.test(e.message);
    const source = async (url) => (await openSource(url)).repository;
    assert.equal(await source(`https://${tls.host}/a/b:1`), "a/b");
    assert.equal(await source(`https://${tls.host}/a@sha256:${"0".repeat(64)}`), "a");
    for (const url of [`http://${plain.host}/a`, `http://${plain.host}/a#1`, `http://${plain.host}/a/`]) {
      await assert.rejects(open(url), isNoLayout, url);
    }
    const object = new URL(`http://${plain.host}/a:1`);
    await assert.rejects(open(object), isNoLayout);
  });

  test("takes a push", async () => {
    const registry = await startDockerRegistry({ relative: true });
    const front = await tlsBefore(registry.host);
    try {
      const fetch = proxyFetch({ env: {}, caFile: AUTHORITY });
      for (const target of [`${front.host}/a`, `https://${front.host}/b`]) {
        const destination = await registryDestination(target, { fetch });
        const bytes = new TextEncoder().encode(target);
        assert.equal(await destination.putBlob(await blobOf(bytes)), "uploaded");
        const stored = await globalThis.fetch(
          `http://${registry.host}/v2/${target.at(-1)}/blobs/sha256:${sha256(bytes)}`,
        );
        assert.equal(await stored.text(), target);
      }
      // One without TLS, without being told.
      const destination = await registryDestination(`${registry.host}/c`);
      assert.equal(await destination.putBlob(await blobOf(new TextEncoder().encode("c"))), "uploaded");
    } finally {
      await front.stop();
      await registry.stop();
    }
  });

  test("is served", async () => {
    for (const args of [["--ca-file", AUTHORITY], ["--insecure-skip-tls-verify"]]) {
      const listed = ["--insecure-registry", `https://${tls.host}`];
      const server = await startServe(RUNTIMES.node, [...listed, ...args], CLEAN);
      try {
        const file = await fetch(`${server.url}/${name()}/-${FILE}?platform=${platform}`);
        assert.equal(file.status, 200, server.log());
        assert.equal(sha256(Buffer.from(await file.arrayBuffer())), WANT);
        const manifest = `${server.url}/-/v2/${tls.host}/${REPOSITORY}/manifests/latest-soci`;
        assert.equal((await fetch(manifest)).status, 200, server.log());
      } finally {
        await server.stop();
      }
    }
  });
});

describe("proxies of the environment", () => {
  let plain;
  let tls;
  let proxy;
  before(async () => {
    plain = await serveLayout({ dir: DEMO, repository: REPOSITORY });
    tls = await tlsBefore(plain.host);
    const port = Number(plain.host.split(":")[1]);
    const hosts = { "registry.test:443": tls.port, "registry.test:5443": tls.port, "registry.test:80": port };
    proxy = await startProxy(hosts, { credentials: "u:p%40ss" });
  });
  after(async () => {
    await proxy?.stop();
    await tls?.stop();
    await plain?.close();
  });
  const cat = (host, ...more) => {
    const reference = `${host}/${REPOSITORY}:latest-soci`;
    return ["cat", reference, FILE, "--platform", platform, "--ca-file", AUTHORITY, ...more];
  };
  const url = () => proxy.url.replace("http://", "http://u:p%2540ss@");

  for (const [major, node] of nodes) {
    test(`by CONNECT and by whole URLs, under Node ${major}`, async () => {
      for (const name of ["HTTPS_PROXY", "https_proxy"]) {
        const env = { [name]: url(), HTTP_PROXY: "http://127.0.0.1:1" };
        const { code, sum, stderr } = await command(cat("registry.test"), { env, node });
        assert.deepEqual([code, sum], [0, WANT], stderr);
        const asked = proxy.asked();
        assert.deepEqual([...new Set(asked)], ["CONNECT registry.test:443"]);
        // Connections are used again.
        assert.ok(asked.length <= 4, String(asked.length));
      }
      const env = { HTTP_PROXY: url(), HTTPS_PROXY: "http://127.0.0.1:1" };
      const { code, sum, stderr } = await command(cat("registry.test", "--plain-http"), { env, node });
      assert.deepEqual([code, sum], [0, WANT], stderr);
      const asked = proxy.asked();
      assert.ok(asked.length > 4 && asked.every((line) => line.startsWith("GET http://registry.test/v2/")));
    });
  }

  test("not for this machine, not what NO_PROXY has, and not HTTP_PROXY in a CGI program", async () => {
    const all = { HTTPS_PROXY: url(), HTTP_PROXY: url() };
    const local = await command(cat(tls.host), { env: all });
    assert.deepEqual([local.code, local.sum], [0, WANT], local.stderr);
    for (const NO_PROXY of ["registry.test", ".test", "*", "a.test, registry.test:443"]) {
      const { code, stderr } = await command(cat("registry.test"), { env: { ...all, NO_PROXY } });
      assert.equal(code, 3);
      assert.match(stderr, /registry\.test/);
    }
    const cgi = { HTTP_PROXY: url(), REQUEST_METHOD: "GET" };
    assert.equal((await command(cat("registry.test", "--plain-http"), { env: cgi })).code, 3);
    assert.deepEqual(proxy.asked(), []);
    const other = { ...all, NO_PROXY: "other.test,registry.test:80" };
    assert.equal((await command(cat("registry.test:5443"), { env: other })).sum, WANT);
    assert.ok(proxy.asked().length > 0);
  });

  test("a refusal names the proxy, and no password", async () => {
    const wrong = proxy.url.replace("http://", "http://u:s3cret@");
    /** @type {[object, RegExp][]} */
    const refusals = [
      [{ HTTPS_PROXY: wrong }, /the proxy 127\.0\.0\.1:\d+ answers 407 to CONNECT/],
      [{ HTTPS_PROXY: "http://u:s3cret@127.0.0.1:1" }, /the proxy 127\.0\.0\.1:1 cannot be reached/],
      [{ HTTPS_PROXY: "socks5://u:s3cret@127.0.0.1:1" }, /the proxy of HTTPS_PROXY is of the kind socks5:/],
    ];
    for (const [env, why] of refusals) {
      const { code, stderr } = await command(cat("registry.test", "--limit", "maxAttempts=1"), { env });
      assert.ok(code === 3 || code === 2, String(code));
      assert.match(stderr, why);
      assert.doesNotMatch(stderr, /s3cret/);
    }
    proxy.asked();
  });

  test("of the server, and of a program by the package", async () => {
    const env = { ...CLEAN, HTTPS_PROXY: url() };
    const args = ["--registry", "registry.test", "--ca-file", AUTHORITY];
    const server = await startServe(RUNTIMES.node, args, env);
    try {
      const file = await fetch(`${server.url}/registry.test/${REPOSITORY}:latest-soci/-${FILE}`);
      assert.equal(file.status, 200, server.log());
      assert.equal(sha256(Buffer.from(await file.arrayBuffer())), WANT);
      assert.deepEqual([...new Set(proxy.asked())], ["CONNECT registry.test:443"]);
    } finally {
      await server.stop();
    }
    const own = proxyFetch({ env: { https_proxy: url() }, caFile: AUTHORITY });
    const image = await open(`registry.test/${REPOSITORY}:latest-soci`, { platform, fetch: own });
    assert.equal(sha256(await image.readFile(FILE)), WANT);
    assert.deepEqual([...new Set(proxy.asked())], ["CONNECT registry.test:443"]);
    // It can be stopped.
    const stop = new AbortController();
    const late = open(`registry.test/${REPOSITORY}:latest-soci`, { fetch: own, signal: stop.signal });
    stop.abort();
    await assert.rejects(late, { code: "ABORTED" });
  });
});

describe("credentials that cannot be had", () => {
  let plain;
  let locked;
  let folder;
  before(async () => {
    folder = tempFolder("no-credentials");
    plain = await serveLayout({ dir: DEMO, repository: REPOSITORY });
    const password = "reader:$2b$05$ocipeekocipeekocipeekez2D7lIvrUhywA7cOdCU0YSH2IG/MEBG\n";
    locked = await startDockerRegistry({ htpasswd: password });
  });
  after(async () => {
    await locked?.stop();
    await plain?.close();
    folder?.remove();
  });

  test("stop nothing that needs none, and are told where some are wanted", async () => {
    /** @type {[string, RegExp][]} */
    const broken = [
      ['{"credsStore":"missing"}', /there is no program docker-credential-missing on the PATH/],
      ['{"auths":', /config\.json.*it is not JSON/],
      [
        JSON.stringify({ auths: { [locked.host]: { auth: "s3cret!" } } }),
        /the "auth" of 127\.0\.0\.1:\d+ is not/,
      ],
    ];
    for (const [config, why] of broken) {
      writeFileSync(join(folder.path, "config.json"), config);
      const env = { DOCKER_CONFIG: folder.path, XDG_CONFIG_HOME: folder.path, XDG_RUNTIME_DIR: folder.path };
      const cat = (host) =>
        command(["cat", `${host}/${REPOSITORY}:latest-soci`, FILE, "--platform", platform], { env });
      const open = await cat(plain.host);
      assert.deepEqual([open.code, open.sum, open.stderr], [0, WANT, ""]);
      const closed = await cat(locked.host);
      assert.equal(closed.code, 3);
      assert.match(closed.stderr, /UNAUTHORIZED: 127\.0\.0\.1:\d+ wants credentials: none could be had: /);
      assert.match(closed.stderr, why);
      assert.doesNotMatch(closed.stderr, /s3cret/);
    }
  });
});
