// A push by skopeo to a real docker-registry, its notification, the index that comes of it, and a lazy read by that.
import assert from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { open } from "ocipeek";
import { ROOT } from "../../scripts/lib/run.mjs";
import { DEMO } from "../lib/docker-registry.mjs";
import { merged } from "../lib/expected.mjs";
import { BEARER, SECRET, SPAN, settings, setUp } from "../lib/hooked-worker.mjs";
import { tempFolder } from "../lib/processes.mjs";
import { RUNTIMES, startServe } from "../lib/serve.mjs";
import { skopeo, skopeoCopy } from "../lib/skopeo.mjs";
import { IMAGE, layout, v1Indexes } from "../lib/variants.mjs";
import { startWorker } from "../lib/worker.mjs";

const USER = "reader";
const PASSWORD = "open sesame";
/** That password at cost 5, a salt of our own choice. */
const HTPASSWD = `${USER}:$2b$05$ocipeekocipeekocipeekez2D7lIvrUhywA7cOdCU0YSH2IG/MEBG\n`;
const V1_TYPE = "application/vnd.amazon.soci.index.v1+json";
const ANNOTATION = "com.amazon.soci.image-layer-digest";
/** A file, and the layer that decides it. */
const [PATH, LAYER] = ["etc/services", 2];

const lines = new Map(merged().map((line) => [line.path, line]));
const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");
const from = (tag) => `oci:${DEMO}:${tag}`;
const layers = layout.manifests.get(IMAGE).json.layers.map(({ digest }) => digest);
/** Layer and zTOC, as AWS's implementation made them with these spans. */
const ztocsOf = (soci) =>
  soci.layers.filter((l) => l.annotations?.[ANNOTATION]).map((l) => [l.annotations[ANNOTATION], l.digest]);
const expectedZtocs = ztocsOf(layout.manifests.get(v1Indexes[0]).json);

/** `ocipeek serve` under a runtime. */
const serve = (name) => (host, hooks, env) =>
  startServe(RUNTIMES[name], [], { ...settings(host, hooks), ...env });

/** The worker in workerd. */
async function inWorkerd(host, hooks, env) {
  const worker = await startWorker({ vars: { ...settings(host, hooks), ...env } });
  return { url: worker.url, log: worker.output, stop: worker.stop };
}

/** The same with a queue and a bucket. */
async function withQueue(host, hooks) {
  const folder = tempFolder("hooks");
  const config = join(folder.path, "wrangler.json");
  const queue = "ocipeek-hooks";
  writeFileSync(
    config,
    JSON.stringify({
      name: "ocipeek",
      main: join(ROOT, "worker", "src", "index.ts"),
      compatibility_date: "2026-08-01",
      compatibility_flags: ["enable_request_signal"],
      queues: {
        producers: [{ binding: "OCIPEEK_QUEUE", queue }],
        consumers: [{ queue, max_batch_size: 1, max_batch_timeout: 1, max_retries: 3 }],
      },
      r2_buckets: [{ binding: "OCIPEEK_BUCKET", bucket_name: "test" }],
    }),
  );
  const worker = await startWorker({
    vars: settings(host, hooks),
    config,
    folder: join(folder.path, "state"),
  });
  const stop = async () => {
    await worker.stop();
    folder.remove();
  };
  return { url: worker.url, log: worker.output, stop };
}

/** An image layout of two platforms, of which the second has another configuration. */
function writePlatforms(folder) {
  cpSync(DEMO, folder, { recursive: true });
  const put = (value, mediaType) => {
    const text = JSON.stringify(value);
    writeFileSync(join(folder, "blobs", "sha256", sha256(text)), text);
    return { mediaType, digest: `sha256:${sha256(text)}`, size: text.length };
  };
  const manifest = layout.manifests.get(IMAGE).json;
  const config = JSON.parse(
    readFileSync(join(DEMO, "blobs", "sha256", manifest.config.digest.slice(7)), "utf8"),
  );
  const mediaType = "application/vnd.oci.image.manifest.v1+json";
  const images = ["amd64", "arm64"].map((architecture) => {
    const own = put({ ...config, architecture }, manifest.config.mediaType);
    return {
      ...put({ ...manifest, mediaType, config: own }, mediaType),
      platform: { os: "linux", architecture },
    };
  });
  const indexType = "application/vnd.oci.image.index.v1+json";
  const index = put({ schemaVersion: 2, mediaType: indexType, manifests: images }, indexType);
  const named = { ...index, annotations: { "org.opencontainers.image.ref.name": "all" } };
  writeFileSync(join(folder, "index.json"), JSON.stringify({ schemaVersion: 2, manifests: [named] }));
}

