import { mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { CgroupNames, cgroupAt, findHierarchy, walkCgroups } from './cgroups.js';
import { Containers } from './containers.js';

const ID = 'e8c29da1a2f6c4bb032304f7dfbc5a767e026092c4a2fcbc830e58565f972f54';

let directory: string;
let files: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'ipft-cgroups-'));
  files = mkdtempSync(join(tmpdir(), 'ipft-files-'));
});
afterEach(() => {
  rmSync(directory, { recursive: true });
  rmSync(files, { recursive: true });
});

const make = (...paths: string[]) => {
  for (const path of paths) mkdirSync(join(directory, path), { recursive: true });
};
const idOf = (path: string) => statSync(join(directory, path), { bigint: true }).ino;

test('findHierarchy: where version 2 is mounted, the whole of it first', () => {
  const mount = (root: string, point: string, type: string) =>
    `30 24 0:26 ${root} ${point} rw shared:4 - ${type} x rw\n`;
  const v1 = mount('/', '/sys/fs/cgroup/memory', 'cgroup');
  expect(findHierarchy(v1)).toBeUndefined();
  expect(findHierarchy('')).toBeUndefined();
  const unified = mount('/', '/sys/fs/cgroup/unified', 'cgroup2');
  expect(findHierarchy(v1 + unified)).toEqual({ directory: '/sys/fs/cgroup/unified', root: '/' });
  const part = mount('/docker/x', '/my\\040groups', 'cgroup2');
  expect(findHierarchy(part)).toEqual({ directory: '/my groups', root: '/docker/x' });
  expect(findHierarchy(part + unified)?.root).toBe('/');
});

test('groups and their paths', () => {
  make('a/b', 'c');
  writeFileSync(join(directory, 'a/cgroup.procs'), '');
  symlinkSync('/proc', join(directory, 'c/link'));
  const hierarchy = { directory, root: '/' };
  expect([...walkCgroups(hierarchy)].map(({ id, path }) => [id, path])).toEqual(
    ['/', '/a', '/a/b', '/c'].map((path) => [idOf(path), path]),
  );
  expect(cgroupAt({ directory, root: '/docker/x' }, join(directory, 'a'))?.path).toBe('/docker/x/a');
  for (const other of [join(directory, 'a/cgroup.procs'), join(directory, 'c/link'), join(directory, 'd'), '/proc'])
    expect(cgroupAt(hierarchy, other)).toBeUndefined();
  expect([...walkCgroups({ directory: join(directory, 'gone'), root: '/' })]).toEqual([]);
});

test('CgroupNames: by path and by id, and what is found is kept', () => {
  make(`system.slice/docker-${ID}.scope/inner`, 'lxc.payload.box');
  mkdirSync(join(files, 'var/lib/docker/containers', ID), { recursive: true });
  const config = join(files, 'var/lib/docker/containers', ID, 'config.v2.json');
  writeFileSync(config, '{"Name":"/web"}');
  const names = new CgroupNames({ directory, root: '/' }, new Containers(files));
  const path = `/system.slice/docker-${ID}.scope/inner`;
  const facts = { path, containerId: ID, containerName: 'web', unit: `docker-${ID}.scope` };
  expect(names.describe(path)).toEqual(facts);
  rmSync(config);
  expect(names.find(idOf(path))).toEqual(facts);
  expect(names.find(idOf('lxc.payload.box'))).toEqual({ path: '/lxc.payload.box', containerName: 'box' });
  expect(names.find(idOf('/'))).toEqual({ path: '/' });
  expect(names.find(1n << 60n)).toBeUndefined();
});

test('CgroupNames without a hierarchy knows paths', () => {
  const names = new CgroupNames(undefined, new Containers(files));
  expect(names.find(1n)).toBeUndefined();
  expect(names.describe(`/docker/${ID}`)).toEqual({ path: `/docker/${ID}`, containerId: ID });
});
