import { expect, test } from 'vitest';
import { attachedBytes, checkMemory, planMemory } from './memory-plan.js';

const M = 1 << 20;
const room = (free: number) => ({
  ...{ freeBytes: free * M, limitBytes: 60 * M },
  ...{ name: 'the cgroup /sys/fs/cgroup/x', remedy: 'raise it' },
});
const wish = (ringSizeBytes: number, ringIsGiven = false) => ({ ringSizeBytes, ringIsGiven });

test('planMemory: without a limit all is as wanted', () => {
  const plan = planMemory({ ...wish(16 * M), maxMemoryBytes: 99 }, undefined, 0);
  expect(plan).toEqual({ ringSizeBytes: 16 * M, maxMemoryBytes: 99, warning: undefined });
  expect(planMemory(wish(16 * M), room(500), 0)).toMatchObject({ ringSizeBytes: 16 * M, warning: undefined });
});

test('planMemory: the ring is made to fit, and the user is told', () => {
  const plan = planMemory({ ...wish(16 * M), maxMemoryBytes: 30 * M }, room(40), 0);
  expect(plan.ringSizeBytes).toBeLessThan(16 * M);
  expect(Math.log2(plan.ringSizeBytes) % 1).toBe(0);
  expect(plan.warning).toMatch(/^the ring has \d+[MK] instead of 16M: the cgroup .* limit of 60M leaves 40M/);
  expect(plan.maxMemoryBytes).toBeLessThan(30 * M);
});

test('planMemory: functions that are attached to one by one take memory too, most of it with trampolines', () => {
  const bytes = (access: 'registers' | 'trampoline', tracer: 'function' | 'function_graph', oneByOne = true) =>
    attachedBytes({ oneByOne, access }, tracer, 1600);
  expect(bytes('registers', 'function', false)).toBe(0);
  expect(bytes('registers', 'function')).toBeGreaterThan(1600 * 3600);
  expect(bytes('trampoline', 'function')).toBeGreaterThan(1600 * 30_000);
  expect(bytes('trampoline', 'function_graph')).toBe(2 * bytes('trampoline', 'function'));
  const [none, many] = [
    planMemory(wish(16 * M), room(100), 0),
    planMemory(wish(16 * M), room(100), bytes('trampoline', 'function')),
  ];
  expect(many.ringSizeBytes).toBeLessThan(none.ringSizeBytes);
});

test('planMemory: what was asked for is done or refused', () => {
  expect(planMemory({ ...wish(M, true), maxMemoryBytes: 7, maxMemoryIsGiven: true }, room(40), 0)).toMatchObject({
    ...{ ringSizeBytes: M, maxMemoryBytes: 7, warning: undefined },
  });
  expect(() => planMemory(wish(64 * M, true), room(40), 0)).toThrow(
    /^tracing with a ring of 64M needs \d+M more memory, and the cgroup .* leaves 40M$/,
  );
  expect(() => planMemory(wish(16 * M), room(20), 0)).toThrow(/^tracing with a ring of 64K needs/);
});

test('checkMemory: what can not be enough is refused before the kernel is read', () => {
  checkMemory({ isFiltered: false }, undefined);
  checkMemory({ isFiltered: false }, room(86));
  checkMemory({ isFiltered: true }, room(47));
  for (const isFiltered of [true, false]) {
    expect(() => checkMemory({ isFiltered }, room(26))).toThrow(
      /^tracing with a ring of 64K needs \d+M more memory, and the cgroup .* leaves 26M$/,
    );
  }
  expect(() => checkMemory({ isFiltered: false }, room(46))).toThrow(/leaves 46M$/);
});