/** What the jobs came to. */
const summary = (jobs) =>
  jobs
    .map(
      ({ image, status, reason, error }) =>
        `${image.split("/").pop()} ${status} ${reason ?? error?.code ?? ""}`,
    )
    .sort();

/** Reads a file, and checks every request that it took: by the index, one span. */
async function readLazily(reference, soci, expected) {
  // Plain: a registry on this machine is not asked first whether it speaks TLS.
  const options = { platform: "linux/amd64", attachedIndex: true, plainHttp: true };
  const image = await open(reference, options);
  assert.equal(sha256(await image.readFile(`/${PATH}`)), lines.get(PATH).sha256);
  const { log } = image.stats;
  const targets = log.map(({ target }) => /\/v2\/app\/(.*)$/.exec(target)?.[1]);
  const ztocs = ztocsOf(soci).filter(([layer]) => layers.indexOf(layer) >= LAYER);
  assert.deepEqual(
    targets.sort(),
    [...expected, ...ztocs.map(([, digest]) => `blobs/${digest}`), `blobs/${layers[LAYER]}`].sort(),
  );
  const [range, ...more] = log.filter((request) => request.range);
  assert.deepEqual([range.status, more.length], [206, 0]);
  for (const info of image.layers) assert.equal(info.read, "ztoc");
  return image;
}

const V1 = { version: "V1" };
const V2 = { version: "V2" };

for (const [name, start] of [
  ["ocipeek serve", serve("node")],
  ["workerd", inWorkerd],
]) {
  describe(`V1 by ${name}`, () => {
    let it;
    before(async () => {
      it = await setUp(start, V1);
    });
    after(() => it?.stop());

    test("skopeo pushes, the index comes, and what was pushed for it is left alone", async () => {
      await skopeoCopy(from("latest"), `docker://${it.host}/app:v1`);
      const jobs = await it.quiet(2);
      const referrers = await it.manifest(IMAGE.replace(":", "-"));
      assert.equal(referrers.manifests.length, 1);
      const [{ digest, artifactType }] = referrers.manifests;
      assert.equal(artifactType, V1_TYPE);
      // Its own manifest came back as a push, without a tag.
      assert.deepEqual(
        summary(jobs),
        [`app:v1@${IMAGE} done `, `app@${digest} skipped soci`].sort(),
        it.worker.log(),
      );
      const done = jobs.find(({ status }) => status === "done");
      assert.deepEqual([done.kind, done.version, done.tries], ["distribution", "V1", 1]);
      assert.deepEqual(done.pushed, [{ digest }]);
    });

    test("the image is read by it, with the zTOCs that AWS's implementation makes", async () => {
      const referrers = await it.manifest(IMAGE.replace(":", "-"));
      const [{ digest }] = referrers.manifests;
      const soci = await it.manifest(digest);
      assert.deepEqual(ztocsOf(soci), expectedZtocs);
      // No index says for which platform the image is: its config does.
      const { config } = await it.manifest(IMAGE);
      const image = await readLazily(`${it.host}/app:v1`, soci, [
        "manifests/v1",
        `blobs/${config.digest}`,
        `referrers/${IMAGE}`,
        `manifests/${IMAGE.replace(":", "-")}`,
        `manifests/${digest}`,
      ]);
      assert.deepEqual([image.digest, image.soci?.digest], [IMAGE, digest]);
    });

    test("the same push again changes nothing", async () => {
      const stored = it.stored();
      const before = (await it.jobs()).length;
      await skopeoCopy(from("latest"), `docker://${it.host}/app:v1`);
      const jobs = await it.quiet(before + 1);
      assert.equal(jobs.length, before + 1);
      assert.deepEqual(summary(jobs.slice(0, 1)), [`app:v1@${IMAGE} skipped already-indexed`]);
      assert.deepEqual(it.stored(), stored);
    });

    test("another tag of the image, another repository, and one that no filter names", async () => {
      const before = (await it.jobs()).length;
      await skopeoCopy(from("latest"), `docker://${it.host}/app:v2`);
      await skopeoCopy(from("latest"), `docker://${it.host}/other:v1`);
      const jobs = await it.quiet(before + 1);
      assert.equal(jobs.length, before + 1);
      assert.deepEqual(summary(jobs.slice(0, 1)), [`app:v2@${IMAGE} skipped already-indexed`]);
    });
  });
}

