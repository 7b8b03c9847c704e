import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { RLIM_INFINITY, RLIMIT_AS } from '../sys/libc.js';
import { findMemoryRoom, findOwnRooms } from './memory.js';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'ipft-memory-'));
});
afterEach(() => {
  rmSync(dir, { recursive: true });
});

const M = 1 << 20;
function group(path: string, files: Record<string, string | number>): void {
  mkdirSync(join(dir, path), { recursive: true });
  for (const [name, content] of Object.entries(files)) writeFileSync(join(dir, path, name), `${content}\n`);
}
const mount = (root: string, type: string, options: string) =>
  `1 2 0:3 / / rw - ext4 /dev/vda rw\n35 24 0:30 ${root} ${dir} rw,nosuid shared:9 - ${type} none ${options}\n`;

test('findMemoryRoom: version 2, the least of all groups above', () => {
  group('a/b', { 'memory.max': 'max', 'memory.high': 100 * M, 'memory.current': 10 * M });
  group('a', { 'memory.max': 60 * M, 'memory.current': 40 * M, 'memory.stat': `file ${8 * M}\nshmem ${3 * M}` });
  group('', {});
  const found = findMemoryRoom('0::/a/b\n', mount('/', 'cgroup2', 'rw'));
  expect(found).toMatchObject({ freeBytes: 25 * M, limitBytes: 60 * M, name: `the cgroup ${join(dir, 'a')}` });
});

test('findMemoryRoom: memory.high counts, and what is over it is no room', () => {
  group('a', { 'memory.max': 'max', 'memory.high': 20 * M, 'memory.current': 30 * M });
  expect(findMemoryRoom('0::/a\n', mount('/', 'cgroup2', 'rw'))?.freeBytes).toBe(0);
});

test('findMemoryRoom: version 1, and no limit', () => {
  group('x', {
    'memory.limit_in_bytes': 50 * M,
    'memory.usage_in_bytes': 20 * M,
    'memory.stat': `total_cache ${5 * M}`,
  });
  group('', { 'memory.limit_in_bytes': '9223372036854771712', 'memory.usage_in_bytes': 90 * M });
  const groups = '12:cpu,cpuacct:/\n7:memory:/x\n0::/\n';
  expect(findMemoryRoom(groups, mount('/', 'cgroup', 'rw,memory'))?.freeBytes).toBe(35 * M);
  expect(findMemoryRoom('7:memory:/\n', mount('/', 'cgroup', 'rw,memory'))).toBeUndefined();
});

test('findMemoryRoom: a container that sees a part of the tree', () => {
  group('', { 'memory.max': 50 * M, 'memory.current': 20 * M });
  expect(findMemoryRoom('0::/docker/x\n', mount('/docker/x', 'cgroup2', 'rw'))?.freeBytes).toBe(30 * M);
  expect(findMemoryRoom('0::/\n', mount('/docker/x', 'cgroup2', 'rw'))?.freeBytes).toBe(30 * M);
});

test.each(['', 'nonsense', '0::', '0::/../../../etc\n'])('findMemoryRoom: %j tells nothing', (groups) => {
  expect(findMemoryRoom(groups, mount('/', 'cgroup2', 'rw'))).toBeUndefined();
  expect(findMemoryRoom('0::/a\n', '')).toBeUndefined();
});

test("findOwnRooms: what the process's own limits leave, less what threads take when they begin", () => {
  const status = 'Name:\tipft\nVmSize:\t 1048576 kB\nVmData:\t  102400 kB\n';
  const limits = (virtual: bigint, data: bigint) => (resource: number) => (resource === RLIMIT_AS ? virtual : data);
  expect(findOwnRooms(limits(RLIM_INFINITY, RLIM_INFINITY), status)).toEqual([]);
  expect(findOwnRooms(limits(BigInt(2048 * M), BigInt(300 * M)), status)).toMatchObject([
    { freeBytes: 384 * M, limitBytes: 2048 * M, name: "this process's virtual memory" },
    { freeBytes: 136 * M, limitBytes: 300 * M, remedy: 'raise the limit: ulimit -d' },
  ]);
  expect(findOwnRooms(limits(BigInt(M), BigInt(M)), status)).toMatchObject([{ freeBytes: 0 }, { freeBytes: 0 }]);
  // /proc is hidden.
  expect(findOwnRooms(limits(BigInt(M), BigInt(M)), '')).toEqual([]);
});
