// What a job finds at the registry, and what it may do there. Building is the package's; here it is noted only.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { dockerConfigAuth, type FetchInit, OcipeekError } from "ocipeek";
import { type Blob, blobOf, type Destination, registryDestination } from "ocipeek/push";
import {
  type Answer,
  digestOf,
  Internet,
  json,
  OCI_MANIFEST,
  redirect,
} from "../../tests/lib/worker/internet.ts";
import { parseConfig } from "../src/config/config.ts";
import { HttpError } from "../src/errors.ts";
import type { Job } from "../src/hooks/job.ts";
import { failureOf, type Tools, work } from "../src/hooks/work.ts";
import { AccessList } from "../src/registry/access.ts";
import { guardedFetch } from "../src/registry/guarded-fetch.ts";

const REG = "https://reg.example";
const INDEX = "application/vnd.oci.image.index.v1+json";
const V1 = "application/vnd.amazon.soci.index.v1+json";
const V2 = "application/vnd.amazon.soci.index.v2+json";
const OCI_CONFIG = "application/vnd.oci.image.config.v1+json";
const GZIP = "application/vnd.oci.image.layer.v1.tar+gzip";
const EMPTY = digestOf("{}");
const signal = new AbortController().signal;

/** A repository of manifests that takes everything. */
class Registry {
  readonly manifests = new Map<string, { text: string; type: string }>();
  readonly blobs = new Set<string>();
  referrersApi = true;

  /** Keeps a manifest; gives its digest. */
  keep(doc: object, tag?: string, type = OCI_MANIFEST): string {
    const text = JSON.stringify(doc);
    for (const name of [digestOf(text), ...(tag ? [tag] : [])]) this.manifests.set(name, { text, type });
    return digestOf(text);
  }

  readonly answer: Answer = ({ method, url, body, headers }) => {
    const { pathname } = url;
    const last = pathname.split("/").at(-1) ?? "";
    if (pathname.includes("/manifests/")) {
      if (method === "PUT") {
        const type = headers.get("content-type") ?? "";
        const digest = this.keep(JSON.parse(body), last, type);
        return new Response(null, { status: 201, headers: { "docker-content-digest": digest } });
      }
      const found = this.manifests.get(last);
      if (found) return new Response(found.text, { headers: { "content-type": found.type } });
    }
    if (pathname.includes("/referrers/") && this.referrersApi) {
      const all = [...this.manifests].filter(
        ([name, { text }]) => name.includes(":") && JSON.parse(text).subject?.digest === last,
      );
      const manifests = all.map(([digest, { text, type }]) => ({
        mediaType: type,
        digest,
        size: text.length,
        artifactType: JSON.parse(text).artifactType ?? JSON.parse(text).config.mediaType,
      }));
      return json({ schemaVersion: 2, mediaType: INDEX, manifests }, { "content-type": INDEX });
    }
    return json({ errors: [{ code: "NAME_UNKNOWN" }] }, {}, 404);
  };
}

const layer = (name: string, size = 20 << 20, mediaType = GZIP) => ({
  mediaType,
  digest: digestOf(name),
  size,
});
const image = (name: string, more: object = {}) => ({
  schemaVersion: 2,
  mediaType: OCI_MANIFEST,
  config: { mediaType: OCI_CONFIG, digest: digestOf(`config ${name}`), size: 2 },
  layers: [layer(name)],
  ...more,
});
const soci = (type: string, subject?: string) => ({
  schemaVersion: 2,
  mediaType: OCI_MANIFEST,
  artifactType: type,
  config: { mediaType: type, digest: EMPTY, size: 2 },
  layers: [{ mediaType: "application/octet-stream", digest: digestOf("ztoc"), size: 9 }],
  ...(subject ? { subject: { mediaType: OCI_MANIFEST, digest: subject, size: 9 } } : {}),
});
const entry = (digest: string, architecture = "amd64", more: object = {}) => ({
  mediaType: OCI_MANIFEST,
  digest,
  size: 9,
  platform: { os: "linux", architecture },
  ...more,
});
const indexOf = (...manifests: object[]) => ({ schemaVersion: 2, mediaType: INDEX, manifests });

