import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { CgroupNames } from './cgroups.js';
import { Containers } from './containers.js';
import { groupFinder, groupOf } from './control-groups.js';

const ID = 'c0ffee00'.repeat(8);

test('groupFinder: groups that are there, and those that were', () => {
  const directory = mkdtempSync(join(tmpdir(), 'ipft-groups-'));
  try {
    const at = join(directory, 'system.slice', `docker-${ID}.scope`);
    mkdirSync(at, { recursive: true });
    const id = statSync(at, { bigint: true }).ino;
    const find = groupFinder(new CgroupNames({ directory, root: '/' }, new Containers(join(directory, 'none'))));
    const expected = {
      ...{ path: `/system.slice/docker-${ID}.scope`, unit: `docker-${ID}.scope`, pod: undefined },
      container: { id: ID, name: undefined },
    };
    expect(find(id)).toEqual(expected);
    rmSync(at, { recursive: true });
    expect(find(id)).toEqual(expected);
    expect(find(0n)).toBeUndefined();
    expect(find(1n << 62n)).toBeUndefined();
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});

test('groupOf: containers, machines and pods', () => {
  const nothing = { container: undefined, unit: undefined, pod: undefined };
  expect(groupOf({ path: '/' })).toEqual({ path: '/', ...nothing });
  expect(groupOf({ path: '/m', containerName: 'blue' })).toEqual({
    ...{ path: '/m', ...nothing },
    container: { id: undefined, name: 'blue' },
  });
  expect(groupOf({ path: '/p', podNamespace: 'one', podName: 'two', unit: 'a.scope' })).toEqual({
    ...{ path: '/p', container: undefined, unit: 'a.scope', pod: 'one/two' },
  });
});
