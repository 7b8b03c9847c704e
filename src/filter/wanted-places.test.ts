import { expect, test } from 'vitest';
import { describePackets, NO_PACKETS } from './packet-query.js';
import { parseDeviceWords } from './wanted-places.js';

test('parseDeviceWords: names that the kernel takes for devices, and a namespace behind @', () => {
  expect(parseDeviceWords('eth0')).toEqual({ name: 'eth0', netns: undefined });
  expect(parseDeviceWords('eth0.5@net:[4026531840]')).toEqual({ name: 'eth0.5', netns: 'net:[4026531840]' });
  expect(parseDeviceWords('eth0@/run/docker/netns/a@b')).toEqual({ name: 'eth0', netns: '/run/docker/netns/a@b' });
  expect(parseDeviceWords('123456789012345')).toEqual({ name: '123456789012345', netns: undefined });
  for (const wrong of ['', '.', '..', '1234567890123456', 'é'.repeat(8), 'a b', 'a/b', 'a:1', '@blue', 'eth0@', 'a\0'])
    expect(parseDeviceWords(wrong), wrong).toBeUndefined();
});

test('describePackets: all that is asked for, without control characters', () => {
  expect(describePackets({ ...NO_PACKETS, dev: ['eth0', 'lo@blue'] })).toBe('on eth0 or lo@blue');
  expect(describePackets({ ...NO_PACKETS, mark: 1, expression: 'tcp', netns: ['a\x1b'] })).toBe(
    "with mark 0x1 matching 'tcp' in the namespace a\\x1b",
  );
  const processes = {
    pids: [1, 23],
    withChildren: true,
    names: ['curl', 'a\x1b'],
    groups: [],
    command: true,
    withNeighbours: false,
  };
  expect(describePackets({ ...NO_PACKETS, processes })).toBe(
    'of process 1 or 23 and its children or processes named curl or a\\x1b or the program',
  );
  expect(describePackets({ ...NO_PACKETS, processes: { ...processes, pids: [], withNeighbours: true } })).toBe(
    'of processes named curl or a\\x1b or the program or about their neighbours',
  );
  const groups = (['unit', 'container', 'unit', 'cgroup', 'pod'] as const).map((kind) => ({
    kind,
    name: `${kind}\x1b`,
  }));
  const inGroups = { pids: [], withChildren: false, names: [], groups, command: false, withNeighbours: false };
  expect(describePackets({ ...NO_PACKETS, processes: inGroups })).toBe(
    'of the control group cgroup\\x1b or the unit unit\\x1b or unit\\x1b or the container container\\x1b or the pod pod\\x1b',
  );
});