/** Tries a job over that registry. */
async function tryJob(
  registry: Registry,
  push: Partial<Job["push"]>,
  settings: object = {},
  {
    isEmpty = false,
    right = true,
    made,
    broken,
    blob,
    progress,
    limits = {},
    env = {},
    docker,
    answer = registry.answer,
  }: {
    isEmpty?: boolean;
    /** What comes of verifying an attached index. */
    right?: boolean;
    /** The digest of the index that is built. */
    made?: string;
    broken?: Error;
    /** Pushed with what was built. */
    blob?: Blob;
    /** Tells how far building is. */
    progress?: (onProgress: (progress: object) => void) => Promise<void>;
    env?: object;
    limits?: Record<string, number>;
    /** Text of a Docker `config.json`. */
    docker?: string;
    answer?: Answer;
  } = {},
) {
  const internet = new Internet().on(REG, answer).on("https://cdn.example", answer);
  const config = parseConfig({
    OCIPEEK_REGISTRIES: ["reg.example/app/*"],
    OCIPEEK_HOOK_SECRET: "0123456789abcdef",
    OCIPEEK_HOOKS: settings,
    ...env,
  });
  const hooks = config.hooks ?? assert.fail();
  const calls: unknown[] = [];
  const built =
    (name: string) => async (_source: unknown, reference: string, options: Record<string, unknown>) => {
      calls.push([name, reference, options.platforms]);
      if (broken) throw broken;
      await progress?.(options.onProgress as (progress: object) => void);
      const index = isEmpty ? undefined : { digest: made ?? digestOf(reference) };
      return { images: [{ index }], close: async () => void calls.push("close") };
    };
  const tools = {
    openSource: async (name: string) => void calls.push(["open", name]),
    createIndex: built("create"),
    convertImage: built("convert"),
    verifyIndex: async (_source: unknown, reference: string, options: Record<string, unknown>) => {
      calls.push(["verify", reference, options.platforms]);
      const layers = [{ outcome: right ? "equal" : "different" }];
      return { verified: right, images: [{ index: { digest: EMPTY }, layers }] };
    },
    pushArtifacts: async (
      _source: unknown,
      _artifacts: unknown,
      to: Destination,
      { tag }: { tag?: string },
    ) => {
      calls.push(["push", to.name, tag]);
      if (blob) calls.push(await to.putBlob(blob));
      return { manifests: [{ digest: digestOf("pushed"), ...(tag ? { tag } : {}), size: 1 }] };
    },
    registryDestination,
  } as unknown as Tools;
  const job: Job = {
    id: "j",
    kind: "ecr",
    version: hooks.version,
    queuedAt: 0,
    push: {
      registry: "reg.example",
      repository: "app/x",
      tag: undefined,
      digest: undefined,
      event: undefined,
      ...push,
    },
  };
  const ports = {
    config,
    hooks,
    access: new AccessList(config),
    auth: docker === undefined ? undefined : dockerConfigAuth(docker),
    fetch: internet.fetch,
    tools: async () => tools,
    libraryLimits: limits,
    waits: [10, 10],
    parallel: 1 as const,
    maxSeconds: hooks.limits.maxSeconds,
  };
  const run = () => work(job, ports, signal);
  return { run, calls, internet };
}

async function outcomeOf(...args: Parameters<typeof tryJob>) {
  const { run, calls, internet } = await tryJob(...args);
  const outcome = await run();
  return { outcome, calls, requests: internet.lines() };
}

async function failing(...args: Parameters<typeof tryJob>) {
  const { run, internet } = await tryJob(...args);
  const error = await run().then(
    () => assert.fail("it did not fail"),
    (thrown: unknown) => thrown,
  );
  return { ...failureOf(error), requests: internet.lines() };
}