for (const [name, start] of [
  ["ocipeek serve", serve("node")],
  ["ocipeek serve under deno", serve("deno")],
  ["ocipeek serve under bun", serve("bun")],
  ["workerd, with a queue and a bucket", withQueue],
]) {
  describe(`V2 by ${name}`, () => {
    let it;
    before(async () => {
      it = await setUp(start, V2);
    });
    after(() => it?.stop());

    test("skopeo pushes, the converted image comes, and no job comes of that", async () => {
      await skopeoCopy(from("latest"), `docker://${it.host}/app:v1`);
      const jobs = await it.quiet(1);
      assert.deepEqual(summary(jobs), [`app:v1@${IMAGE} done `], it.worker.log());
      const tagged = jobs[0].pushed.filter(({ tag }) => tag);
      assert.deepEqual(
        tagged.map(({ tag }) => tag),
        ["v1-soci"],
      );
      // The image itself stays as it is.
      assert.deepEqual(await it.manifest("v1"), layout.manifests.get(IMAGE).json);
      const raw = await skopeo("inspect", "--tls-verify=false", "--raw", `docker://${it.host}/app:v1-soci`);
      assert.equal(`sha256:${sha256(raw)}`, tagged[0].digest);
    });

    test("it is read by its index, with the zTOCs that AWS's implementation makes", async () => {
      const index = await it.manifest("v1-soci");
      const [manifest, soci] = index.manifests;
      const sociJson = await it.manifest(soci.digest);
      assert.deepEqual(ztocsOf(sociJson), expectedZtocs);
      const image = await readLazily(`${it.host}/app:v1-soci`, sociJson, [
        "manifests/v1-soci",
        `manifests/${manifest.digest}`,
        `manifests/${soci.digest}`,
      ]);
      assert.deepEqual([image.digest, image.soci?.digest], [manifest.digest, soci.digest]);
    });

    test("the same push again changes nothing", async () => {
      const stored = it.stored();
      await skopeoCopy(from("latest"), `docker://${it.host}/app:v1`);
      const jobs = await it.quiet(2);
      assert.deepEqual(summary(jobs.slice(0, 1)), [`app:v1@${IMAGE} skipped already-indexed`]);
      assert.equal(jobs.length, 2);
      assert.deepEqual(it.stored(), stored);
    });

    test("a converted image under another tag is left alone", async () => {
      await skopeoCopy(from("latest-soci"), `docker://${it.host}/app:theirs`, { all: true });
      const jobs = await it.quiet(3);
      const [{ image, status, reason }] = jobs;
      assert.match(image, /\/app:theirs@/);
      assert.deepEqual([status, reason], ["skipped", "soci"]);
    });
  });
}

describe("an image for several platforms", () => {
  let it;
  let folder;
  before(async () => {
    folder = tempFolder("platforms");
    it = await setUp(serve("node"), { ...V1, minLayerSize: 1000 });
  });
  after(async () => {
    await it?.stop();
    folder?.remove();
  });

  test("V1: each platform's manifest gets an index, once, however often it is told of", async () => {
    writePlatforms(folder.path);
    await skopeoCopy(`oci:${folder.path}:all`, `docker://${it.host}/app:all`, { all: true });
    // Two manifests by their digests, the index by its tag, and the two SOCI indexes.
    const jobs = await it.quiet(5);
    assert.equal(jobs.length, 5, JSON.stringify(jobs));
    const of = (status, reason) => jobs.filter((job) => job.status === status && job.reason === reason);
    assert.equal(of("skipped", "soci").length, 2);
    assert.equal(of("done").length + of("skipped", "already-indexed").length, 3);
    assert.equal(of("done").flatMap(({ pushed }) => pushed).length, 2);
    for (const { digest } of (await it.manifest("all")).manifests) {
      const { manifests } = await it.manifest(digest.replace(":", "-"));
      assert.deepEqual(
        manifests.map(({ artifactType }) => artifactType),
        [V1_TYPE],
      );
    }
    const image = await open(`${it.host}/app:all`, { platform: "linux/arm64", attachedIndex: true });
    assert.equal(sha256(await image.readFile(`/${PATH}`)), lines.get(PATH).sha256);
    assert.equal(image.soci?.version, "v1");
  });
});

