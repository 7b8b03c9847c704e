/** What `ipft -o json` prints of counts. */
import { expect } from 'vitest';
import { traceWhile } from './harness.js';

export interface Printed {
  readonly per: string;
  readonly end: boolean;
  readonly total: number;
  readonly without_value: number;
  readonly uncounted: number;
  readonly rows: readonly {
    readonly by: Readonly<Record<string, unknown>>;
    readonly count: number;
    readonly histogram?: readonly { readonly least: number; readonly greatest: number; readonly count: number }[];
  }[];
}

/** What is counted while something is sent. */
export async function counted(args: readonly string[], traffic: () => unknown): Promise<Printed> {
  const { status, stdout, stderr } = await traceWhile(['-o', 'json', '--strict', ...args], traffic);
  expect(status, stderr).toBe(0);
  return JSON.parse(stdout) as Printed;
}
