/** Listeners of abort signals: one of the platform for each signal, however many wait. @module */

interface Waiting {
  readonly all: Set<() => void>;
  readonly listener: () => void;
}

const waiting = new WeakMap<AbortSignal, Waiting>();

/** Calls `stop` when `signal` is aborted, at once where it is. Gives what calls that off. */
export function onAbort(signal: AbortSignal | undefined, stop: () => void): () => void {
  if (!signal || signal.aborted) {
    if (signal) stop();
    return () => {};
  }
  const one = (): void => stop();
  const { all, listener } = waiting.get(signal) ?? listen(signal);
  all.add(one);
  return () => {
    if (!all.delete(one) || all.size > 0) return;
    // Whoever is called next listens anew: a signal may live for long.
    signal.removeEventListener("abort", listener);
    waiting.delete(signal);
  };
}

function listen(signal: AbortSignal): Waiting {
  const all = new Set<() => void>();
  const listener = (): void => {
    for (const one of all) one();
  };
  const made = { all, listener };
  signal.addEventListener("abort", listener, { once: true });
  waiting.set(signal, made);
  return made;
}
