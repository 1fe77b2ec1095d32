import { onAbort } from "./common/on-abort.js";
import { OcipeekError } from "./errors.js";

/** Waits; a stop ends it. */
export function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      callOff();
      resolve();
    }, ms);
    const callOff = onAbort(signal, () => {
      clearTimeout(timer);
      reject(new OcipeekError("ABORTED", "stopped by the caller", { cause: signal?.reason }));
    });
  });
}
