// Docker's config.json and credential helpers, as programs on the path.
import assert from "node:assert/strict";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { DockerConfig, parseHelperOutput } from "../../dist/js/docker-config.js";
import { dockerAuth } from "../../dist/js/node/index.js";
import { tempFolder } from "../lib/processes.mjs";

const base64 = (text) => Buffer.from(text).toString("base64");
const basic = (username, password) => ({ username, password });
const given = (credentials) => JSON.parse(JSON.stringify(credentials ?? null));

/** Whether an error keeps its secrets. @type {(e: any) => boolean} */
const silent = (e) => e.code === "INVALID_ARGUMENT" && !/s3cret|czNj/.test(String(e.stack));

const CONFIG = JSON.stringify({
  HttpHeaders: { "User-Agent": "x" },
  auths: {
    "https://index.docker.io/v1/": { auth: base64("hub:h") },
    "ghcr.io": { auth: base64("user:pa:ss"), email: "a@b" },
    "https://quay.io/v1/": { auth: base64("old:o") },
    "azure.example": { auth: base64("t:x"), identitytoken: "refresh" },
    "bearer.example": { registrytoken: "tok" },
    "localhost:5000": basic("u", "p"),
    "empty.example": {},
  },
  credHelpers: { "gcr.io": "gcloud", "evil.example": "../../bin/sh" },
});

describe("config.json", () => {
  const config = new DockerConfig(CONFIG);
  test("finds what the file holds", () => {
    assert.deepEqual(given(config.stored("docker.io")), basic("hub", "h"));
    assert.deepEqual(given(config.stored("ghcr.io")), basic("user", "pa:ss"));
    assert.deepEqual(given(config.stored("quay.io")), basic("old", "o"));
    assert.deepEqual(given(config.stored("localhost:5000")), basic("u", "p"));
    assert.deepEqual(given(config.stored("azure.example")), { ...basic("t", "x"), identityToken: "refresh" });
    assert.deepEqual(given(config.stored("bearer.example")), { registryToken: "tok" });
    for (const none of ["empty.example", "localhost", "localhost:5001", "io", "", "__proto__"]) {
      assert.equal(config.stored(none), undefined, none);
    }
  });

  test("names helpers, but none with a path", () => {
    assert.equal(config.helper("gcr.io"), "gcloud");
    assert.equal(config.helper("evil.example"), undefined);
    const store = new DockerConfig(
      '{"credsStore":"desktop","credHelpers":{"https://index.docker.io/v1/":"hub"}}',
    );
    assert.equal(store.helper("a.example"), "desktop");
    assert.equal(store.helper("docker.io"), "hub");
  });

  test("errors quote nothing", () => {
    for (const text of [
      '{"auths": s3cret',
      "[]",
      '{"auths":{"a":{"auth":"s3cret!"}}}',
      '{"auths":{"a":{"auth":"czNjcmV0"}}}',
    ]) {
      assert.throws(() => new DockerConfig(text), silent);
    }
    assert.equal(new DockerConfig(" ").stored("a"), undefined);
    assert.equal(new DockerConfig('{"auths":null,"credHelpers":7}').stored("a"), undefined);
  });

  test("the output of helpers", () => {
    assert.deepEqual(parseHelperOutput('{"ServerURL":"x","Username":"u","Secret":"p"}\n'), basic("u", "p"));
    assert.deepEqual(parseHelperOutput('{"Username":"<token>","Secret":"r"}'), { identityToken: "r" });
    for (const none of ["", "credentials not found in native keychain\n", '{"Username":"","Secret":""}']) {
      assert.equal(parseHelperOutput(none), undefined);
    }
    for (const bad of ["s3cret", '"s3cret"', "{"]) {
      assert.throws(() => parseHelperOutput(bad), silent);
    }
  });
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

  test("one that fails, is missing or says too much is an error without its output", async () => {
    for (const name of ["broken", "missing", "endless"]) {
      const failed = (e) =>
        e.code === "UNAUTHORIZED" && e.message.includes(name) && !/s3cret/.test(e.message);
      await assert.rejects(ask({ credsStore: name }, "ghcr.io"), failed);
    }
  });

  test("a missing file is no error", async () => {
    assert.equal(await dockerAuth({ configFile: join(folder.path, "none.json") })("ghcr.io"), undefined);
  });
});
