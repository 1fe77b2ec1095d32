/** What a failure means to a person, and what they can do about it. No DOM. @module */

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

type Explain = (failure: ApiFailure, around: Surroundings) => Explained;

/** The host of a reference, as people know it. */
export function registryOf(reference: string): string {
  const parsed = parseReference(reference);
  return typeof parsed === "string" ? HUB : parsed.registry;
}

const corrupt =
  (what: string): Explain =>
  ({ digest }) => ({
    title: `The ${what} is damaged`,
    what: `${digest ? `${digest} ` : "It "}has the right digest, but its content breaks its format. Nothing of it is shown.`,
    todo: ["Tell whoever built the image: they have to build and push it again."],
    remedy: "retry",
  });

const notHere: Explain = ({ path }) => ({
  title: "No such file",
  what: `${path ?? "The path"} is not in this image.`,
  todo: ["Look for it with the filter of the file list.", "It may be in another tag, platform or layer."],
  remedy: "start",
});

const EXPLAIN: Record<string, Explain> = {
  NOT_FOUND: ({ reference, digest }, { reference: asked }) => ({
    title: "No such image",
    what: `${registryOf(asked)} has no ${digest ?? reference ?? asked}, or does not show it to people who are not signed in.`,
    todo: [
      "Check the spelling of repository and tag.",
      "An image that was deleted or never pushed cannot be shown.",
      "Is it private? Then sign in.",
    ],
    remedy: "sign-in",
  }),
  NO_SUCH_LAYER: ({ message }) => ({
    title: "No such layer",
    what: sentence(message),
    todo: ["The tag may name a newer image by now, or the layer belongs to another platform."],
    remedy: "start",
  }),
  UNAUTHORIZED: (_, around) => ({
    title: "This image is private",
    what: `${registryOf(around.reference)} wants to know who you are before it shows this image.`,
    todo:
      around.proxy && !around.passAuthorization
        ? ["Sign in. That works where the registry answers pages itself: this host passes no sign-in on."]
        : ["Sign in with your user name and a token that may read. Both stay in this tab's memory."],
    remedy: "sign-in",
  }),
  FORBIDDEN: (_, { reference }) => ({
    title: "You may not read this image",
    what: `${registryOf(reference)} knows who asks, and says no.`,
    todo: ["Sign in as someone who may read it.", "Ask the owner of the repository for access."],
    remedy: "sign-in",
  }),
  RATE_LIMITED: ({ retryAfter }, { reference }) => ({
    title: "Too many requests",
    what:
      retryAfter === undefined
        ? `${registryOf(reference)} limits how often it is asked, and did not say for how long.`
        : `${registryOf(reference)} limits how often it is asked, and wants a pause.`,
    todo: ["Wait. What was fetched is kept.", "Those who sign in are often allowed more."],
    remedy: "wait",
  }),
  CORS: (_, { reference, proxy }) => ({
    title: "The registry does not talk to web pages",
    what: `${registryOf(reference)} may work well, but sends no CORS headers, so the browser keeps its answers from this page.`,
    todo: proxy
      ? ["This host did not pass the request on. Try again, or ask who runs it."]
      : [
          "Open the image on a page that passes requests on: run npx ocipeek serve, and open the address it prints.",
          "Is it your registry? Let it send Access-Control-Allow-Origin.",
          "Save the image with docker save or skopeo copy, and open the file here.",
        ],
    remedy: "retry",
  }),
  REGISTRY_NOT_ALLOWED: (_, { reference }) => ({
    title: "This host does not reach that registry",
    what: `${registryOf(reference)} does not answer web pages itself, and the host of this page passes requests on to some registries only.`,
    todo: [
      "Run your own: npx ocipeek serve, and open the address it prints.",
      "Save the image with docker save or skopeo copy, and open the file here.",
    ],
    remedy: "start",
  }),
  HOST_NOT_ALLOWED: ({ message }) => ({
    title: "The registry leads to a place that is not asked",
    what: sentence(message),
    todo: ["Run your own host: npx ocipeek serve. It may be told to ask there."],
    remedy: "retry",
  }),
  DIGEST_MISMATCH: ({ digest }) => ({
    title: "Not what its digest says",
    what: `What came as ${digest ?? "a part of the image"} was not that, twice. It was thrown away, and nothing of it is shown.`,
    todo: [
      "Try again: something on the way may have cut or changed it.",
      "If it stays, the registry holds damaged data: tell who runs it, with this digest.",
    ],
    remedy: "retry",
  }),
  CORRUPT_MANIFEST: corrupt("manifest"),
  CORRUPT_ZTOC: corrupt("SOCI index"),
  CORRUPT_LAYER: corrupt("layer"),
  LIMIT_EXCEEDED: ({ message, limit }) => ({
    title: "Larger than this page reads",
    what: sentence(message),
    todo: [
      `The limit${limit ? ` (${limit})` : ""} protects your browser. The command has none that you cannot raise: npx ocipeek.`,
    ],
    remedy: "start",
  }),
  UNSUPPORTED: ({ message, remedies }) => ({
    title: "Not something this page can read",
    what: sentence(message),
    todo: remedies?.includes("use-attached")
      ? [
          "Whoever may write to the repository can attach an image that shows other files: decide whether you trust them.",
        ]
      : ["Try a newer ocipeek, or the command: npx ocipeek."],
    remedy: "start",
  }),
  RANGE_NOT_SUPPORTED: ({ message }, { reference }) => ({
    title: "The registry does not hand out parts",
    what: `${registryOf(reference)} was asked for a range of a layer, and gave something else. ${sentence(message)}`,
    todo: ["Save the image with docker save or skopeo copy, and open the file here."],
    remedy: "retry",
  }),
  NETWORK: ({ message }, { reference }) => ({
    title: "No connection to the registry",
    what: `${registryOf(reference)} could not be reached, or broke off. ${sentence(message)}`,
    todo: ["Try again.", "Check the host's name."],
    remedy: "retry",
  }),
  TIMEOUT: (_, { reference }) => ({
    title: "The registry takes too long",
    what: `${registryOf(reference)} did not answer in time.`,
    todo: ["Try again."],
    remedy: "retry",
  }),
  OFFLINE: () => ({
    title: "You are offline",
    what: "The browser has no connection. What was read before is still here.",
    todo: ["It goes on by itself when the connection is back."],
    remedy: "retry",
  }),
  CHOOSE_AGAIN: (_, { reference }) => ({
    title: "Choose the file once more",
    what: `${reference.replace(/^file:/, "")} lies on your disk. A page may not open it by itself after a reload.`,
    todo: ["Choose the same file or folder again; this address then shows what it names."],
    remedy: "choose",
  }),
  INVALID_REFERENCE: ({ message }) => ({
    title: "Not an image's name",
    what: sentence(message),
    todo: ["Write it as registry/repository:tag or registry/repository@sha256:…"],
    remedy: "start",
  }),
  INVALID_ARGUMENT: ({ message }) => ({
    title: "The address names something that does not exist",
    what: sentence(message),
    todo: ["Start from the image without platform and layer."],
    remedy: "start",
  }),
  ENOENT: notHere,
  ENOTDIR: notHere,
  EISDIR: ({ path }) => ({
    title: "A folder",
    what: `${path ?? "It"} is a folder, and has no content of its own.`,
    todo: [],
    remedy: "retry",
  }),
  EINVAL: ({ message }) => ({
    title: "It has no content",
    what: sentence(message),
    todo: [],
    remedy: "retry",
  }),
  ELOOP: ({ path }) => ({
    title: "Links in a circle",
    what: `${path ?? "The path"} leads from link to link and never to a file.`,
    todo: [],
    remedy: "retry",
  }),
  INTERNAL: ({ message }) => ({
    title: "The reader failed in the middle of this",
    what: sentence(message),
    todo: ["Try again: the image is opened anew for it. If it stays, please report it with the text below."],
    remedy: "retry",
  }),
  ABORTED: () => ({
    title: "Stopped",
    what: "You stopped it. What was fetched is kept.",
    todo: [],
    remedy: "retry",
  }),
};

const unknown: Explain = ({ message }) => ({
  title: "Something went wrong here",
  what: sentence(message),
  todo: ["Try again. If it stays, it is a mistake of this page: please report it with the text below."],
  remedy: "retry",
});

/** A failure in words. */
export function explain(failure: ApiFailure, around: Surroundings): Explained {
  const found = Object.hasOwn(EXPLAIN, failure.code) ? EXPLAIN[failure.code] : undefined;
  return (found ?? unknown)(failure, around);
}

/** A text as a sentence. */
export function sentence(text: string): string {
  return /[.!?…]$/.test(text) ? text : `${text}.`;
}
