// Notifications: what each kind says, and what hostile ones come to.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  DIGEST,
  DISTRIBUTION,
  DOCKER_HUB,
  ECR,
  GITHUB,
  HARBOR,
  HARBOR_CLOUD_EVENT,
} from "../../tests/lib/worker/notifications.ts";
import { hostProblem } from "../../web/host.ts";
import { isRepository } from "../../web/reference.ts";
import { HttpError } from "../src/errors.ts";
import { KINDS, type Kind, type Notification } from "../src/hooks/push.ts";
import { readNotification } from "../src/hooks/read.ts";

const SAMPLES: readonly [Kind, unknown][] = [
  ["distribution", DISTRIBUTION],
  ["ecr", ECR],
  ["ghcr", GITHUB],
  ["dockerhub", DOCKER_HUB],
  ["harbor", HARBOR],
  ["harbor", HARBOR_CLOUD_EVENT],
];

function read(
  kind: Kind,
  payload: unknown,
  headers: Record<string, string> = {},
  registries = {},
): Notification {
  const body = typeof payload === "string" ? payload : JSON.stringify(payload);
  return readNotification(kind, new TextEncoder().encode(body), new Headers(headers), registries);
}

/** A copy with a field changed, by a path as `detail.image-tag`. */
function changed(value: unknown, path: string, to: unknown): unknown {
  const copy = structuredClone(value) as Record<string, unknown>;
  const names = path.split(".");
  const last = names.pop() ?? "";
  let at = copy;
  for (const name of names) at = at[name] as Record<string, unknown>;
  if (to === undefined) delete at[last];
  else at[last] = to;
  return copy;
}

const reasons = (notification: Notification) => notification.ignored.map(({ reason }) => reason);

function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    assert.ok(error instanceof HttpError, String(error));
    return `${error.status} ${error.code}`;
  }
  return "none";
}

describe("Distribution", () => {
  test("the pushed manifest counts; blobs, pulls and deletions do not", () => {
    const found = read("distribution", DISTRIBUTION);
    assert.deepEqual(found.pushes, [
      {
        registry: "192.168.100.227:5000",
        repository: "hello-world",
        tag: "latest",
        digest: DIGEST,
        event: "320678d8-ca14-430f-8bb6-4ca139cd83f7",
      },
    ]);
    assert.deepEqual(reasons(found), ["not-a-manifest", "not-a-push", "not-a-push"]);
  });

  test("the registry's name: configured, else as it was asked, else of the URL", () => {
    const of = (payload: unknown, registries = {}) =>
      read("distribution", payload, {}, registries).pushes.map(({ registry }) => registry);
    assert.deepEqual(of(DISTRIBUTION, { distribution: "registry.example.com" }), ["registry.example.com"]);
    const bare = { events: [changed(DISTRIBUTION.events[0], "request", undefined)] };
    assert.deepEqual(of(bare), ["192.168.100.227:5000"]);
    const odd = { events: [changed(bare.events[0], "target.url", "mailto:x")] };
    assert.deepEqual(reasons(read("distribution", odd)), ["malformed"]);
  });

  test("a manifest pushed by its digest has no tag", () => {
    const [first] = DISTRIBUTION.events;
    const [push] = read("distribution", { events: [changed(first, "target.tag", undefined)] }).pushes;
    assert.deepEqual([push?.tag, push?.digest], [undefined, DIGEST]);
  });

  test("one odd event does not hide the others; far too many are refused", () => {
    const odd = [
      null,
      1,
      "x",
      [],
      {},
      { action: "push" },
      changed(DISTRIBUTION.events[0], "target.repository", "A//b"),
    ];
    const found = read("distribution", { events: [...odd, ...DISTRIBUTION.events] });
    assert.equal(found.pushes.length, 1);
    assert.equal(found.ignored.length, odd.length + 3);
    assert.equal(
      codeOf(() => read("distribution", { events: Array(1001).fill({}) })),
      "400 INVALID_ARGUMENT",
    );
    assert.deepEqual(read("distribution", { events: [] }), { pushes: [], ignored: [] });
  });
});

