import { expect, test } from 'vitest';
import {
  CPU_ENDS_LOST,
  CPU_LOST,
  CPU_LOST_FIRST_NS,
  CPU_LOST_LAST_NS,
  CPU_SIZE,
  CPU_UNFOLLOWED,
  CPU_UNSEEN,
} from './layout.js';
import { decodeLosses } from './losses.js';

test('decodeLosses: each CPU that lost events, and the sums of the rest', () => {
  const view = new DataView(new ArrayBuffer(2 * CPU_SIZE));
  const set = (cpu: number, member: number, value: bigint) => view.setBigUint64(cpu * CPU_SIZE + member, value, true);
  set(0, CPU_UNFOLLOWED, 4n);
  set(0, CPU_ENDS_LOST, 40n);
  set(0, CPU_UNSEEN, 50n);
  set(1, CPU_LOST, 5n);
  set(1, CPU_LOST_FIRST_NS, 10n);
  set(1, CPU_LOST_LAST_NS, 20n);
  set(1, CPU_UNFOLLOWED, 1n);
  set(1, CPU_ENDS_LOST, 2n);
  set(1, CPU_UNSEEN, 3n);
  expect(decodeLosses(view)).toEqual({
    ...{ cpus: [{ cpu: 1, lost: 5n, firstNs: 10n, lastNs: 20n }], unfollowed: 5n, ends: 42n, unseen: 53n },
  });
});
