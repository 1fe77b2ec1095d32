// Docker's config.json and credential helpers, as programs on the path.
import assert from "node:assert/strict";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { credentialFiles, dockerAuth } from "../../dist/js/node/index.js";
import { DockerConfig, parseHelperOutput } from "../../dist/js/registry/docker-config.js";
import { tempFolder } from "../lib/processes.mjs";

const basic = (username, password) => ({ username, password });
const given = (credentials) => JSON.parse(JSON.stringify(credentials ?? null));

/** Whether an error keeps its secrets. @type {(e: any) => boolean} */
const silent = (e) => e.code === "INVALID_ARGUMENT" && !/s3cret|czNj/.test(String(e.stack));

const table = (name) =>
  JSON.parse(readFileSync(new URL(`../fixtures/credentials/${name}`, import.meta.url), "utf8"));

describe("config.json and auth.json: the table that the crate has too", () => {
  for (const { name, config: text, ask } of table("cases.json")) {
    test(name, () => {
      for (const { registry, repository, find } of ask) {
        const what = `${registry}/${repository}`;
        const look = () => {
          const config = new DockerConfig(text);
          const helper = config.helper(registry);
          if (helper === undefined) return given(config.stored(registry, repository));
          const stored = config.stored(registry, repository);
          return { helper, ...(stored ? { stored: given(stored) } : {}) };
        };
        if (find?.error) {
          const failed = (e) =>
            silent(e) && e.message === `INVALID_ARGUMENT: the file with credentials: ${find.error}`;
          assert.throws(look, failed, what);
        } else assert.deepEqual(look(), find, what);
      }
    });
  }

  for (const { name, output, find } of table("helpers.json")) {
    test(`a helper's output: ${name}`, () => {
      if (find?.error) {
        const failed = (e) => silent(e) && e.message.endsWith(`the credential helper ${find.error}`);
        assert.throws(() => parseHelperOutput(output), failed);
      } else assert.deepEqual(given(parseHelperOutput(output)), find);
    });
  }
});

describe("credential helpers", () => {
  let folder;
  const path = process.env.PATH;
  before(() => {
    folder = tempFolder("helpers");
    process.env.PATH = `${folder.path}:${path}`;
    const helper = (name, script) => {
      const file = join(folder.path, `docker-credential-${name}`);
      writeFileSync(file, `#!/bin/sh\n${script}\n`);
      chmodSync(file, 0o755);
    };
    helper(
      "good",
      `read -r server; printf '%s %s' "$1" "$server" >"${folder.path}/asked"
printf '{"ServerURL":"%s","Username":"u","Secret":"p"}' "$server"`,
    );
    helper("none", "echo credentials not found in native keychain; exit 1");
    helper("broken", "echo s3cret; exit 3");
    helper("chatter", `echo WARNING: {a new version}; printf '{"Username":"u","Secret":"p"}\\nbye\\n'`);
    helper("talks", "echo my s3cret");
    helper("killed", "kill -9 $$");
    helper("endless", "while :; do echo s3cret s3cret s3cret s3cret s3cret; done");
  });
  after(() => {
    process.env.PATH = path;
    folder.remove();
  });

  const ask = (config, registry) => {
    const configFile = join(folder.path, "config.json");
    writeFileSync(configFile, JSON.stringify(config));
    return dockerAuth({ configFile })(registry);
  };

  test("is asked by get, with the registry on its input", async () => {
    assert.deepEqual(await ask({ credsStore: "good" }, "docker.io"), basic("u", "p"));
    assert.equal(readFileSync(join(folder.path, "asked"), "utf8"), "get https://index.docker.io/v1/");
    await ask({ credHelpers: { "ghcr.io": "good" } }, "ghcr.io");
    assert.equal(readFileSync(join(folder.path, "asked"), "utf8"), "get ghcr.io");
  });

  test("one that knows nothing leaves it to the file", async () => {
    assert.equal(await ask({ credsStore: "none" }, "ghcr.io"), undefined);
    const auths = { "ghcr.io": basic("u", "f") };
    assert.deepEqual(given(await ask({ credsStore: "none", auths }, "ghcr.io")), basic("u", "f"));
  });

  test("one that fails is an error that says how, without its output", async () => {
    /** @type {[string, RegExp][]} */
    const failing = [
      [
        "broken",
        /docker-credential-broken failed with exit code 3; try: echo ghcr\.io \| docker-credential-broken get$/,
      ],
      ["missing", /there is no program docker-credential-missing on the PATH/],
      ["endless", /docker-credential-endless printed more than 1048576 bytes/],
      ["talks", /docker-credential-talks printed something else than credentials/],
      ["killed", /docker-credential-killed was ended by SIGKILL/],
    ];
    for (const [name, why] of failing) {
      const failed = (e) => e.code === "UNAUTHORIZED" && why.test(e.message) && !/s3cret/.test(e.message);
      await assert.rejects(ask({ credsStore: name }, "ghcr.io"), failed, name);
    }
  });

  test("one that talks besides is understood, and what the file has goes before one that fails", async () => {
    assert.deepEqual(await ask({ credsStore: "chatter" }, "ghcr.io"), basic("u", "p"));
    const auths = { "ghcr.io": basic("u", "f") };
    for (const credsStore of ["broken", "missing"]) {
      assert.deepEqual(given(await ask({ credsStore, auths }, "ghcr.io")), basic("u", "f"));
    }
  });

  test("a missing file is no error", async () => {
    assert.equal(await dockerAuth({ configFile: join(folder.path, "none.json") })("ghcr.io"), undefined);
  });

  test("a file that cannot be read is named, without its content", async () => {
    const configFile = join(folder.path, "broken.json");
    writeFileSync(configFile, '{"auths": s3cret');
    const failed = (e) =>
      e.code === "UNAUTHORIZED" && e.message.includes("broken.json") && /it is not JSON$/.test(e.message);
    await assert.rejects(
      dockerAuth({ configFile })("ghcr.io"),
      (/** @type {any} */ e) => failed(e) && !/s3cret/.test(e.stack),
    );
    mkdirSync(join(folder.path, "folder"));
    await assert.rejects(dockerAuth({ configFile: join(folder.path, "folder") })("ghcr.io"), /EISDIR/);
  });
});