describe("Amazon ECR", () => {
  test("account and region name the registry", () => {
    assert.deepEqual(read("ecr", ECR).pushes, [
      {
        registry: "123456789012.dkr.ecr.us-west-2.amazonaws.com",
        repository: "my-repository-name",
        tag: "latest",
        digest: DIGEST,
        event: ECR.id,
      },
    ]);
    const china = changed(ECR, "region", "cn-north-1");
    assert.equal(read("ecr", china).pushes[0]?.registry, "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn");
  });

  test("no tag, or an empty one", () => {
    for (const tag of [undefined, ""]) {
      assert.equal(read("ecr", changed(ECR, "detail.image-tag", tag)).pushes[0]?.tag, undefined);
    }
  });

  test("other actions, failures and artifacts are not pushes of images", () => {
    for (const [path, value, reason] of [
      ["detail.action-type", "DELETE", "not-a-push"],
      ["detail.result", "FAILURE", "not-a-push"],
      ["detail-type", "ECR Image Scan", "not-a-push"],
      ["detail.artifact-media-type", "application/vnd.amazon.soci.index.v1+json", "not-an-image"],
      ["account", "12345678901", "malformed"],
      ["region", "evil.example.com/", "malformed"],
      ["detail.repository-name", "../x", "malformed"],
      ["detail.image-digest", "sha256:7f5b2640fe6fb4f4", "malformed"],
      ["detail.image-tag", "a b", "malformed"],
    ] as const) {
      const found = read("ecr", changed(ECR, path, value));
      assert.deepEqual([found.pushes.length, ...reasons(found)], [0, reason], path);
    }
    const config = "application/vnd.docker.container.image.v1+json";
    assert.equal(read("ecr", changed(ECR, "detail.artifact-media-type", config)).pushes.length, 1);
    assert.equal(
      codeOf(() => read("ecr", changed(ECR, "source", "aws.ec2"))),
      "400 INVALID_ARGUMENT",
    );
  });
});

describe("GHCR", () => {
  const headers = {
    "x-github-event": "registry_package",
    "x-github-delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
  };

  test("both events name the image, in lower case", () => {
    const push = {
      registry: "ghcr.io",
      repository: "codertocat/hello-world",
      tag: "1.2",
      digest: DIGEST,
      event: headers["x-github-delivery"],
    };
    assert.deepEqual(read("ghcr", GITHUB, headers).pushes, [push]);
    const { registry_package, ...rest } = GITHUB;
    const older = { ...rest, package: { ...registry_package, package_type: "container" } };
    assert.deepEqual(read("ghcr", older, { ...headers, "x-github-event": "package" }).pushes, [push]);
  });

  test("without a package_url, owner and name; without a tag, the digest alone", () => {
    const bare = changed(GITHUB, "registry_package.package_version.package_url", undefined);
    assert.equal(read("ghcr", bare).pushes[0]?.repository, "codertocat/hello-world");
    // As GitHub tells of a manifest without a tag: the name is empty, and so is what follows the colon.
    const url = "ghcr.io/Codertocat/nested/hello-world:";
    const untagged = changed(
      changed(GITHUB, "registry_package.package_version.container_metadata.tag", { name: "", digest: "" }),
      "registry_package.package_version.package_url",
      url,
    );
    const [push] = read("ghcr", untagged).pushes;
    assert.deepEqual(
      [push?.repository, push?.tag, push?.digest, push?.event],
      ["codertocat/nested/hello-world", undefined, DIGEST, undefined],
    );
  });

  test("a ping, another action, another ecosystem", () => {
    assert.deepEqual(reasons(read("ghcr", { zen: "Design for failure." }, { "x-github-event": "ping" })), [
      "not-a-push",
    ]);
    assert.deepEqual(reasons(read("ghcr", changed(GITHUB, "action", "deleted"))), ["not-a-push"]);
    const npm = { ...GITHUB.registry_package, package_type: "npm", ecosystem: "npm", registry: null };
    assert.deepEqual(reasons(read("ghcr", changed(GITHUB, "registry_package", npm))), ["not-an-image"]);
    assert.equal(
      codeOf(() => read("ghcr", { action: "published" })),
      "400 INVALID_ARGUMENT",
    );
  });

  test("another registry's URL does not count", () => {
    const evil = changed(GITHUB, "registry_package.package_version.package_url", "evil.example.com/x/y:1");
    assert.deepEqual(read("ghcr", evil).pushes[0]?.registry, "ghcr.io");
    assert.deepEqual(read("ghcr", evil).pushes[0]?.repository, "codertocat/hello-world");
  });
});

describe("Docker Hub", () => {
  test("names repository and tag", () => {
    assert.deepEqual(read("dockerhub", DOCKER_HUB).pushes, [
      {
        registry: "docker.io",
        repository: "svendowideit/testhook",
        tag: "latest",
        digest: undefined,
        event: undefined,
      },
    ]);
    const official = changed(DOCKER_HUB, "repository.repo_name", "alpine");
    assert.equal(read("dockerhub", official).pushes[0]?.repository, "library/alpine");
    assert.deepEqual(reasons(read("dockerhub", changed(DOCKER_HUB, "push_data", undefined))), ["malformed"]);
    assert.equal(
      codeOf(() => read("dockerhub", changed(DOCKER_HUB, "repository", []))),
      "400 INVALID_ARGUMENT",
    );
  });
});

