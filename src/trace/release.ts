/** The end of a trace that has failed. */

/**
 * Releases what is left, and throws the error that made it necessary, also where the release fails.
 * @throws `error`
 */
export async function releaseAfter(error: unknown, release: () => Promise<void>): Promise<never> {
  await release().catch(() => {});
  throw error;
}