describe("a registry with credentials", () => {
  let it;
  const basic = Buffer.from(`${USER}:${PASSWORD}`).toString("base64");
  before(async () => {
    it = await setUp(inWorkerd, V2, {
      env: (host) => ({ OCIPEEK_DOCKER_CONFIG: JSON.stringify({ auths: { [host]: { auth: basic } } }) }),
      registry: { htpasswd: HTPASSWD },
      headers: { authorization: `Basic ${basic}` },
    });
  });
  after(() => it?.stop());

  test("the operator's are used for reading and for writing", async () => {
    await skopeoCopy(from("latest"), `docker://${it.host}/app:v1`, { credentials: `${USER}:${PASSWORD}` });
    assert.deepEqual(summary(await it.quiet(1)), [`app:v1@${IMAGE} done `], it.worker.log());
    const [, soci] = (await it.manifest("v1-soci")).manifests;
    assert.deepEqual(ztocsOf(await it.manifest(soci.digest)), expectedZtocs);
    assert.ok(!it.worker.log().includes(basic) && !it.worker.log().includes(PASSWORD));
  });
});

describe("who may notify", () => {
  let it;
  before(async () => {
    it = await setUp(serve("node"), { ...V2, maxBody: 20_000, maxLayerSize: 3_000_000 });
  });
  after(() => it?.stop());
  const post = async (body, headers = {}) => {
    const answer = await fetch(`${it.worker.url}/hooks/distribution`, { method: "POST", body, headers });
    return { status: answer.status, text: await answer.text() };
  };

  test("nobody without the secret", async () => {
    assert.equal((await post("{}")).status, 401);
    assert.equal((await post("{}", { authorization: "Bearer 0123456789abcdef-of-the-other" })).status, 401);
    assert.equal((await fetch(`${it.worker.url}/hooks/jobs`)).status, 401);
    assert.equal((await post("{}", { authorization: BEARER })).status, 400);
    assert.equal((await post("x".repeat(20_001), { authorization: BEARER })).status, 413);
    // The body comes to an end that was not told before.
    const stream = new Blob(["x".repeat(60_000)]).stream();
    const init = { method: "POST", body: stream, duplex: "half", headers: { authorization: BEARER } };
    const answer = await fetch(`${it.worker.url}/hooks/distribution`, init).catch(() => ({ status: 413 }));
    assert.equal(answer.status, 413);
    assert.deepEqual(await it.jobs(), []);
    assert.ok(!it.worker.log().includes(SECRET));
  });

  test("GitHub by its signature of the body", async () => {
    const body = JSON.stringify({ zen: "Keep it logically awesome.", hook_id: 1 });
    const signature = (secret) => `sha256=${createHmac("sha256", secret).update(body).digest("hex")}`;
    const ping = async (secret) => {
      const headers = { "x-github-event": "ping", "x-hub-signature-256": signature(secret) };
      const answer = await fetch(`${it.worker.url}/hooks/ghcr`, { method: "POST", body, headers });
      return [answer.status, await answer.json()];
    };
    assert.deepEqual(await ping(SECRET), [200, { jobs: [], ignored: [{ reason: "not-a-push", count: 1 }] }]);
    const [status, { error }] = await ping(`${SECRET}x`);
    assert.deepEqual([status, error.code], [401, "UNAUTHORIZED"]);
  });

  test("a layer that is too large is refused, with the command to run", async () => {
    await skopeoCopy(from("latest"), `docker://${it.host}/app:v1`);
    const [job] = await it.quiet(1);
    assert.deepEqual([job.status, job.error.code], ["failed", "LIMIT_EXCEEDED"]);
    const command = `npx ocipeek soci convert ${it.host}/app:v1 ${it.host}/app:v1-soci --all-platforms`;
    assert.ok(
      job.error.message.endsWith(
        `maxLayerSize = 3000000; run: ${command} --span-size ${SPAN} --min-layer-size 0`,
      ),
      job.error.message,
    );
  });

  test("the log tells of jobs, one line a step", async () => {
    const told = it.worker
      .log()
      .split("\n")
      .filter((line) => line.startsWith("{"))
      .map((line) => JSON.parse(line))
      .filter(({ kind }) => kind === "hook-job");
    assert.deepEqual(
      told.map(({ level, status }) => `${level} ${status}`),
      ["info queued", "info running", "error failed"],
    );
    assert.equal(new Set(told.map(({ job }) => job)).size, 1);
  });
});

test("the package documents what the hooks take", () => {
  const api = readFileSync(join(ROOT, "worker", "API.md"), "utf8");
  for (const kind of ["distribution", "ecr", "ghcr", "dockerhub", "harbor", "jobs"]) {
    assert.ok(api.includes(`/hooks/${kind}`), kind);
  }
});
