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
