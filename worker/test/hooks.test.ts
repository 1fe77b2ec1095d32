// The hooks over HTTP: who is let in, what is queued, what is done once, and what is told of it.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { describe, type TestContext, test } from "node:test";
import { OcipeekError } from "ocipeek";
import { type Harness, start } from "../../tests/lib/worker/harness.ts";
import { DIGEST, DISTRIBUTION, ECR, GITHUB } from "../../tests/lib/worker/notifications.ts";
import { parseConfig } from "../src/config/config.ts";
import { HttpError } from "../src/errors.ts";
import { BucketJobs, type JobBucket } from "../src/hooks/bucket-jobs.ts";
import { Hooks, type HooksDeps } from "../src/hooks/hooks.ts";
import type { Job } from "../src/hooks/job.ts";
import { type JobRecord, MemoryJobs } from "../src/hooks/job-log.ts";
import type { Outcome } from "../src/hooks/outcome.ts";
import type { Message } from "../src/hooks/queue.ts";
import { AccessList } from "../src/registry/access.ts";

const SECRET = "0123456789abcdef-secret";
const BEARER = { authorization: `Bearer ${SECRET}` };
const ECR_REGISTRY = "123456789012.dkr.ecr.us-west-2.amazonaws.com";
const DONE: Outcome = { status: "done", pushed: [{ digest: DIGEST, tag: "latest-soci" }], requests: 7 };

interface Bench {
  harness: Harness;
  /** Jobs that were tried. */
  tried: Job[];
  records: Record<string, unknown>[];
  stop: AbortController;
  hooks: Hooks;
  post(kind: string, body: unknown, headers?: Record<string, string>): Promise<Answer>;
  jobs(): Promise<JobRecord[]>;
}

interface Answer {
  status: number;
  headers: Headers;
  jobs: { id: string; image: string; version: string; filter: string }[];
  ignored: { reason: string; image?: string; count: number }[];
  error?: { code: string; message: string };
}

/** The handler with hooks whose work is `outcomes`, in turn; the last one again and again. */
async function bench(
  t: TestContext,
  outcomes: (Outcome | Error | (() => Promise<Outcome>))[] = [DONE],
  settings: object = {},
  ports: Partial<HooksDeps> = {},
): Promise<Bench> {
  const env = {
    OCIPEEK_REGISTRIES: [ECR_REGISTRY, "ghcr.io"],
    OCIPEEK_HOOK_SECRET: SECRET,
    OCIPEEK_HOOKS: { ...settings },
  };
  const config = parseConfig(env);
  const tried: Job[] = [];
  const records: Record<string, unknown>[] = [];
  const stop = new AbortController();
  const running = new Set<Promise<unknown>>();
  const hooks = new Hooks({
    config: config.hooks ?? assert.fail(),
    access: new AccessList(config),
    work: async (job) => {
      tried.push(job);
      const outcome = outcomes[Math.min(tried.length, outcomes.length) - 1];
      if (outcome instanceof Error) throw outcome;
      return typeof outcome === "function" ? outcome() : (outcome ?? DONE);
    },
    queue: undefined,
    jobs: new MemoryJobs(),
    waitUntil: (promise) => void running.add(promise),
    isolated: false,
    stop: stop.signal,
    now: Date.now,
    log: (record) => records.push(record),
    ...ports,
  });
  const harness = await start({}, { hooks });
  t.after(async () => {
    stop.abort();
    await Promise.all(running);
    await harness.close();
  });
  const send = (name: string, method: string, headers: object, body?: string) =>
    harness.get(`/hooks/${name}`, { ...headers }, method, body === undefined ? {} : { body });
  return {
    harness,
    tried,
    records,
    stop,
    hooks,
    post: async (kind, body, headers = BEARER) => {
      const answer = await send(
        kind,
        "POST",
        headers,
        typeof body === "string" ? body : JSON.stringify(body),
      );
      const told = (await answer.json()) as Omit<Answer, "status" | "headers">;
      return { ...told, status: answer.status, headers: answer.headers };
    },
    jobs: async () => ((await (await send("jobs", "GET", BEARER)).json()) as { jobs: JobRecord[] }).jobs,
  };
}

async function until(condition: () => Promise<boolean> | boolean): Promise<void> {
  for (let i = 0; i < 500; i++) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  assert.fail("it did not come to that");
}

