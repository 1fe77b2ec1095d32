/** Requests of which an answer is expected, and the errors of others. @module */
import { type ErrorDetails, hasCode, OcipeekError } from "../errors.js";
import type { RegistryFetch } from "../registry/fetch.js";
import type { ErrorCode, RegistryAnswer, RegistryRequest } from "../types/index.js";

/** A request, and what is made of its answer. */
export interface Asked extends RegistryRequest {
  /** An absolute URL, or a path below `/v2/<repository>/`. */
  target: string;
  /** What is an answer; everything else is an error. */
  expect: readonly number[];
  /** What messages say it was for: `the upload of sha256:…`. */
  what: string;
}

/** The answer to a request, if it is one that is expected. */
export async function ask(
  registry: RegistryFetch,
  { target, expect, what, ...request }: Asked,
): Promise<RegistryAnswer> {
  const answer = await registry(target, request);
  if (expect.includes(answer.status)) return answer;
  throw await registry.failure(answer, `${registry.repository}: ${what}`);
}

/** Answer to a request, as {@link ask} gives it, whose body nobody reads. */
export async function tell(registry: RegistryFetch, asked: Asked): Promise<RegistryAnswer> {
  const answer = await ask(registry, asked);
  await answer.body?.cancel();
  return answer;
}

/** An error about a repository. */
export function errorOf(
  { repository }: RegistryFetch,
  code: ErrorCode,
  why: string,
  details: Pick<ErrorDetails, "digest" | "cause"> = {},
): OcipeekError {
  return new OcipeekError(code, `${code}: ${repository}: ${why}`, { reference: repository, ...details });
}

/** Whether another try may help. What is no use to follow has the status of a redirect. */
export function isPassing(error: unknown): boolean {
  return hasCode(error, "NETWORK") && (error.status === undefined || error.status >= 400);
}
