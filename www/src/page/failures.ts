/** Failures in words: what each means to a person, and what they can do about it. No DOM. @module */

import { HUB } from "../../../web/host.ts";
import { parseReference } from "../../../web/reference.ts";
import type { ApiFailure } from "../protocol/api.ts";

/** What can be done at once. `wait`: the same again, after a time. */
export type Remedy = "retry" | "wait" | "sign-in" | "choose" | "start";

/** A failure in words. */
export interface Explained {
  /** A few words. */
  title: string;
  /** What happened, in a sentence or two. */
  what: string;
  /** What to do. */
  todo: string[];
  remedy: Remedy;
}

/** What the page knows besides. */
export interface Surroundings {
  /** The image that the address names. */
  reference: string;
  /** Whether this page's host passes requests on to registries. */
  proxy: boolean;
  /** Whether it passes a name and token on. */
  passAuthorization: boolean;
}

/** The host of a reference, as people know it. */
export function registryOf(reference: string): string {
  const parsed = parseReference(reference);
  return typeof parsed === "string" ? HUB : parsed.registry;
}

/** The fields of {@link Explained}; by default it is tried again. */
type Words = [title: string, what: string, todo?: string[], remedy?: Remedy];

/** What words are made of; `said`: the failure's message as a sentence. */
type Told = ApiFailure & Surroundings & { asked: string; registry: string; said: string };

type Explain = (told: Told) => Words;

const corrupt =
  (what: string): Explain =>
  ({ digest }) => [
    `The ${what} is damaged`,
    `${digest ? `${digest} ` : "It "}has the right digest, but its content breaks its format. Nothing of it is shown.`,
    ["Tell whoever built the image: they have to build and push it again."],
  ];

const notHere: Explain = ({ path }) => [
  "No such file",
  `${path ?? "The path"} is not in this image.`,
  ["Look for it with the filter of the file list.", "It may be in another tag, platform or layer."],
  "start",
];

const OWN_SERVER = "Run your own: npx ocipeek serve, and open the address that it prints.";
const SAVE_IT = "Save the image with docker save or skopeo copy, and open the file here.";