const digestOf = (n: number) => `sha256:${n.toString(16).padStart(64, "0")}`;
const event = (n: number, tag = `t${n}`) => ({
  ...ECR,
  id: `event-${n}`,
  detail: { ...ECR.detail, "image-tag": tag, "image-digest": digestOf(n) },
});

describe("access", () => {
  test("without a configured secret there is no route", async () => {
    const harness = await start();
    for (const [path, method] of [
      ["/hooks/ecr", "POST"],
      ["/hooks/jobs", "GET"],
      ["/hooks/", "GET"],
    ] as const) {
      const answer = await harness.get(path, { ...BEARER, accept: "application/json" }, method);
      assert.equal(answer.status, 404);
      assert.equal(answer.headers.get("x-ocipeek-error"), "NOT_FOUND");
      await answer.text();
    }
    await harness.close();
  });

  test("without the secret nothing is told or done", async (t) => {
    const it = await bench(t);
    for (const headers of [
      {},
      { authorization: "Bearer wrong-wrong-wrong" },
      { authorization: `Basic ${btoa("a:wrong-wrong-wrong")}` },
      { "x-hub-signature-256": `sha256=${"0".repeat(64)}` },
      { ...BEARER, "x-hub-signature-256": `sha256=${"0".repeat(64)}` },
    ] as Record<string, string>[]) {
      const answer = await it.post("ecr", ECR, headers);
      assert.equal(answer.status, 401);
      assert.equal(answer.error?.code, "UNAUTHORIZED");
      assert.equal(answer.headers.get("www-authenticate"), 'Bearer realm="hooks"');
    }
    const shown = await it.harness.get("/hooks/jobs");
    assert.equal(shown.status, 401);
    await shown.text();
    assert.deepEqual(it.tried, []);
    assert.ok(!JSON.stringify([it.records, it.harness.logs()]).includes(SECRET));
  });

  test("a secret in the URL is refused, though it is right", async (t) => {
    const it = await bench(t);
    for (const query of [`?token=${SECRET}`, "?x"]) {
      const answer = await it.harness.get(`/hooks/ecr${query}`, BEARER, "POST", {
        body: JSON.stringify(ECR),
      });
      assert.equal(answer.status, 400);
      assert.equal(answer.headers.get("x-ocipeek-error"), "INVALID_ARGUMENT");
      await answer.text();
    }
    assert.ok(!JSON.stringify(it.harness.logs()).includes(SECRET));
  });

  test("GitHub's signature", async (t) => {
    const it = await bench(t);
    const body = JSON.stringify(GITHUB);
    const signature = `sha256=${createHmac("sha256", SECRET).update(body).digest("hex")}`;
    const headers = {
      "x-hub-signature-256": signature,
      "x-github-event": "registry_package",
      "x-github-delivery": "d1",
    };
    const answer = await it.post("ghcr", body, headers);
    assert.equal(answer.status, 202);
    assert.deepEqual(answer.jobs[0]?.image, `ghcr.io/codertocat/hello-world:1.2@${DIGEST}`);
    assert.equal((await it.post("ghcr", `${body} `, headers)).status, 401);
    assert.equal((await it.post("ghcr", "{}", { ...headers, "x-github-event": "ping" })).status, 401);
  });

  test("methods, kinds, and headers of answers", async (t) => {
    const it = await bench(t);
    for (const [name, method, allow] of [
      ["ecr", "GET", "POST"],
      ["ecr", "PUT", "POST"],
      ["ecr", "OPTIONS", "POST"],
      ["jobs", "POST", "GET"],
    ] as const) {
      const answer = await it.harness.get(`/hooks/${name}`, BEARER, method);
      assert.deepEqual([answer.status, answer.headers.get("allow")], [405, allow]);
      await answer.text();
    }
    for (const name of ["quay", "", "ecr/", "constructor", "%65cr"]) {
      assert.equal((await it.post(name, ECR)).status, 404, name);
    }
    const answer = await it.post("ecr", ECR);
    assert.equal(answer.headers.get("cache-control"), "no-store");
    assert.equal(answer.headers.get("access-control-allow-origin"), null);
    assert.equal(answer.headers.get("content-security-policy"), "default-src 'none'; sandbox");
    assert.ok(answer.headers.get("x-request-id"));
  });

  test("bodies are bounded, told or not", async (t) => {
    const it = await bench(t, [DONE], { maxBody: 1000 });
    const large = JSON.stringify({ ...ECR, x: "x".repeat(1000) });
    assert.equal((await it.post("ecr", large)).error?.code, "LIMIT_EXCEEDED");
    let sent = 0;
    const endless = new ReadableStream({
      pull: (controller) => {
        sent += 100;
        controller.enqueue(new Uint8Array(100).fill(32));
      },
    });
    const init = { body: endless, duplex: "half" } as RequestInit;
    const answer = await it.harness.get("/hooks/ecr", BEARER, "POST", init);
    assert.equal(answer.status, 413);
    await answer.text();
    assert.ok(sent < 2000, `${sent} bytes`);
    for (const body of ["", "{", "[]", "null", "payload=x"]) {
      assert.equal((await it.post("ecr", body)).error?.code, "INVALID_ARGUMENT", body);
    }
  });

  test("who proves nothing sends nothing: the body is not asked for", async (t) => {
    const it = await bench(t);
    for (const headers of [
      {},
      { authorization: "Bearer wrong-wrong-wrong" },
      { "x-hub-signature-256": "sha256=no" },
      { "x-hub-signature-256": `sha1=${"0".repeat(40)}` },
      { "x-hub-signature-256": `sha256=${"0".repeat(64)}`, "content-length": "1048577" },
    ] as Record<string, string>[]) {
      let asked = 0;
      const body = new ReadableStream(
        {
          pull: (controller) => {
            asked += 1;
            controller.enqueue(new Uint8Array(100));
          },
        },
        { highWaterMark: 0 },
      );
      const init = { body, duplex: "half" } as RequestInit;
      const answer = await it.harness.get("/hooks/ecr", headers, "POST", init);
      assert.equal(answer.status, "content-length" in headers ? 413 : 401);
      await answer.text();
      assert.equal(asked, 0);
    }
  });

  test("all who have proved nothing share a small room; who sends at once gets through", async (t) => {
    const it = await bench(t, [DONE], { maxUnproven: 100_000, maxBodySeconds: 1 });
    const forged = { "x-hub-signature-256": `sha256=${"0".repeat(64)}` };
    let sent = 0;
    // 30 callers of 10,000 bytes each, whose bodies do not end.
    const callers = Array.from({ length: 30 }, () => {
      let left = 10;
      const body = new ReadableStream(
        {
          pull: (controller) => {
            if (left-- <= 0) return new Promise<void>(() => {});
            sent += 1000;
            controller.enqueue(new Uint8Array(1000));
            return new Promise<void>((resolve) => setTimeout(resolve, 5));
          },
        },
        { highWaterMark: 0 },
      );
      return it.harness.get("/hooks/ghcr", forged, "POST", { body, duplex: "half" } as RequestInit);
    });
    await until(() => sent >= 100_000);
    const body = JSON.stringify(GITHUB);
    const good = await it.post("ghcr", body, {
      "x-hub-signature-256": `sha256=${createHmac("sha256", SECRET).update(body).digest("hex")}`,
      "x-github-event": "registry_package",
    });
    assert.equal(good.status, 202);
    const statuses = new Map<number, number>();
    for (const answer of await Promise.all(callers)) {
      statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
      if (answer.status === 503) assert.equal(answer.headers.get("retry-after"), "5");
      await answer.text();
    }
    assert.ok([...statuses.keys()].every((status) => status === 408 || status === 503));
    // There is room for ten.
    assert.ok((statuses.get(503) ?? 0) > 0, JSON.stringify([...statuses]));
  });

  test("a body that does not come ends with the time for the head", async (t) => {
    const it = await bench(t);
    const config = parseConfig({ OCIPEEK_LIMITS: { maxSecondsToHead: 0 } });
    const harness = await start({ OCIPEEK_LIMITS: config.limits }, { hooks: it.hooks });
    const init = {
      body: new ReadableStream({ pull: () => new Promise(() => {}) }),
      duplex: "half",
    } as RequestInit;
    const answer = await harness.get("/hooks/ecr", BEARER, "POST", init);
    assert.deepEqual([answer.status, answer.headers.get("x-ocipeek-error")], [504, "TIMEOUT"]);
    await answer.text();
    await harness.close();
  });
});