describe("V1", () => {
  const V1_ONLY = { version: "V1" };

  test("an image gets an index: three questions, then the build", async () => {
    const registry = new Registry();
    const digest = registry.keep(image("a"), "1");
    const { outcome, calls, requests } = await outcomeOf(registry, { tag: "1", digest }, V1_ONLY);
    assert.deepEqual(outcome, { status: "done", pushed: [{ digest: digestOf("pushed") }], requests: 2 });
    assert.deepEqual(calls, [
      ["open", "reg.example/app/x"],
      ["create", digest, "all"],
      ["push", "reg.example/app/x", undefined],
      "close",
    ]);
    assert.deepEqual(requests, [
      `GET ${REG}/v2/app/x/manifests/${digest}`,
      `GET ${REG}/v2/app/x/referrers/${digest}`,
    ]);
  });

  test("one that has a right index is left, by the API or by the tag that lists referrers", async () => {
    for (const api of [true, false]) {
      const registry = new Registry();
      registry.referrersApi = api;
      const digest = registry.keep(image("a"), "1");
      const index = registry.keep(soci(V1, digest));
      const listed = { mediaType: OCI_MANIFEST, digest: index, size: 9, artifactType: V1 };
      if (!api) registry.keep(indexOf(listed), digest.replace(":", "-"), INDEX);
      const { outcome, calls } = await outcomeOf(registry, { tag: "1", digest }, V1_ONLY);
      assert.deepEqual(
        { ...outcome, requests: 0 },
        { status: "skipped", reason: "already-indexed", requests: 0 },
      );
      // It was looked at, and nothing was built.
      assert.deepEqual(calls, [
        ["open", "reg.example/app/x"],
        ["verify", digest, "all"],
      ]);
    }
  });

  test("a wrong index that is attached is told, and the right one pushed beside it, once", async () => {
    const registry = new Registry();
    const digest = registry.keep(image("a"), "1");
    registry.keep(soci(V1, digest));
    const wrong = { right: false };
    const { outcome, calls } = await outcomeOf(registry, { tag: "1", digest }, V1_ONLY, wrong);
    assert.deepEqual(
      { ...outcome, requests: 0 },
      { status: "done", pushed: [{ digest: digestOf("pushed") }], refuted: [EMPTY], requests: 0 },
    );
    assert.deepEqual(
      calls.map((call) => (Array.isArray(call) ? call[0] : call)),
      ["open", "verify", "create", "push", "close"],
    );
    // The wrong one may be listed first for ever: it is told again, and nothing is written.
    const made = registry.keep({ ...soci(V1, digest), annotations: { right: "yes" } });
    const again = await outcomeOf(registry, { tag: "1", digest }, V1_ONLY, { ...wrong, made });
    assert.deepEqual(
      { ...again.outcome, requests: 0 },
      { status: "skipped", reason: "already-indexed", refuted: [EMPTY], requests: 0 },
    );
    assert.ok(!again.calls.some((call) => Array.isArray(call) && call[0] === "push"));
  });

  test("of several platforms those that have none, and are asked for", async () => {
    const registry = new Registry();
    const [amd64, arm64, riscv] = ["a", "b", "c"].map((name) => registry.keep(image(name)));
    const attestation = registry.keep(
      image("d", { layers: [layer("x", 9, "application/vnd.in-toto+json")] }),
    );
    registry.keep(soci(V1, amd64));
    registry.keep(
      indexOf(
        entry(amd64 ?? ""),
        entry(arm64 ?? "", "arm64", { platform: { os: "linux", architecture: "arm64", variant: "v8" } }),
        entry(riscv ?? "", "riscv64"),
        entry(attestation, "unknown", {
          annotations: { "vnd.docker.reference.type": "attestation-manifest" },
        }),
      ),
      "1",
      INDEX,
    );
    const all = await outcomeOf(registry, { tag: "1" }, V1_ONLY);
    assert.deepEqual(
      all.calls.filter((call) => Array.isArray(call) && call[0] === "create"),
      [
        ["create", arm64, "all"],
        ["create", riscv, "all"],
      ],
    );
    const some = await outcomeOf(
      registry,
      { tag: "1" },
      { ...V1_ONLY, platforms: ["linux/arm64", "linux/amd64"] },
    );
    assert.deepEqual(some.calls.slice(1, 3), [
      ["verify", amd64, ["linux/arm64", "linux/amd64"]],
      ["create", arm64, ["linux/arm64", "linux/amd64"]],
    ]);
    const none = await outcomeOf(registry, { tag: "1" }, { ...V1_ONLY, platforms: ["windows/amd64"] });
    assert.equal(none.outcome.status === "skipped" && none.outcome.reason, "nothing-to-index");
  });

  test("what is no image to index is left", async () => {
    const registry = new Registry();
    const digest = registry.keep(image("a"));
    const cases: [object, string, string?][] = [
      [soci(V1, digest), "soci"],
      [soci(V2), "soci"],
      [{ ...soci(V1), artifactType: undefined }, "soci"],
      [image("a", { annotations: { "com.amazon.soci.index-digest": EMPTY } }), "soci"],
      [indexOf(entry(digest), entry(EMPTY, "amd64", { artifactType: V2 })), "soci", INDEX],
      [image("a", { subject: { mediaType: OCI_MANIFEST, digest, size: 9 } }), "referrer"],
      [
        image("a", { config: { mediaType: "application/vnd.cncf.helm.config.v1+json", digest: EMPTY } }),
        "not-an-image",
      ],
      [image("a", { artifactType: "application/vnd.x" }), "not-an-image"],
      [image("a", { layers: [] }), "not-an-image"],
      [
        image("a", { layers: [layer("s", 9, "application/vnd.dev.cosign.simplesigning.v1+json")] }),
        "not-an-image",
      ],
      [indexOf(), "not-an-image", INDEX],
      [{ schemaVersion: 2 }, "not-an-image"],
      [{ layers: 7, config: [], annotations: null }, "not-an-image"],
    ];
    for (const version of ["V1", "V2"]) {
      for (const [doc, reason, type] of cases) {
        registry.keep(doc, "1", type);
        const { outcome, calls } = await outcomeOf(registry, { tag: "1" }, { version });
        assert.equal(outcome.status === "skipped" && outcome.reason, reason, JSON.stringify(doc));
        assert.deepEqual(calls, []);
      }
      const { outcome } = await outcomeOf(registry, { tag: "gone", digest: EMPTY }, { version });
      assert.equal(outcome.status === "skipped" && outcome.reason, "gone");
    }
  });

  test("an index without zTOCs is not pushed", async () => {
    const registry = new Registry();
    registry.keep(image("a"), "1");
    for (const version of ["V1", "V2"]) {
      const { outcome, calls } = await outcomeOf(registry, { tag: "1" }, { version }, { isEmpty: true });
      assert.equal(outcome.status === "skipped" && outcome.reason, "nothing-to-index");
      assert.deepEqual(calls.at(-1), "close");
      assert.ok(!calls.some((call) => Array.isArray(call) && call[0] === "push"));
    }
  });
});

