/** Outcomes of jobs. @module */
import type { Code } from "../errors.ts";

/** Why there was nothing to do, found at the registry. */
export type Skipped =
  /** It has an index already, which was verified where it is merely attached. */
  | "already-indexed"
  /** It is gone since. */
  | "gone"
  /** It is a SOCI index, or an image that names one. */
  | "soci"
  /** It refers to something else: a signature, an attestation. */
  | "referrer"
  /** It has another kind of configuration, or no layers of files. */
  | "not-an-image"
  /** None of its layers is large enough, or of a compression that can be indexed. */
  | "nothing-to-index";

/** Outcome of one try. */
export type Outcome = {
  /** Digests of indexes that are attached to the image and do not say what its layers say. */
  readonly refuted?: readonly string[];
  readonly requests: number;
} & (
  | { readonly status: "done"; readonly pushed: readonly Pushed[] }
  | { readonly status: "skipped"; readonly reason: Skipped }
);

/** A manifest that was written. */
export interface Pushed {
  readonly digest: string;
  readonly tag?: string;
}

/** A try that failed. */
export interface Failure {
  readonly code: Code;
  readonly message: string;
  /** Whether another try may come to something else. */
  readonly passing: boolean;
  /** Seconds that the registry asks to wait. */
  readonly retryAfter: number | undefined;
}