describe("jobs", () => {
  test("a push is queued, done, and told", async (t) => {
    const it = await bench(t);
    const answer = await it.post("ecr", ECR);
    const image = `${ECR_REGISTRY}/my-repository-name:latest@${DIGEST}`;
    assert.equal(answer.status, 202);
    const [job] = answer.jobs;
    assert.deepEqual(answer.jobs, [{ id: job?.id, image, version: "V2", filter: "*:*" }]);
    assert.deepEqual(answer.ignored, []);
    await until(async () => (await it.jobs())[0]?.status === "done");
    const [record] = await it.jobs();
    assert.deepEqual(record, {
      id: job?.id,
      kind: "ecr",
      image,
      version: "V2",
      status: "done",
      pushed: [{ digest: DIGEST, tag: "latest-soci" }],
      tries: 1,
      requests: 7,
      queuedAt: record?.queuedAt,
      endedAt: record?.endedAt,
    });
    assert.deepEqual(
      it.records.map(({ kind, job: id, hook, status }) => [kind, id, hook, status]),
      ["queued", "running", "done"].map((status) => ["hook-job", job?.id, "ecr", status]),
    );
  });

  test("what comes to nothing is told with its reason, and queued never", async (t) => {
    const it = await bench(t, [DONE], { filters: ["my-*:v*"] });
    for (const [change, reason] of [
      [{ "image-tag": "latest" }, "filtered"],
      [{ "image-tag": "v1-soci" }, "own-tag"],
      [{ "image-tag": undefined }, "untagged"],
      [{ "image-tag": DIGEST.replace(":", "-") }, "referrers-tag"],
      [{ "repository-name": "A" }, "malformed"],
      [{ "action-type": "DELETE" }, "not-a-push"],
    ] as const) {
      const answer = await it.post("ecr", { ...ECR, detail: { ...ECR.detail, ...change } });
      assert.deepEqual([answer.status, answer.jobs, answer.ignored[0]?.reason], [200, [], reason]);
    }
    const foreign = await it.post("ecr", {
      ...ECR,
      account: "999999999999",
      detail: { ...ECR.detail, "image-tag": "v1" },
    });
    assert.deepEqual([foreign.status, foreign.ignored[0]?.reason], [200, "not-allowed"]);
    const many = await it.post("distribution", DISTRIBUTION);
    assert.deepEqual(
      many.ignored.map(({ reason, count }) => [reason, count]),
      [
        ["not-a-manifest", 1],
        ["not-a-push", 2],
        ["filtered", 1],
      ],
    );
    assert.deepEqual(it.tried, []);
  });

  test("the same event again does nothing, and says so; another event is another job", async (t) => {
    const it = await bench(t);
    assert.equal((await it.post("ecr", event(1))).status, 202);
    await until(async () => (await it.jobs())[0]?.status === "done");
    const again = await it.post("ecr", event(1));
    assert.deepEqual([again.status, again.jobs.length, again.ignored[0]?.reason], [200, 0, "seen"]);
    assert.equal((await it.post("ecr", { ...event(1), id: "other" })).status, 202);
    await until(() => it.tried.length === 2);
    // Docker Hub gives its events no name: the same bytes are the same event.
    const hub = { push_data: { pushed_at: 1, tag: "1" }, repository: { repo_name: "a/b" } };
    const open = await bench(t, [DONE], {}, { access: new AccessList(parseConfig({})) });
    assert.equal((await open.post("dockerhub", hub)).status, 202);
    assert.equal((await open.post("dockerhub", hub)).ignored[0]?.reason, "seen");
    assert.equal(
      (await open.post("dockerhub", { ...hub, push_data: { pushed_at: 2, tag: "1" } })).status,
      202,
    );
  });

  test("the same event counts again when its job has failed", async (t) => {
    const it = await bench(t, [new OcipeekError("FORBIDDEN", "reg: no"), DONE]);
    await it.post("ecr", event(1));
    await until(async () => (await it.jobs())[0]?.status === "failed");
    assert.deepEqual((await it.jobs())[0]?.error, { code: "FORBIDDEN", message: "reg: no" });
    assert.equal((await it.post("ecr", event(1))).status, 202);
    await until(async () => (await it.jobs())[0]?.status === "done");
  });

  test("one after the other; a tag that waits already does not wait twice", async (t) => {
    const gates: (() => void)[] = [];
    const gate = () => new Promise<Outcome>((resolve) => gates.push(() => resolve(DONE)));
    const it = await bench(t, [gate]);
    await it.post("ecr", event(1, "a"));
    await it.post("ecr", event(2, "b"));
    // The first has begun: it may have read what the tag named before.
    assert.equal((await it.post("ecr", event(3, "a"))).status, 202);
    const twice = await it.post("ecr", event(4, "b"));
    assert.deepEqual([twice.status, twice.ignored[0]?.reason], [200, "waiting"]);
    assert.equal(it.tried.length, 1);
    for (let i = 1; i <= 3; i++) {
      await until(() => gates.length === i);
      gates[i - 1]?.();
    }
    await until(async () => (await it.jobs()).every(({ status }) => status === "done"));
    assert.deepEqual(
      it.tried.map(({ push }) => push.tag),
      ["a", "b", "a"],
    );
  });

  test("a full queue is 429, and what it did not take counts when it comes again", async (t) => {
    const gates: (() => void)[] = [];
    const gate = () => new Promise<Outcome>((resolve) => gates.push(() => resolve(DONE)));
    const it = await bench(t, [gate], { maxWaiting: 2 });
    await it.post("ecr", event(1));
    await it.post("ecr", event(2));
    const full = await it.post("ecr", event(3));
    assert.deepEqual([full.status, full.error?.code], [429, "RATE_LIMITED"]);
    assert.equal(full.headers.get("retry-after"), "60");
    assert.match(full.error?.message ?? "", /maxWaiting = 2/);
    await until(() => gates.length === 1);
    gates[0]?.();
    await until(() => gates.length === 2);
    assert.equal((await it.post("ecr", event(3))).status, 202);
    gates[1]?.();
    await until(() => gates.length === 3);
    gates[2]?.();
  });

  test("what may pass is tried again, up to maxAttempts; what will not is not", async (t) => {
    const it = await bench(t, [new OcipeekError("NETWORK", "reg: gone"), DONE]);
    await it.post("ecr", event(1));
    await until(async () => (await it.jobs())[0]?.status === "retrying");
    assert.equal((await it.jobs())[0]?.error?.code, "NETWORK");
    assert.equal((await it.post("ecr", event(1))).ignored[0]?.reason, "seen");
    await until(async () => (await it.jobs())[0]?.status === "done");
    assert.equal((await it.jobs())[0]?.tries, 2);

    const once = await bench(t, [new OcipeekError("NETWORK", "reg: gone")], { maxAttempts: 1 });
    await once.post("ecr", event(1));
    await until(async () => (await once.jobs())[0]?.status === "failed");

    const other = await bench(t, [
      new HttpError("LIMIT_EXCEEDED", "too large; run: npx ocipeek soci convert …"),
    ]);
    await other.post("ecr", event(1));
    await until(async () => (await other.jobs())[0]?.status === "failed");
    assert.equal(other.tried.length, 1);

    const bug = await bench(t, [new TypeError("x is not a function")]);
    await bug.post("ecr", event(1));
    await until(async () => (await bug.jobs())[0]?.status === "failed");
    assert.deepEqual((await bug.jobs())[0]?.error, {
      code: "INTERNAL",
      message: "the worker failed; its log says more",
    });
    assert.ok(bug.records.some(({ stack }) => String(stack).includes("TypeError: x is not a function")));
  });

  test("a stop ends what waits to be tried again", async (t) => {
    const it = await bench(t, [new OcipeekError("RATE_LIMITED", "slowly", { retryAfter: 600 })]);
    await it.post("ecr", event(1));
    await until(async () => (await it.jobs())[0]?.status === "retrying");
    it.stop.abort(new HttpError("ABORTED", "the server was stopped"));
    await until(async () => (await it.jobs())[0]?.status === "failed");
    assert.equal((await it.jobs())[0]?.error?.code, "ABORTED");
    assert.equal(it.tried.length, 1);
  });

  test("what is tried again keeps its place in a full queue, and counts in it meanwhile", async (t) => {
    const gates: (() => void)[] = [];
    const gate = () => new Promise<Outcome>((resolve) => gates.push(() => resolve(DONE)));
    const it = await bench(t, [new OcipeekError("NETWORK", "gone"), gate], { maxWaiting: 1 });
    await it.post("ecr", event(1));
    await until(async () => (await it.jobs())[0]?.status === "retrying");
    assert.equal((await it.post("ecr", event(2))).status, 429);
    await until(() => gates.length === 1);
    assert.equal((await it.post("ecr", event(3))).status, 429);
    gates[0]?.();
    await until(async () => (await it.jobs()).filter(({ status }) => status === "done").length === 1);
    assert.equal((await it.post("ecr", event(2))).status, 202);
    await until(() => gates.length === 2);
    gates[1]?.();
    await until(async () => (await it.jobs()).filter(({ status }) => status === "done").length === 2);
  });

  /** A push to another repository. */
  const of = (repository: string, n: number) => {
    const { detail, ...rest } = event(n);
    return { ...rest, detail: { ...detail, "repository-name": repository } };
  };

  test("repositories take turns, and one at a time of each is done", async (t) => {
    const gates: (() => void)[] = [];
    const gate = () => new Promise<Outcome>((resolve) => gates.push(() => resolve(DONE)));
    for (const [maxRunning, order] of [
      [1, "a1 b6 c7 a2 a3 a4 a5"],
      // As many as may run; never two of one repository.
      [2, "a1 b6 c7 a2 a3 a4 a5"],
    ] as const) {
      gates.length = 0;
      const it = await bench(t, [gate], { maxRunning, maxWaiting: 100 });
      for (let n = 1; n <= 5; n++) await it.post("ecr", of("a", n));
      await it.post("ecr", of("b", 6));
      await it.post("ecr", of("c", 7));
      const all = it.tried;
      for (let n = 1; n <= 7; n++) {
        await until(() => gates.length >= n);
        // What runs now, of whom.
        const running = all.slice(n - 1).map(({ push }) => push.repository);
        assert.equal(new Set(running).size, running.length, `${running}`);
        assert.ok(running.length <= maxRunning, `${running}`);
        gates[n - 1]?.();
      }
      await until(async () => (await it.jobs()).every(({ status }) => status === "done"));
      assert.equal(all.map(({ push }) => `${push.repository}${push.tag?.slice(1)}`).join(" "), order);
    }
  });

  test("no repository gets all the places", async (t) => {
    let isOver = false;
    const gates: (() => void)[] = [];
    const gate = () =>
      new Promise<Outcome>((resolve) => {
        if (isOver) resolve(DONE);
        else gates.push(() => resolve(DONE));
      });
    const it = await bench(t, [gate], { maxWaiting: 16 });
    const given: number[] = [];
    for (let n = 1; n <= 20; n++) given.push((await it.post("ecr", of("a", n))).status);
    assert.deepEqual([given.indexOf(429), given.lastIndexOf(202)], [14, 13]);
    assert.equal((await it.post("ecr", of("b", 30))).status, 202);
    assert.equal((await it.post("ecr", of("b", 31))).status, 202);
    assert.equal((await it.post("ecr", of("b", 32))).status, 429);
    isOver = true;
    for (const open of gates) open();
    await until(async () =>
      (await it.jobs()).every(({ status }) => status === "done" || status === "failed"),
    );
  });

  test("V1 takes images without a tag; its jobs are the digest's", async (t) => {
    const it = await bench(t, [DONE], { version: "V1", filters: ["my-*:*"] });
    const answer = await it.post("ecr", { ...ECR, detail: { ...ECR.detail, "image-tag": "" } });
    assert.equal(answer.status, 202);
    assert.equal(answer.jobs[0]?.image, `${ECR_REGISTRY}/my-repository-name@${DIGEST}`);
  });

  test("on the edge each job is its own request's", async (t) => {
    const gates: (() => void)[] = [];
    const gate = () => new Promise<Outcome>((resolve) => gates.push(() => resolve(DONE)));
    const it = await bench(t, [gate], {}, { isolated: true });
    await it.post("ecr", event(1));
    await it.post("ecr", event(2));
    await until(() => gates.length === 2);
    for (const open of gates) open();
    await until(async () => (await it.jobs()).every(({ status }) => status === "done"));
  });
});

