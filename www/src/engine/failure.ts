/** What methods throw, as it crosses to the page. @module */
import { OcipeekError } from "ocipeek";
import { type ApiFailure, EngineError } from "../protocol/api.ts";

/** The failure that an error is. What is no error of ours is `INTERNAL`. */
export function failureOf(thrown: unknown): ApiFailure {
  if (thrown instanceof EngineError) return thrown.failure;
  if (thrown instanceof OcipeekError) {
    const { code, message, reference, digest, path, status, retryAfter, limit, offset } = thrown;
    return { code, message, reference, digest, path, status, retryAfter, limit, offset };
  }
  if (thrown instanceof Error && thrown.name === "AbortError") {
    return { code: "ABORTED", message: "ABORTED: stopped by the caller" };
  }
  return {
    code: "INTERNAL",
    message: `INTERNAL: ${thrown instanceof Error ? thrown.message : String(thrown)}`,
  };
}
