/** Work on many items, a few at a time. */

/**
 * Calls `body` for each item, `limit` at a time, in order.
 * @param signal no more are begun when it is aborted; those that run are waited for
 * @throws the first error, after which no more are begun either
 */
export async function forEachParallel<T>(
  items: readonly T[],
  limit: number,
  body: (item: T) => Promise<void>,
  signal?: AbortSignal,
): Promise<void> {
  let next = 0;
  let failed = false;
  const work = async () => {
    while (next < items.length && !failed && !signal?.aborted) {
      try {
        await body(items[next++]!);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  const results = await Promise.allSettled(Array.from({ length: Math.min(limit, items.length) }, work));
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}