describe("V2", () => {
  test("a tag that is written behind its notification is waited for", async () => {
    const registry = new Registry();
    for (const old of [undefined, "old"]) {
      registry.manifests.clear();
      if (old) registry.keep(image(old), "1");
      const digest = registry.keep(image("new"));
      setTimeout(() => registry.keep(image("new"), "1"), 12);
      const { calls, requests } = await outcomeOf(registry, { tag: "1", digest });
      assert.deepEqual(calls[1], ["convert", digest, "all"]);
      assert.ok(requests.length >= 3, requests.join());
    }
  });

  test("what the tag names now is converted, where it has moved on", async () => {
    const registry = new Registry();
    const old = registry.keep(image("old"));
    const digest = registry.keep(image("new"), "1");
    const { outcome, calls, requests } = await outcomeOf(registry, { tag: "1", digest: old });
    assert.deepEqual(calls.slice(1, 3), [
      ["convert", digest, "all"],
      ["push", "reg.example/app/x", "1-soci"],
    ]);
    assert.deepEqual(outcome.status === "done" && outcome.pushed, [
      { digest: digestOf("pushed"), tag: "1-soci" },
    ]);
    const tag = `GET ${REG}/v2/app/x/manifests/1`;
    assert.deepEqual(requests, [tag, tag, tag, `${tag}-soci`]);
  });

  test("one whose converted image has its layers is left; another one's is replaced", async () => {
    const registry = new Registry();
    registry.keep(image("a"), "1");
    const convert = (name: string) => {
      const made = registry.keep(image(name, { annotations: { "com.amazon.soci.index-digest": EMPTY } }));
      const index = registry.keep(soci(V2));
      registry.keep(indexOf(entry(made), entry(index, "amd64", { artifactType: V2 })), "1-soci", INDEX);
    };
    convert("a");
    const same = await outcomeOf(registry, { tag: "1" });
    assert.equal(same.outcome.status === "skipped" && same.outcome.reason, "already-indexed");
    assert.equal(same.outcome.requests, 3);
    convert("b");
    assert.equal((await outcomeOf(registry, { tag: "1" })).outcome.status, "done");
    // Somebody's own image at that tag is not taken for a converted one.
    registry.keep(image("a"), "1-soci");
    assert.equal((await outcomeOf(registry, { tag: "1" })).outcome.status, "done");
    registry.keep(indexOf(entry(registry.keep(image("a")))), "1-soci", INDEX);
    assert.equal((await outcomeOf(registry, { tag: "1" })).outcome.status, "done");
  });

  test("a tag that is too long for the suffix", async () => {
    const registry = new Registry();
    const tag = "t".repeat(126);
    registry.keep(image("a"), tag);
    assert.deepEqual((await failing(registry, { tag })).code, "INVALID_ARGUMENT");
  });
});