describe("a queue of the platform", () => {
  const message = (body: unknown, attempts = 1) => {
    const calls: unknown[] = [];
    const made: Message = {
      body,
      attempts,
      ack: () => calls.push("ack"),
      retry: (options) => calls.push(options),
    };
    return { made, calls };
  };

  test("jobs go through it and are done where they arrive", async (t) => {
    const sent: unknown[] = [];
    const queue = { send: async (body: unknown) => void sent.push(JSON.parse(JSON.stringify(body))) };
    const it = await bench(t, [DONE], {}, { queue });
    assert.equal((await it.post("ecr", ECR)).status, 202);
    assert.equal((await it.post("ecr", ECR)).ignored[0]?.reason, "seen");
    assert.deepEqual([it.tried.length, sent.length], [0, 1]);
    const consumer = await bench(t, [DONE]);
    const { made, calls } = message(sent[0]);
    await consumer.hooks.consume({ messages: [made] });
    assert.deepEqual(calls, ["ack"]);
    assert.deepEqual(consumer.tried, sent);
    assert.equal((await consumer.jobs())[0]?.status, "done");
  });

  test("what may pass is retried, later each time; all else is taken off", async (t) => {
    const job = {
      id: "j",
      kind: "ecr",
      version: "V2",
      queuedAt: 1,
      push: { registry: "ghcr.io", repository: "a/b", tag: "1" },
    };
    const failing = async (error: Error, attempts: number) => {
      const it = await bench(t, [error]);
      const { made, calls } = message(job, attempts);
      await it.hooks.consume({ messages: [made] });
      // With the last try it is told as failed; the platform then moves it to where it keeps such messages.
      const status = error instanceof OcipeekError && error.code === "UNAUTHORIZED" ? "failed" : undefined;
      assert.equal((await it.jobs())[0]?.status, status ?? (attempts < 5 ? "retrying" : "failed"));
      return calls[0];
    };
    const network = new OcipeekError("NETWORK", "gone");
    assert.deepEqual(await failing(network, 1), { delaySeconds: 2 });
    assert.deepEqual(await failing(network, 4), { delaySeconds: 16 });
    assert.deepEqual(await failing(network, 99), { delaySeconds: 600 });
    const limited = new OcipeekError("RATE_LIMITED", "slowly", { retryAfter: 77 });
    assert.deepEqual(await failing(limited, 1), { delaySeconds: 77 });
    assert.equal(await failing(new OcipeekError("UNAUTHORIZED", "no"), 1), "ack");
  });

  test("what is no job is taken off and not done", async (t) => {
    const it = await bench(t);
    const odd = [null, "x", {}, { id: "j", kind: "ecr", version: "V3", push: {} }];
    const all = odd.map((body) => message(body));
    await it.hooks.consume({ messages: all.map(({ made }) => made) });
    assert.deepEqual(
      all.map(({ calls }) => calls),
      odd.map(() => ["ack"]),
    );
    assert.deepEqual(it.tried, []);
  });

  test("a queue that takes nothing is 503, and the event counts when it comes again", async (t) => {
    let isDown = true;
    const queue = {
      send: async () => {
        if (isDown) throw new Error("Queue is overloaded");
      },
    };
    const it = await bench(t, [DONE], {}, { queue });
    const answer = await it.post("ecr", ECR);
    assert.deepEqual([answer.status, answer.error?.code], [503, "NETWORK"]);
    isDown = false;
    assert.equal((await it.post("ecr", ECR)).status, 202);
  });

  test("records in a bucket are the same for all isolates", async (t) => {
    const objects = new Map<string, Record<string, string>>();
    const bucket: JobBucket = {
      put: async (key, value, { customMetadata }) => {
        assert.equal(value, "");
        assert.match(JSON.stringify(customMetadata), /^[\x20-\x7e]{1,8192}$/);
        objects.set(key, customMetadata);
      },
      list: async ({ prefix, limit, include }) => {
        assert.deepEqual(include, ["customMetadata"]);
        const names = [...objects.keys()].filter((key) => key.startsWith(prefix)).sort();
        return {
          objects: names.slice(0, limit).map((name) => ({ customMetadata: objects.get(name) ?? {} })),
        };
      },
    };
    let time = Date.parse("2026-11-24T11:00:00Z");
    const ports = { now: () => ++time };
    const it = await bench(t, [DONE], {}, { ...ports, jobs: new BucketJobs(bucket) });
    await it.post("ecr", event(1));
    await it.post("ecr", event(2));
    const other = await bench(t, [DONE], {}, { jobs: new BucketJobs(bucket) });
    await until(async () => (await other.jobs()).every(({ status }) => status === "done"));
    assert.deepEqual(
      (await other.jobs()).map(({ image }) => image.slice(-2)),
      ["02", "01"],
    );
    objects.set("hook-jobs/0", { record: "{" });
    objects.set("hook-jobs/1", {});
    assert.equal((await other.jobs()).length, 2);
    const [record] = await other.jobs();
    const long = { code: "NETWORK", message: `é${"x".repeat(9000)}` };
    await new BucketJobs(bucket).put({ ...(record as JobRecord), error: long });
    assert.equal((await other.jobs())[0]?.error, undefined);
  });
});
