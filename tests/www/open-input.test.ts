// What people type and paste to name an image.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { familiar, parseReference } from "../../web/reference.ts";
import { readInput } from "../../www/src/address/input.ts";

const A = "a".repeat(64);
const BASE = "https://peek.example/tools/";

/** What an input opens, with its platform and path where it names some. */
function opens(text: string): string {
  const read = readInput(text, BASE);
  if ("problem" in read) return `! ${read.problem}`;
  const { image, platform, path, layer, lines } = read.to;
  const more = [platform, path === "/" ? undefined : path, layer, lines && `${lines.from}-${lines.to}`];
  return [image, ...more.filter(Boolean)].join(" ");
}

function check(table: Record<string, string>): void {
  for (const [text, want] of Object.entries(table)) assert.equal(opens(text), want, text);
}

describe("an image is named", () => {
  test("by a reference, with a tag or a digest", () => {
    check({
      alpine: "alpine",
      "  alpine:3.20 ": "alpine:3.20",
      "docker.io/library/alpine": "alpine",
      "index.docker.io/grafana/grafana:11": "grafana/grafana:11",
      "ghcr.io/o/app:1": "ghcr.io/o/app:1",
      [`ghcr.io/o/app@sha256:${A}`]: `ghcr.io/o/app@sha256:${A}`,
      [`alpine:3@sha256:${A}`]: `alpine:3@sha256:${A}`,
      "localhost:5000/demo:latest-soci": "localhost:5000/demo:latest-soci",
      "[::1]:5000/a/b": "[::1]:5000/a/b",
      "docker://quay.io/a/b:1": "quay.io/a/b:1",
      "`nginx:1`": "nginx:1",
    });
  });
  test("by a command line", () => {
    check({
      "docker pull alpine:3": "alpine:3",
      "$ sudo docker pull --platform linux/arm64/v8 -q ghcr.io/o/a:1 | cat": "ghcr.io/o/a:1 linux/arm64/v8",
      "docker pull --platform=linux/s390x alpine && echo done": "alpine linux/s390x",
      "docker run --rm -it -e A=b -p 80:80 --name web nginx:1 sh -c 'ls'": "nginx:1",
      "docker image inspect 'alpine:3'": "alpine:3",
      "docker buildx imagetools inspect alpine": "alpine",
      [`podman pull quay.io/o/a@sha256:${A}`]: `quay.io/o/a@sha256:${A}`,
      "crane export gcr.io/a/b:c - | tar tf -": "gcr.io/a/b:c",
      "crane manifest --platform linux/amd64 alpine": "alpine linux/amd64",
      "skopeo inspect docker://alpine:3": "alpine:3",
      "skopeo copy docker://ghcr.io/a/b:1 oci:here": "ghcr.io/a/b:1",
      "nerdctl pull alpine": "alpine",
      "npx ocipeek cat alpine:3 /etc/os-release": "alpine:3",
    });
  });
  test("by a line of a Dockerfile or a YAML file", () => {
    check({
      "FROM node:22": "node:22",
      "FROM --platform=linux/arm64 node:22-slim AS build": "node:22-slim linux/arm64",
      "COPY --from=busybox:1 /bin/busybox /bin/": "busybox:1",
      'image: "nginx:1.25"': "nginx:1.25",
      "  - image: ghcr.io/o/a:1": "ghcr.io/o/a:1",
      "# syntax=docker/dockerfile:1\nFROM alpine:3\nRUN true": "alpine:3",
    });
  });
  test("by the web pages of registries", () => {
    check({
      "https://hub.docker.com/_/alpine/tags": "alpine",
      "https://hub.docker.com/r/grafana/grafana": "grafana/grafana",
      [`https://hub.docker.com/layers/library/alpine/3.20/images/sha256-${A}?context=explore`]: `alpine:3.20@sha256:${A}`,
      "https://github.com/Owner/repo/pkgs/container/app%2Fweb/123?tag=v1": "ghcr.io/owner/app/web:v1",
      "https://github.com/orgs/o/packages/container/package/x": "ghcr.io/o/x",
      "https://quay.io/repository/a/b?tab=tags&tag=v2": "quay.io/a/b:v2",
      [`https://quay.io/repository/a/b/manifest/sha256:${A}`]: `quay.io/a/b@sha256:${A}`,
      "https://gallery.ecr.aws/docker/library/alpine": "public.ecr.aws/docker/library/alpine",
      "https://mcr.microsoft.com/en-us/artifact/mcr/dotnet/runtime/tags": "mcr.microsoft.com/dotnet/runtime",
      "https://ghcr.io/o/a:1": "ghcr.io/o/a:1",
      "https://registry-1.docker.io/v2/library/alpine/manifests/3": "alpine:3",
    });
  });
  test("by this page's addresses and the worker's URLs", () => {
    check({
      "https://elsewhere.example/p/#/ghcr.io/o/a:1/-/etc/passwd?lines=3-5": "ghcr.io/o/a:1 /etc/passwd 3-5",
      "https://elsewhere.example/ghcr.io/o/a:1/-/etc/?platform=linux/arm64": "ghcr.io/o/a:1 linux/arm64 /etc",
      "https://elsewhere.example/ghcr.io/o/a/-/caf%E9": "ghcr.io/o/a /caf%E9",
      [`${BASE}ghcr.io/o/a:1/`]: "ghcr.io/o/a:1",
      [`${BASE}docker.io/alpine/-/etc/hosts?layer=sha256:${A}`]: `alpine /etc/hosts sha256:${A}`,
      [`${BASE}-/v2/docker.io/library/alpine/manifests/3`]: "alpine:3",
    });
  });
});

