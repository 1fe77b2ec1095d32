// A private registry behind the worker in workerd: what one caller may read, and what others then may.
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { DEMO, pushLayout, REPOSITORY, startDockerRegistry } from "../lib/docker-registry.mjs";
import { tempFolder } from "../lib/processes.mjs";
import { layout } from "../lib/variants.mjs";
import { startWorker } from "../lib/worker.mjs";

const USER = "reader";
const PASSWORD = "open sesame";
/** bcrypt of the password. */
const HTPASSWD = `${USER}:$2b$05$ocipeekocipeekocipeekez2D7lIvrUhywA7cOdCU0YSH2IG/MEBG\n`;
const BASIC = Buffer.from(`${USER}:${PASSWORD}`).toString("base64");
const TAG = ":latest-soci";
const DIGEST = `@${layout.tags.get("latest-soci")}`;
const FILE = "-/etc/services";

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

describe("a private registry", () => {
  let plain;
  let registry;
  let folder;
  let worker;
  before(async () => {
    plain = await startDockerRegistry();
    await pushLayout(plain.host, DEMO, REPOSITORY);
    registry = await startDockerRegistry({ storage: plain.storage, htpasswd: HTPASSWD });
    folder = tempFolder("private");
  });
  after(async () => {
    await worker?.stop();
    await registry?.stop();
    await plain?.stop();
    folder?.remove();
  });

  const restart = async (vars) => {
    await worker?.stop();
    const all = { OCIPEEK_INSECURE_REGISTRIES: registry.host, ...vars };
    worker = await startWorker({ vars: all, folder: folder.path });
  };
  const get = async (path, authorization = undefined, method = "GET") => {
    const headers = authorization ? { authorization } : {};
    const url = `${worker.url}/${registry.host}/${REPOSITORY}${path}`;
    const answer = await fetch(url, { method, headers });
    return { status: answer.status, headers: answer.headers, text: await answer.text() };
  };
  /** Values in the platform's cache. */
  const cached = () =>
    readdirSync(folder.path, { recursive: true }).filter((name) => /[/\\]blobs[/\\]./.test(String(name)));

  /** Every way in which the image could be asked for by somebody who may not read it. */
  const assertClosed = async (authorization = undefined) => {
    for (const image of [TAG, DIGEST]) {
      for (const path of ["/", `/${FILE}`, "/-/", "/-/etc/?recursive", "/-/etc/?tar"]) {
        for (const method of ["GET", "HEAD"]) {
          const answer = await get(`${image}${path}`, authorization, method);
          assert.equal(answer.status, 401, `${method} ${image}${path}: ${answer.text.slice(0, 200)}`);
          assert.equal(answer.headers.get("x-ocipeek-error"), "UNAUTHORIZED");
          assert.equal(answer.headers.get("cache-control"), "no-store");
        }
      }
    }
  };

  test("is closed to who has no credentials, before and after somebody with some has read it", async () => {
    await restart({ OCIPEEK_PASS_AUTHORIZATION: "true" });
    await assertClosed();
    for (const image of [TAG, DIGEST]) {
      for (const path of ["/", `/${FILE}`, "/-/etc/"]) {
        const answer = await get(`${image}${path}`, `Basic ${BASIC}`);
        assert.equal(answer.status, 200, answer.text);
        assert.match(answer.headers.get("cache-control"), /^private\b/);
        assert.match(answer.headers.get("vary"), /authorization/i);
      }
    }
    await assertClosed();
    await assertClosed(`Basic ${Buffer.from(`${USER}:wrong`).toString("base64")}`);
    await assertClosed(`Bearer ${BASIC}`);
    await sleep(2000);
    assert.deepEqual(cached(), [], "nothing of it is in the cache");
    await restart({ OCIPEEK_PASS_AUTHORIZATION: "true" });
    await assertClosed();
  });

  test("is open by the operator's credentials, which are nowhere to be seen", async () => {
    const auths = { [registry.host]: { auth: BASIC } };
    await restart({ OCIPEEK_DOCKER_CONFIG: JSON.stringify({ auths }) });
    const answer = await get(`${TAG}/${FILE}`);
    assert.equal(answer.status, 200, worker.output());
    const missing = await get(":no-such-tag/-/x");
    assert.equal(missing.status, 404);
    // The caller's own are not looked at unless the configuration says so.
    assert.equal((await get(`${TAG}/${FILE}`, "Basic d3Jvbmc6d3Jvbmc=")).status, 200);
    const said = JSON.stringify([answer, missing].map((a) => [a.text, ...a.headers])) + worker.output();
    // wrangler lists variables at its start, where a secret would be in a file.
    const ours = said.split("\n").filter((line) => !line.includes("OCIPEEK_DOCKER_CONFIG"));
    for (const secret of [PASSWORD, BASIC]) assert.ok(!ours.join("\n").includes(secret));
    await sleep(2000);
    assert.ok(cached().length > 0, "what all callers may read is kept");
  });
});