describe("Harbor", () => {
  test("in its own form and as a CloudEvent", () => {
    const push = {
      registry: "harbor.example.com",
      repository: "harbor/alpine",
      tag: "3.8",
      digest: DIGEST,
      event: undefined,
    };
    assert.deepEqual(read("harbor", HARBOR).pushes, [push]);
    assert.deepEqual(read("harbor", HARBOR_CLOUD_EVENT).pushes, [
      { ...push, tag: undefined, event: `${HARBOR_CLOUD_EVENT.id}/0` },
    ]);
  });

  test("the registry's name can be configured", () => {
    const of = (name: string) => read("harbor", HARBOR, {}, { harbor: name }).pushes[0]?.registry;
    assert.equal(of("registry.example.com:8443"), "registry.example.com:8443");
  });

  test("other events are not pushes", () => {
    for (const type of ["PULL_ARTIFACT", "DELETE_ARTIFACT", "harbor.scan.completed", "SCANNING_COMPLETED"]) {
      assert.deepEqual(reasons(read("harbor", { ...HARBOR, type })), ["not-a-push"]);
    }
    assert.equal(
      codeOf(() => read("harbor", { type: "PUSH_ARTIFACT" })),
      "400 INVALID_ARGUMENT",
    );
    assert.equal(
      codeOf(() => read("harbor", {})),
      "400 INVALID_ARGUMENT",
    );
  });
});

describe("hostile notifications", () => {
  test("what is not JSON has a code", () => {
    for (const [kind] of SAMPLES) {
      for (const body of ["", "{", "\u0000", "payload=%7B%7D", '"\ud800"', `${"[".repeat(100_000)}`]) {
        assert.equal(
          codeOf(() => read(kind, body)),
          "400 INVALID_ARGUMENT",
          kind,
        );
      }
    }
    const bytes = new Uint8Array([0x7b, 0xff, 0x7d]);
    assert.equal(
      codeOf(() => readNotification("ecr", bytes, new Headers())),
      "400 INVALID_ARGUMENT",
    );
  });

  test("a prototype's field is none of the payload's", () => {
    for (const kind of KINDS) {
      const body = '{"__proto__": {"events": [], "type": "PUSH_ARTIFACT", "source": "aws.ecr"}}';
      assert.equal(
        codeOf(() => read(kind, body)),
        "400 INVALID_ARGUMENT",
        kind,
      );
    }
  });

  // Whatever is put where, the answer is a notification of names that can be, or a code.
  test("any value in any place", () => {
    const random = generator(20_261_124);
    let pushes = 0;
    let refused = 0;
    for (const [kind, sample] of SAMPLES) {
      for (let round = 0; round < 2000; round++) {
        const payload = structuredClone(sample);
        const root = { payload };
        for (let i = 0; i <= random(3); i++) mutate(root, random);
        const event = ["registry_package", "package", "ping", ""][random(4)] ?? "";
        try {
          const found = read(kind, root.payload, { "x-github-event": event });
          for (const push of found.pushes) {
            pushes += 1;
            assert.equal(hostProblem(push.registry), undefined);
            assert.ok(isRepository(push.repository));
            assert.match(push.tag ?? "x", /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/);
            assert.match(push.digest ?? DIGEST, /^sha256:[0-9a-f]{64}$/);
            assert.ok(push.tag ?? push.digest);
          }
        } catch (error) {
          assert.ok(error instanceof HttpError, error instanceof Error ? error.stack : String(error));
          assert.equal(error.code, "INVALID_ARGUMENT");
          refused += 1;
        }
      }
    }
    assert.ok(pushes > 1000 && refused > 500, `${pushes} pushes, ${refused} refused`);
  });
});

/** Whole numbers below `n`, the same in every run (mulberry32). */
function generator(seed: number): (n: number) => number {
  let state = seed;
  return (n) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % n;
  };
}

const ODD: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1e308,
  "",
  "x",
  "../../etc/passwd",
  "a".repeat(5000),
  "169.254.169.254",
  "localhost:1",
  "evil.example.com:443",
  "http://user:pw@host/",
  "ghcr.io/a/b:c@sha256:00",
  "sha256:00",
  "tag\r\nx: y",
  "é",
  "\u0000",
  "constructor",
  [],
  [[]],
  [null],
  {},
  { toString: 1, length: -1 },
  { events: [{}] },
];

/** Puts an odd value in a random place. */
function mutate(root: object, random: (n: number) => number): void {
  let at = root as Record<string, unknown>;
  for (;;) {
    const keys = Object.keys(at);
    const key = keys[random(keys.length)];
    if (key === undefined) return;
    const next = at[key];
    if (typeof next === "object" && next !== null && random(6) > 0) {
      at = next as Record<string, unknown>;
      continue;
    }
    if (random(5) === 0) delete at[key];
    else at[key] = structuredClone(ODD[random(ODD.length)]);
    return;
  }
}