test("what names no image says why", () => {
  check({
    "": "! Name an image, such as alpine:3 or ghcr.io/owner/app:tag.",
    Alpine: "! Repositories are written in lower case: alpine",
    [`sha256:${A}`]: "! Which repository is this digest in? Write repository@sha256:digest.",
    [A]: "! Which repository is this digest in? Write repository@sha256:digest.",
    "alpine@sha256:12": "! A digest is sha256: and 64 hexadecimal digits in lower case.",
    "alpine:": "! “” is no tag.",
    "ghcr.io/": "! Which repository? Write it like alpine:3 or ghcr.io/owner/app:tag.",
    "-x.example.com/a": "! “-x.example.com” is no host name.",
    "a//b": "! “a//b” is no name of a repository.",
    "./image.tar": "! That is on your disk: drop it here, or choose it below.",
    "docker-archive:image.tar": "! That is on your disk: drop it here, or choose it below.",
    "https://example.com/": "! This web address names no image that is known here.",
    "docker ps": "! No image is named in this. Write it like alpine:3 or ghcr.io/owner/app:tag.",
    "FROM $BASE": "! No image is named in this. Write it like alpine:3 or ghcr.io/owner/app:tag.",
  });
});

test("hostile input is read in no time", () => {
  const start = performance.now();
  for (const unit of [
    "a",
    "a-",
    "-",
    "/",
    "a/",
    "--a ",
    "'",
    "docker pull ",
    "https://a/",
    "a.",
    ":",
    "@",
    "%",
  ]) {
    readInput(unit.repeat(100_000), BASE);
    readInput(`https://x.example/${unit.repeat(100_000)}`, BASE);
    readInput(`docker run ${unit.repeat(100_000)}`, BASE);
  }
  assert.ok(performance.now() - start < 2000);
});

test("short names parse to what they stand for", () => {
  for (const text of [
    "docker.io/library/alpine:3",
    "docker.io/a/b",
    "ghcr.io/library/x",
    "docker.io/foo.bar/x",
  ]) {
    const parsed = parseReference(text);
    assert.ok(typeof parsed !== "string");
    assert.deepEqual(parseReference(familiar(parsed)), parsed, text);
  }
});
