// Notifications as their senders document them, cut down to fields that say something.

export const DIGEST = "sha256:fea8895f450959fa676bcc1df0611ea93823a735a01205fd8622846041d0c7cf";

/** https://distribution.github.io/distribution/about/notifications, "Events" and "Envelope" */
export const DISTRIBUTION = {
  events: [
    {
      id: "320678d8-ca14-430f-8bb6-4ca139cd83f7",
      timestamp: "2016-03-09T14:44:26.402973972-08:00",
      action: "push",
      target: {
        mediaType: "application/vnd.docker.distribution.manifest.v2+json",
        digest: DIGEST,
        size: 708,
        length: 708,
        repository: "hello-world",
        url: `http://192.168.100.227:5000/v2/hello-world/manifests/${DIGEST}`,
        tag: "latest",
      },
      request: {
        id: "6df24a34-0959-4923-81ca-14f09767db19",
        addr: "192.168.64.11:42961",
        host: "192.168.100.227:5000",
        method: "PUT",
        useragent: "curl/7.38.0",
      },
      actor: {},
      source: { addr: "xtal.local:5000", instanceID: "a53db899-3b4b-4a62-a067-8dd013beaca4" },
    },
    {
      id: "asdf-asdf-asdf-asdf-1",
      timestamp: "2006-01-02T15:04:05Z",
      action: "push",
      target: {
        mediaType: "application/vnd.docker.container.image.rootfs.diff+x-gtar",
        digest: DIGEST,
        length: 2,
        repository: "library/test",
        url: `https://example.com/v2/library/test/blobs/${DIGEST}`,
      },
      request: { id: "asdfasdf", addr: "client.local", host: "registrycluster.local", method: "PUT" },
      actor: { name: "test-actor" },
      source: { addr: "hostname.local:port" },
    },
    {
      id: "asdf-asdf-asdf-asdf-2",
      action: "pull",
      target: {
        mediaType: "application/vnd.docker.distribution.manifest.v2+json",
        digest: DIGEST,
        repository: "hello-world",
        tag: "latest",
      },
      request: { host: "192.168.100.227:5000", method: "GET" },
    },
    // A deletion has only these.
    { action: "delete", target: { digest: DIGEST, repository: "library/test" } },
  ],
};

/** https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-eventbridge.html, "Event for a completed image push" */
export const ECR = {
  version: "0",
  id: "13cde686-328b-6117-af20-0e5566167482",
  "detail-type": "ECR Image Action",
  source: "aws.ecr",
  account: "123456789012",
  time: "2019-11-16T01:54:34Z",
  region: "us-west-2",
  resources: [],
  detail: {
    result: "SUCCESS",
    "repository-name": "my-repository-name",
    "image-digest": DIGEST,
    "action-type": "PUSH",
    "image-tag": "latest",
  },
};

/** https://docs.github.com/webhooks/webhook-events-and-payloads#registry_package */
export const GITHUB = {
  action: "published",
  registry_package: {
    id: 10696,
    name: "hello-world",
    namespace: "Codertocat",
    description: null,
    ecosystem: "CONTAINER",
    package_type: "CONTAINER",
    html_url: "https://github.com/Codertocat/hello-world/packages/10696",
    owner: { login: "Codertocat", id: 21031067, type: "User" },
    package_version: {
      id: 57755791,
      version: DIGEST,
      name: DIGEST,
      summary: "",
      manifest: "",
      target_commitish: "master",
      target_oid: "3da1996a8115d7616457760d9920b815241d0a03b34cf5f04e9a0e9d8de37498",
      metadata: [],
      container_metadata: {
        tag: { name: "1.2", digest: DIGEST },
        labels: { source: "https://github.com/Codertocat/hello-world" },
      },
      package_files: [],
      installation_command: "docker pull ghcr.io/Codertocat/hello-world:1.2",
      package_url: "ghcr.io/Codertocat/hello-world:1.2",
    },
    registry: {
      name: "GitHub CONTAINER registry",
      type: "CONTAINER",
      url: "https://CONTAINER.pkg.github.com/Codertocat",
      vendor: "GitHub Inc",
    },
  },
  repository: { id: 185882436, name: "hello-world", full_name: "Codertocat/hello-world", private: true },
  sender: { login: "Codertocat", id: 21031067 },
};

/** https://docs.docker.com/docker-hub/repos/manage/webhooks/, "Example webhook payload" */
export const DOCKER_HUB = {
  callback_url:
    "https://registry.hub.docker.com/u/svendowideit/testhook/hook/2141b5bi5i5b02bec211i4eeih0242eg11000a/",
  push_data: { pushed_at: 1417566161, pusher: "trustedbuilder", tag: "latest" },
  repository: {
    comment_count: 0,
    date_created: 1417494799,
    description: "",
    is_official: false,
    is_private: true,
    is_trusted: true,
    name: "testhook",
    namespace: "svendowideit",
    owner: "svendowideit",
    repo_name: "svendowideit/testhook",
    repo_url: "https://registry.hub.docker.com/u/svendowideit/testhook/",
    star_count: 0,
    status: "Active",
  },
};

/** https://goharbor.io/docs, "Configure Webhook Notifications", "Artifact pushed" */
export const HARBOR = {
  type: "PUSH_ARTIFACT",
  occur_at: 1680501893,
  operator: "harbor-jobservice",
  event_data: {
    resources: [{ digest: DIGEST, tag: "3.8", resource_url: "harbor.example.com/harbor/alpine:3.8" }],
    repository: {
      date_created: 1680501893,
      name: "alpine",
      namespace: "harbor",
      repo_full_name: "harbor/alpine",
      repo_type: "private",
    },
  },
};

/** The same as a CloudEvent, of an image without a tag. */
export const HARBOR_CLOUD_EVENT = {
  specversion: "1.0",
  id: "66e18103-09c1-41f6-982f-37df223f3eeb",
  requestid: "51c0b694-0168-4f3c-b0db-282565455d7b",
  source: "/projects/2/webhook/policies/15",
  type: "harbor.artifact.pushed",
  datacontenttype: "application/json",
  time: "2023-04-03T06:04:46Z",
  data: {
    resources: [{ digest: DIGEST, tag: DIGEST, resource_url: `harbor.example.com/harbor/alpine@${DIGEST}` }],
    repository: {
      name: "alpine",
      namespace: "harbor",
      repo_full_name: "harbor/alpine",
      repo_type: "private",
    },
  },
  operator: "harbor-jobservice",
};
