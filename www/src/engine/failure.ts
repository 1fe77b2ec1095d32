/** What methods throw, as it crosses to the page. @module */
import { OcipeekError } from "ocipeek";
import { type ApiFailure, EngineError } from "../protocol/api.ts";

/** The failure that an error is. What is no error of ours is `INTERNAL`. */
export function failureOf(thrown: unknown): ApiFailure {
  if (thrown instanceof EngineError) return thrown.failure;
  if (thrown instanceof OcipeekError) return partsOf(thrown);
  if (thrown instanceof Error && thrown.name === "AbortError") {
    return { code: "ABORTED", message: "ABORTED: stopped by the caller" };
  }
  return {
    code: "INTERNAL",
    message: `INTERNAL: ${thrown instanceof Error ? thrown.message : String(thrown)}`,
  };
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
  const { code, message, reference, digest, path, status, retryAfter, limit, offset } = error;
  return { code, message, reference, digest, path, status, retryAfter, limit, offset };
}
