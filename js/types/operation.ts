/** Options of operations. @module */

/** Options that every operation takes. */
export interface OperationOptions {
  /** Stops it and its requests; the promise is rejected with `ABORTED`. */
  signal?: AbortSignal | undefined;
}
