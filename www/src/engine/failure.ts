/** Failures as they cross to the page. @module */
import { OcipeekError, type RemedyWords } from "ocipeek";
import { type ApiFailure, EngineError } from "../protocol/api.ts";

/** What to do, as far as the page's buttons and remarks do not say it. */
const WORDS: RemedyWords = {
  "raise-limit": undefined,
  "close-images": undefined,
  "read-unverified": "let it be read by ranges, unverified",
  "read-unverified-chunks": undefined,
  "without-index": "read its layers as they are with the command: npx ocipeek, with --no-soci",
  "use-attached":
    "one that is attached to it is only looked for, and read, if you agree to what somebody attached",
  "build-index": undefined,
  "make-index": "build a SOCI index of the image",
  "convert-to-soci": "make an image that has a SOCI index with npx ocipeek soci convert",
  "convert-to-chunked": "convert the image's layers to zstd:chunked",
  "plain-reader": undefined,
  "other-build": undefined,
  unpack: "unpack it first, and open the tar",
  "name-tag": undefined,
  "trust-token-host": undefined,
  "sign-in": undefined,
  "try-later": undefined,
};

/** The failure that an error is. What is no error of ours is `INTERNAL`. */
export function failureOf(thrown: unknown): ApiFailure {
  if (thrown instanceof EngineError) return thrown.failure;
  if (thrown instanceof OcipeekError) return partsOf(thrown);
  if (thrown instanceof Error && thrown.name === "AbortError") {
    return { code: "ABORTED", message: "stopped by the caller" };
  }
  return { code: "INTERNAL", message: thrown instanceof Error ? thrown.message : String(thrown) };
}

/** What knows more of an answer than its status says. */
interface Explainer {
  explain(status: number | undefined): ApiFailure | undefined;
}

/** An error of the package with the code and the words of whoever knows better. */
export function explained(thrown: unknown, explainer: Explainer | undefined): unknown {
  if (!(thrown instanceof OcipeekError)) return thrown;
  const better = explainer?.explain(thrown.status);
  return better ? new EngineError({ ...partsOf(thrown), ...better }) : thrown;
}

function partsOf(error: OcipeekError): ApiFailure {
  const { code, reference, digest, path, status, retryAfter, limit, offset } = error;
  const remedies = error.remedies.map(({ kind }) => kind);
  const message = error.worded(WORDS);
  return { code, message, remedies, reference, digest, path, status, retryAfter, limit, offset };
}