describe("limits", () => {
  test("a large layer is refused before it is read, with the command that takes it", async () => {
    const registry = new Registry();
    registry.keep(image("a", { layers: [layer("small", 9), layer("large", 300 << 20)] }), "1");
    const limit = `the layer ${digestOf("large")} has 314572800 bytes, more than maxLayerSize = 268435456`;
    const v2 = await failing(registry, { tag: "1", digest: EMPTY });
    assert.deepEqual([v2.code, v2.passing], ["LIMIT_EXCEEDED", false]);
    assert.equal(
      v2.message,
      `${limit}; run: npx ocipeek soci convert reg.example/app/x:1 reg.example/app/x:1-soci --all-platforms`,
    );
    const settings = { version: "V1", platforms: ["linux/amd64"], spanSize: 1 << 20, minLayerSize: 1000 };
    const v1 = await failing(registry, { tag: "1" }, settings);
    const options = "--platform linux/amd64 --span-size 1048576 --min-layer-size 1000";
    assert.equal(v1.message, `${limit}; run: npx ocipeek soci create reg.example/app/x:1 ${options}`);
    assert.equal((await outcomeOf(registry, { tag: "1" }, { maxLayerSize: 0 })).outcome.status, "done");
  });

  test("a limit of the library that is lower here names the command too, any other does not", async () => {
    const registry = new Registry();
    registry.keep(image("a"), "1");
    const details = {
      limit: "maxZtocSize",
      allowed: 24,
      remedies: [{ kind: "raise-limit", to: 30 }],
    } as const;
    const broken = new OcipeekError("LIMIT_EXCEEDED", "30", details);
    const here = await failing(registry, { tag: "1" }, {}, { broken, limits: { maxZtocSize: 24 } });
    assert.match(here.message, /^30 is over the limit maxZtocSize = 24; .*; run: npx ocipeek soci convert /);
    const same = await failing(registry, { tag: "1" }, {}, { broken, limits: { maxSpanSize: 8 } });
    assert.equal(`LIMIT_EXCEEDED: ${same.message}`, broken.message);
    assert.deepEqual([here.code, same.code], ["LIMIT_EXCEEDED", "LIMIT_EXCEEDED"]);
  });

  test("layers that inflate without end are given up, each and all together", async () => {
    const registry = new Registry();
    registry.keep(image("a"), "1.2");
    const digest = digestOf("a");
    const GIB = 2 ** 30;
    const told =
      (...steps: [string, number, number][]) =>
      async (onProgress: (progress: object) => void) => {
        for (const [name, total, inflated] of steps) {
          onProgress({ layer: { digest: digestOf(name), total, inflated } });
          await new Promise((resolve) => setTimeout(resolve));
        }
      };
    const bomb = await failing(
      registry,
      { tag: "1.2" },
      {},
      { progress: told(["a", 25 << 20, GIB], ["a", 25 << 20, 6 * GIB]) },
    );
    assert.deepEqual([bomb.code, bomb.passing], ["LIMIT_EXCEEDED", false]);
    assert.match(
      bomb.message,
      new RegExp(`${digest} of 26214400 bytes inflates to more than maxInflation = 200 times that; run: npx`),
    );
    const all = told(["a", GIB, 5 * GIB], ["b", GIB, 4 * GIB]);
    const many = await failing(registry, { tag: "1.2" }, {}, { progress: all });
    assert.match(many.message, /more than maxInflatedBytes = 8589934592; run: npx/);
    // What is told of one layer again is not counted again; small ones may be anything; 0 is no bound.
    for (const [progress, settings] of [
      [told(["a", GIB, 5 * GIB], ["a", GIB, 7 * GIB], ["c", 1, GIB / 2]), {}],
      [told(["a", 1000, 5 * GIB]), { maxInflation: 0 }],
    ] as const) {
      const { outcome } = await outcomeOf(registry, { tag: "1.2" }, settings, { progress });
      assert.equal(outcome.status, "done");
    }
  });

  test("layers that are not indexed may be large", async () => {
    const registry = new Registry();
    const zstd = "application/vnd.oci.image.layer.v1.tar+zstd";
    registry.keep(image("a", { layers: [layer("a", 300 << 20, zstd), layer("b", 9)] }), "1");
    assert.equal((await outcomeOf(registry, { tag: "1" })).outcome.status, "done");
    registry.keep(image("a", { layers: [layer("a", 300 << 20)] }), "1");
    assert.equal(
      (await outcomeOf(registry, { tag: "1" }, { minLayerSize: 400 << 20 })).outcome.status,
      "done",
    );
  });

  test("requests and seconds", async () => {
    const registry = new Registry();
    registry.keep(image("a"), "1");
    const many = await failing(registry, { tag: "1" }, { maxSubrequests: 1 });
    assert.deepEqual([many.code, many.requests.length], ["LIMIT_EXCEEDED", 1]);
    assert.match(many.message, /maxSubrequests = 1; run: npx ocipeek soci convert /);
    const slow: Answer = () => new Promise(() => {});
    const hung = await failing(registry, { tag: "1" }, { maxSeconds: 0 }, { answer: slow });
    assert.deepEqual([hung.code, hung.passing], ["TIMEOUT", false]);
    assert.match(hung.message, /^it took more than 0 seconds; run: npx ocipeek/);
  });

  test("what may pass, and what will not", async () => {
    const registry = new Registry();
    const status =
      (code: number, headers: Record<string, string> = {}): Answer =>
      () =>
        json({}, headers, code);
    const denied = await failing(registry, { tag: "1" }, {}, { answer: status(403) });
    assert.deepEqual([denied.code, denied.passing], ["FORBIDDEN", false]);
    const limited = await failing(
      registry,
      { tag: "1" },
      {},
      { answer: status(429, { "retry-after": "600" }) },
    );
    assert.deepEqual([limited.code, limited.passing, limited.retryAfter], ["RATE_LIMITED", true, 600]);
    assert.equal(failureOf(new OcipeekError("NETWORK", "x")).passing, true);
    assert.equal(failureOf(new OcipeekError("ABORTED", "x")).passing, false);
  });

  test("a manifest without end is not taken in, and one that breaks off may come whole", async () => {
    const registry = new Registry();
    let sent = 0;
    const endless: Answer = () => {
      const pull = (controller: ReadableStreamDefaultController) => {
        sent += 65_536;
        controller.enqueue(new Uint8Array(65_536));
      };
      return new Response(new ReadableStream({ pull }), { headers: { "content-type": OCI_MANIFEST } });
    };
    const large = await failing(registry, { tag: "1" }, {}, { answer: endless });
    assert.deepEqual([large.code, large.passing], ["LIMIT_EXCEEDED", false]);
    assert.ok(sent < 5 << 20, `${sent} bytes`);
    const broken: Answer = () => {
      const pull = (controller: ReadableStreamDefaultController) =>
        controller.error(new TypeError("terminated"));
      return new Response(new ReadableStream({ pull }), { headers: { "content-type": OCI_MANIFEST } });
    };
    const short = await failing(registry, { tag: "1" }, {}, { answer: broken });
    assert.deepEqual([short.code, short.passing], ["NETWORK", true]);
  });

  test("the configuration counts that is there when it is done", async () => {
    const registry = new Registry();
    registry.keep(image("a"), "1");
    const refused = await failing(registry, { tag: "1", repository: "other/x" });
    assert.deepEqual([refused.code, refused.requests], ["REGISTRY_NOT_ALLOWED", []]);
  });

  test("a registry that leads elsewhere is not followed", async () => {
    const registry = new Registry();
    const away: Answer = () => redirect("http://169.254.169.254/latest/meta-data/");
    const refused = await failing(registry, { tag: "1" }, {}, { answer: away });
    assert.deepEqual(
      [refused.code, refused.passing, refused.requests.length],
      ["HOST_NOT_ALLOWED", false, 1],
    );
  });
});