describe("the places of podman and Docker", () => {
  let folder;
  const names = ["REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "DOCKER_CONFIG"];
  const before_ = Object.fromEntries(names.map((name) => [name, process.env[name]]));
  before(() => {
    folder = tempFolder("places");
    for (const name of ["run/containers", "config/containers", "docker"]) {
      mkdirSync(join(folder.path, name), { recursive: true });
    }
  });
  after(() => {
    for (const name of names) {
      if (before_[name] === undefined) delete process.env[name];
      else process.env[name] = before_[name];
    }
    folder.remove();
  });
  const put = (file, auths) => writeFileSync(join(folder.path, file), JSON.stringify({ auths }));

  test("in their order, the first that has some", async () => {
    process.env.XDG_RUNTIME_DIR = join(folder.path, "run");
    process.env.XDG_CONFIG_HOME = join(folder.path, "config");
    process.env.DOCKER_CONFIG = join(folder.path, "docker");
    delete process.env.REGISTRY_AUTH_FILE;
    put("run/containers/auth.json", { "a.test": basic("run", "1"), "b.test": {} });
    put("config/containers/auth.json", { "a.test": basic("config", "2"), "b.test/x": basic("path", "2") });
    put("docker/config.json", { "a.test": basic("docker", "3"), "b.test": basic("docker", "3") });
    const find = async (registry, repository) =>
      given(await dockerAuth()(registry, repository))?.username ?? null;
    assert.equal(await find("a.test", "x"), "run");
    assert.equal(await find("b.test", "x/y"), "path");
    assert.equal(await find("b.test", "y"), "docker");
    assert.equal(await find("c.test", "y"), null);
    // One that is broken does not stop the others; where none has any, it is told.
    writeFileSync(join(folder.path, "run/containers/auth.json"), "{");
    assert.equal(await find("a.test", "x"), "config");
    await assert.rejects(find("c.test", "x"), /run\/containers\/auth\.json.*it is not JSON/);
    process.env.REGISTRY_AUTH_FILE = join(folder.path, "docker/config.json");
    assert.equal(await find("a.test", "x"), "docker");
    assert.equal(await find("c.test", "x"), null);
  });

  test("by default", () => {
    const home = homedir();
    const uid = process.getuid?.();
    assert.deepEqual(credentialFiles({ XDG_RUNTIME_DIR: "not/absolute", XDG_CONFIG_HOME: "" }), [
      ...(uid === undefined ? [] : [`/run/containers/${uid}/auth.json`]),
      join(home, ".config", "containers", "auth.json"),
      join(home, ".docker", "config.json"),
    ]);
    assert.deepEqual(credentialFiles({ REGISTRY_AUTH_FILE: "/a.json", DOCKER_CONFIG: "/b" }), ["/a.json"]);
  });
});