const EXPLAIN: Record<string, Explain> = {
  NOT_FOUND: ({ reference, digest, asked, registry }) => [
    "No such image",
    `${registry} has no ${digest ?? reference ?? asked}, or does not show it to people who are not signed in.`,
    [
      "Check the spelling of repository and tag.",
      "An image that was deleted or never pushed cannot be shown.",
      "Is it private? Then sign in.",
    ],
    "sign-in",
  ],
  NO_SUCH_LAYER: ({ said }) => [
    "No such layer",
    said,
    ["The tag may name a newer image by now, or the layer belongs to another platform."],
    "start",
  ],
  UNAUTHORIZED: ({ registry, proxy, passAuthorization }) => [
    "This image is private",
    `${registry} wants to know who you are before it shows this image.`,
    proxy && !passAuthorization
      ? ["Sign in. That works where the registry answers web pages itself: this host passes no sign-in on."]
      : ["Sign in with your user name and a read-only token. Both stay in this tab's memory."],
    "sign-in",
  ],
  FORBIDDEN: ({ registry }) => [
    "You may not read this image",
    `${registry} knows who you are, and refuses.`,
    ["Sign in as someone who may read it.", "Ask the owner of the repository for access."],
    "sign-in",
  ],
  RATE_LIMITED: ({ retryAfter, registry }) => [
    "Too many requests",
    retryAfter === undefined
      ? `${registry} limits how often it is asked, and did not say for how long.`
      : `${registry} limits how often it is asked, and wants a pause.`,
    ["Wait. What was fetched is kept.", "Those who sign in are often allowed more."],
    "wait",
  ],
  CORS: ({ registry, proxy }) => [
    "The registry does not talk to web pages",
    `${registry} may work well, but sends no CORS headers, so the browser keeps its answers from this page.`,
    proxy
      ? ["This host did not pass the request on. Try again, or ask whoever runs it."]
      : [
          "Open the image on a page that passes requests on: run npx ocipeek serve, and open the address that it prints.",
          "Is it your registry? Let it send Access-Control-Allow-Origin.",
          SAVE_IT,
        ],
  ],
  REGISTRY_NOT_ALLOWED: ({ registry }) => [
    "This host does not reach that registry",
    `${registry} does not answer web pages itself, and the host of this page passes requests on to some registries only.`,
    [OWN_SERVER, SAVE_IT],
    "start",
  ],
  HOST_NOT_ALLOWED: ({ said }) => [
    "The registry points to a host that may not be asked",
    said,
    ["Run your own: npx ocipeek serve. It can be told to ask there."],
  ],
  DIGEST_MISMATCH: ({ digest }) => [
    "Not what its digest says",
    `Twice, what came as ${digest ?? "a part of the image"} was something else. It was thrown away, and nothing of it is shown.`,
    [
      "Try again: something on the way may have cut or changed it.",
      "If it happens again, the registry holds damaged data: tell whoever runs it, with this digest.",
    ],
  ],
  CORRUPT_MANIFEST: corrupt("manifest"),
  CORRUPT_ZTOC: corrupt("SOCI index"),
  CORRUPT_LAYER: corrupt("layer"),
  LIMIT_EXCEEDED: ({ said, limit }) => [
    "Larger than this page reads",
    said,
    [
      `The limit${limit ? ` (${limit})` : ""} protects your browser. The command has none that you cannot raise: npx ocipeek.`,
    ],
    "start",
  ],
  UNSUPPORTED: ({ said, remedies }) => [
    "Not something this page can read",
    said,
    remedies?.includes("use-attached")
      ? [
          "Whoever may write to the repository can attach an image that shows other files: decide whether you trust them.",
        ]
      : ["Try a newer ocipeek, or the command: npx ocipeek."],
    "start",
  ],
  RANGE_NOT_SUPPORTED: ({ said, registry }) => [
    "The registry does not hand out parts",
    `${registry} was asked for a range of a layer, and gave something else. ${said}`,
    [SAVE_IT],
  ],
  NETWORK: ({ said, registry }) => [
    "No connection to the registry",
    `${registry} could not be reached, or the connection broke. ${said}`,
    ["Try again.", "Check the host's name."],
  ],
  TIMEOUT: ({ registry }) => [
    "The registry takes too long",
    `${registry} did not answer in time.`,
    ["Try again."],
  ],
  OFFLINE: () => [
    "You are offline",
    "The browser has no connection. What was read before is still here.",
    ["It goes on by itself when the connection is back."],
  ],
  CHOOSE_AGAIN: ({ asked }) => [
    "Choose the file once more",
    `${asked.replace(/^file:/, "")} lies on your disk. A page may not open it by itself after a reload.`,
    ["Choose the same file or folder again; this address then shows what it names."],
    "choose",
  ],
  INVALID_REFERENCE: ({ said }) => [
    "Not an image's name",
    said,
    ["Write it as registry/repository:tag or registry/repository@sha256:…"],
    "start",
  ],
  INVALID_ARGUMENT: ({ said }) => [
    "The address names something that does not exist",
    said,
    ["Start from the image without platform and layer."],
    "start",
  ],
  ENOENT: notHere,
  ENOTDIR: notHere,
  EISDIR: ({ path }) => ["A folder", `${path ?? "It"} is a folder, and has no content of its own.`],
  EINVAL: ({ said }) => ["It has no content", said],
  ELOOP: ({ path }) => [
    "Links in a circle",
    `${path ?? "The path"} leads from link to link and never to a file.`,
  ],
  INTERNAL: ({ said }) => [
    "The reader failed in the middle of this",
    said,
    [
      "Try again: the image is opened anew for it. If it happens again, please report it with the text below.",
    ],
  ],
  ABORTED: () => ["Stopped", "You stopped it. What was fetched is kept."],
};

const unknown: Explain = ({ said }) => [
  "Something went wrong here",
  said,
  ["Try again. If it happens again, it is a bug in this page: please report it with the text below."],
];

/** A failure in words. */
export function explain(failure: ApiFailure, around: Surroundings): Explained {
  const found = Object.hasOwn(EXPLAIN, failure.code) ? EXPLAIN[failure.code] : undefined;
  const { reference: asked } = around;
  const told = { ...around, ...failure, asked, registry: registryOf(asked), said: sentence(failure.message) };
  const [title, what, todo = [], remedy = "retry"] = (found ?? unknown)(told as Told);
  return { title, what, todo, remedy };
}

/** A text as a sentence. */
export function sentence(text: string): string {
  return /[.!?…]$/.test(text) ? text : `${text}.`;
}