describe("what may be written", () => {
  const config = parseConfig({ OCIPEEK_REGISTRIES: ["reg.example", "other.example"] });
  const to = { registry: "reg.example", repository: "app/x" };
  const uploads = `${REG}/v2/app/x/blobs/uploads/`;
  const setUp = (location = "/v2/app/x/blobs/uploads/id-1?state=s") => {
    const internet = new Internet()
      .on(REG, ({ method, url }) => {
        if (method === "POST" && url.pathname.endsWith("/uploads/")) {
          return new Response(null, { status: 202, headers: { location } });
        }
        return new Response(null, { status: 201 });
      })
      .on("https://other.example", () => new Response(null, { status: 201 }));
    const fetch = guardedFetch(new AccessList(config), config, internet.fetch, to);
    const send = async (method: string, url: string): Promise<string> => {
      const init: FetchInit = { method, headers: { authorization: "Bearer t" }, redirect: "manual", signal };
      try {
        return String((await fetch(url, { ...init, body: new Uint8Array(1) })).status);
      } catch (error) {
        assert.ok(error instanceof HttpError, String(error));
        return error.code;
      }
    };
    return { internet, send };
  };

  test("manifests and uploads of one repository, and where its uploads go on", async () => {
    const { send, internet } = setUp();
    assert.equal(await send("PUT", `${REG}/v2/app/x/manifests/1-soci`), "201");
    assert.equal(await send("PUT", `${REG}/v2/app/x/manifests/${EMPTY}`), "201");
    assert.equal(await send("PATCH", `${REG}/v2/app/x/blobs/uploads/id-1`), "HOST_NOT_ALLOWED");
    assert.equal(await send("POST", uploads), "202");
    assert.equal(await send("POST", `${uploads}?mount=${EMPTY}&from=app%2Fx`), "202");
    assert.equal(await send("PATCH", `${REG}/v2/app/x/blobs/uploads/id-1?state=s`), "201");
    assert.equal(await send("PUT", `${REG}/v2/app/x/blobs/uploads/id-1?state=t&digest=${EMPTY}`), "201");
    assert.equal(await send("GET", `${REG}/v2/app/x/blobs/uploads/id-1`), "201");
    assert.deepEqual(internet.stray, []);
  });

  test("nothing else", async () => {
    const { send } = setUp();
    await send("POST", uploads);
    for (const [method, url] of [
      ["PUT", `${REG}/v2/app/y/manifests/1`],
      ["PUT", "https://other.example/v2/app/x/manifests/1"],
      ["PUT", `${REG}/v2/app/x/blobs/${EMPTY}`],
      ["PUT", `${REG}/v2/app/x/tags/list`],
      ["POST", `${REG}/v2/app/x/manifests/1`],
      ["DELETE", `${REG}/v2/app/x/manifests/${EMPTY}`],
      ["DELETE", `${REG}/v2/app/x/blobs/uploads/id-1`],
      ["POST", `${uploads}?mount=${EMPTY}&from=secret/y`],
      ["POST", `${uploads}?mount=${EMPTY}&from=app/x&from=secret/y`],
      ["POST", `${REG}/v2/app/y/blobs/uploads/`],
      ["POST", "https://other.example/v2/app/x/blobs/uploads/"],
      ["PUT", `${REG}/v2/app/x/blobs/uploads/id-2?digest=${EMPTY}`],
      ["PUT", `${REG}/v2/app/y/blobs/uploads/id-1?digest=${EMPTY}`],
    ] as const) {
      assert.equal(await send(method, url), "HOST_NOT_ALLOWED", `${method} ${url}`);
    }
  });

  test("an upload goes on at its registry alone", async () => {
    for (const location of [
      "https://other.example/v2/app/x/blobs/uploads/1",
      "http://reg.example/u",
      "//127.0.0.1/u",
    ]) {
      assert.equal(await setUp(location).send("POST", uploads), "HOST_NOT_ALLOWED", location);
    }
    // Some registries take them at paths of their own.
    const { send } = setUp("/artifacts-uploads/namespaces/x/uploads/u1");
    assert.equal(await send("POST", uploads), "202");
    assert.equal(
      await send("PUT", `${REG}/artifacts-uploads/namespaces/x/uploads/u1?digest=${EMPTY}`),
      "201",
    );
  });

  test("a blob that lies elsewhere is found there, without credentials", async () => {
    const registry = new Registry();
    registry.keep(image("a"), "1");
    const blob = await blobOf(new Uint8Array(7));
    const seen: [string, string | null][] = [];
    const answer: Answer = (asked) => {
      const { method, url, headers } = asked;
      if (method !== "HEAD") return registry.answer(asked);
      seen.push([url.href, headers.get("authorization")]);
      if (url.host !== "reg.example") return new Response(null, { headers: { "content-length": "7" } });
      const isSignedIn = headers.has("authorization");
      if (isSignedIn) return redirect("https://cdn.example/b?sig=1");
      return new Response(null, { status: 401, headers: { "www-authenticate": 'Basic realm="r"' } });
    };
    const docker = JSON.stringify({ auths: { "reg.example": { auth: btoa("u:p") } } });
    const { outcome, calls } = await outcomeOf(registry, { tag: "1" }, {}, { answer, blob, docker });
    assert.equal(outcome.status, "done");
    assert.ok(calls.includes("present"), JSON.stringify(calls));
    const own = `${REG}/v2/app/x/blobs/${blob.digest}`;
    assert.deepEqual(seen, [
      [own, null],
      [own, `Basic ${btoa("u:p")}`],
      ["https://cdn.example/b?sig=1", null],
    ]);
  });

  test("who reads writes nothing", async () => {
    const internet = new Internet().on(REG, () => new Response(null, { status: 201 }));
    const fetch = guardedFetch(new AccessList(config), config, internet.fetch);
    for (const [method, url] of [
      ["PUT", `${REG}/v2/app/x/manifests/1`],
      ["POST", uploads],
    ] as const) {
      await assert.rejects(fetch(url, { method, headers: {}, redirect: "manual", signal }), HttpError);
    }
    assert.deepEqual(internet.seen, []);
  });
});
