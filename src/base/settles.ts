/**
 * Waits until a promise settles, or a signal or a time ends the wait. Leaves nothing behind: `Promise.race` keeps a
 * reaction in each pending promise for each call.
 * @returns whether the promise has settled
 * @throws the promise's reason if it rejects
 */
export function settles(
  promise: Promise<unknown>,
  { signal, withinMs }: { signal?: AbortSignal; withinMs?: number },
): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const end = (hasSettled: boolean) => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', giveUp);
      resolve(hasSettled);
    };
    const giveUp = () => end(false);
    const timer = withinMs === undefined ? undefined : setTimeout(giveUp, withinMs);
    signal?.addEventListener('abort', giveUp);
    promise.then(
      () => end(true),
      (error) => {
        reject(error);
        end(true);
      },
    );
    if (signal?.aborted) giveUp();
  });
}
