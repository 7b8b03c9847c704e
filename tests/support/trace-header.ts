/** What a source of records says of itself, where nothing of it matters but the functions. */
import type { TraceHeader } from '../../src/base/record-source.js';
import type { Target } from '../../src/base/target.js';

export function createHeader(targets: readonly Target[]): TraceHeader {
  return {
    ...{ version: '0', kernel: '6.12', tracer: 'function', backend: 'kprobe-multi', targets, fields: undefined },
    ...{ names: { reason: () => undefined, symbol: () => undefined }, symbols: () => {} },
    ...{ netnsName: () => undefined, findGroup: () => undefined, beganNs: 0n, realtimeOffsetNs: 0n },
  };
}
