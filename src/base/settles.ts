/**
 * Waits until a promise settles, or something else ends the waiting, and leaves nothing behind. `Promise.race` keeps
 * something for each call with every promise that is still pending.
 * @returns whether it has settled
 * @throws what it rejects with
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
