/** How long tests wait for a condition. */
import { execFileSync } from 'node:child_process';

declare module 'vitest' {
  export interface ProvidedContext {
    /** Longer than any condition takes to come. */
    readonly patienceMs: number;
  }
}

/** What is fast here takes this long nevertheless, where a moment's load is behind it. */
const LEAST_MS = 120_000;
/** So many starts of Node: the slowest trace of the tests takes ten, with all its functions attached one by one. */
const STARTS = 60;

/**
 * Measures it on this machine: what hangs is to be noticed in minutes, and what is slow, as all is in a guest on a busy
 * machine, is to be waited for.
 */
export function measurePatience(): number {
  const begin = performance.now();
  execFileSync(process.execPath, ['-e', '0']);
  return Math.round(Math.max(LEAST_MS, STARTS * (performance.now() - begin)));
}
