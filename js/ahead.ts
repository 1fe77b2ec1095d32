/**
 * Maps items in their order, with `parallel` of them under way at a time. When the consumer leaves or one fails,
 * those under way are waited for, and what they say is dropped.
 */
export async function* ahead<T, R>(
  items: AsyncIterable<T> | Iterable<T>,
  parallel: number,
  map: (item: T) => Promise<R>,
): AsyncGenerator<R, void, undefined> {
  const queue: Promise<R>[] = [];
  try {
    for await (const item of items) {
      const result = map(item);
      // Awaited below in its turn; a failure before that is not unhandled.
      result.catch(() => {});
      queue.push(result);
      if (queue.length >= parallel) {
        const first = queue.shift();
        if (first) yield await first;
      }
    }
    for (let next = queue.shift(); next; next = queue.shift()) yield await next;
  } finally {
    await Promise.allSettled(queue);
  }
}

/**
 * Does something with each of the items, with `parallel` of them under way at a time. The first failure stops the others, by
 * the signal that each is given.
 */
export async function forEach<T>(
  items: Iterable<T>,
  parallel: number,
  signal: AbortSignal | undefined,
  run: (item: T, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const failed = new AbortController();
  const all = signal ? AbortSignal.any([signal, failed.signal]) : failed.signal;
  const guarded = (item: T): Promise<void> =>
    run(item, all).catch((error: unknown) => {
      failed.abort(error);
      throw error;
    });
  try {
    for await (const _ of ahead(items, parallel, guarded));
  } catch (error) {
    throw failed.signal.aborted && !signal?.aborted ? failed.signal.reason : error;
  }
}
