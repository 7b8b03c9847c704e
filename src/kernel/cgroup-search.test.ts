import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { UnsupportedFeatureError, UsageError } from '../base/errors.js';
import type { GroupKind } from '../base/group-words.js';
import { findCgroups } from './cgroup-search.js';
import { Containers } from './containers.js';

const ID = 'e8c29da1a2f6c4bb032304f7dfbc5a767e026092c4a2fcbc830e58565f972f54';
const OTHER = `e8c2${'0'.repeat(60)}`;
const SANDBOX = 'a'.repeat(64);
const UID = '2edf54f8-6911-449f-9abe-3d468a770d6b';
const POD_SLICE = `/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod${UID.replaceAll('-', '_')}.slice`;
const MANAGER = '/user.slice/user-1000.slice/user@1000.service';
const MOST = 4;

let directory: string;
let files: string;
let mounts: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'ipft-cgroups-'));
  files = mkdtempSync(join(tmpdir(), 'ipft-files-'));
  mounts = `30 24 0:26 / ${directory} rw,nosuid shared:4 - cgroup2 cgroup2 rw\n`;
});
afterEach(() => {
  rmSync(directory, { recursive: true });
  rmSync(files, { recursive: true });
});

const make = (...paths: string[]) => {
  for (const path of paths) mkdirSync(join(directory, path), { recursive: true });
};
function write(path: string, content: unknown): void {
  mkdirSync(dirname(join(files, path)), { recursive: true });
  writeFileSync(join(files, path), JSON.stringify(content));
}
const docker = (id: string, Name: string) => write(`/var/lib/docker/containers/${id}/config.v2.json`, { Name });
const ofPod = (id: string, name: string | undefined, pod: string) =>
  write(`/run/containerd/io.containerd.runtime.v2.task/k8s.io/${id}/config.json`, {
    annotations: {
      'io.kubernetes.cri.container-name': name,
      'io.kubernetes.cri.sandbox-name': pod,
      'io.kubernetes.cri.sandbox-namespace': 'shop',
    },
  });

const find = (kind: GroupKind, ...names: string[]) => {
  const words = names.map((name) => ({ kind, name }));
  const found = findCgroups(words, MOST, { mounts, containers: new Containers(files) });
  for (const { id, path } of found) expect(id).toBe(statSync(join(directory, path), { bigint: true }).ino);
  return found.map(({ path }) => path);
};
const failure = (kind: GroupKind, ...names: string[]) => {
  try {
    find(kind, ...names);
  } catch (error) {
    if (error instanceof UsageError) return `${error.message}; ${error.hint}`;
    throw error;
  }
  throw new Error('nothing is wrong');
};

test('nothing is asked for, and nothing is read', () => {
  expect(findCgroups([], 1, { mounts: '', containers: new Containers(files) })).toEqual([]);
});

test('no groups of version 2 are mounted', () => {
  mounts = mounts.replace('cgroup2 cgroup2', 'cgroup cpu');
  expect(() => find('cgroup', '/')).toThrow(UnsupportedFeatureError);
  expect(() => find('container', ID)).toThrow(/version 2, and cgroup2 is not mounted/);
});

test('cgroup: a directory, or a path in the hierarchy', () => {
  make('a/b c', 'system.slice/nginx.service');
  expect(find('cgroup', '/')).toEqual(['/']);
  expect(find('cgroup', directory)).toEqual(['/']);
  const forms = ['/a/b c', 'a/b c', '/a//b c/', '/a/../a/b c', `${directory}/a/b c`, `${directory}/a/b c/`];
  for (const form of forms) expect(find('cgroup', form)).toEqual(['/a/b c']);
  expect(find('cgroup', ...forms, 'a')).toEqual(['/a/b c', '/a']);
});

test('cgroup: of a part of the hierarchy, paths are those of the whole', () => {
  make('a');
  mounts = mounts.replace(' / ', ' /lxc/web ');
  for (const form of ['/a', '/lxc/web/a', join(directory, 'a')]) {
    const found = findCgroups([{ kind: 'cgroup', name: form }], 1, { mounts, containers: new Containers(files) });
    expect(found.map(({ path }) => path)).toEqual(['/lxc/web/a']);
  }
});

test('cgroup: what is none', () => {
  make('system.slice/nginx.service');
  writeFileSync(join(directory, 'system.slice/cgroup.procs'), '');
  expect(failure('cgroup', '/system.slice/ngins.service')).toMatch(
    /^there is no control group '\/system.slice\/ngins.service' \(did you mean .*\/system.slice\/nginx.service\?\); undefined$/,
  );
  expect(failure('cgroup', '/nowhere/x')).toMatch(/^there is no control group '\/nowhere\/x'; the directories in /);
  expect(failure('cgroup', '/../../proc')).toMatch(
    /'\/..\/..\/proc' is no control group of version 2, but a directory of another/,
  );
  expect(failure('cgroup', '/proc/self')).toMatch(
    /is no control group of version 2, but a directory of another file system/,
  );
  expect(failure('cgroup', `${directory}/system.slice/cgroup.procs`)).toMatch(
    /, but a file; these are the directories/,
  );
  expect(failure('cgroup', '/etc/passwd')).toMatch(/, but a file/);
  expect(failure('cgroup', 'a\0b')).toMatch(/there is no control group 'a\\x00b'/);
  expect(failure('cgroup', '\x1b[31m')).toMatch(/'\\x1b\[31m'/);
});

test('unit: services, scopes and slices of the system', () => {
  make('init.scope', 'system.slice/nginx.service/inner', 'system.slice/system-getty.slice/getty@tty1.service');
  make(
    'system.slice/system-getty.slice/getty@tty2.service',
    'system.slice/_cpu.service',
    'system.slice/a\\x20b.service',
  );
  expect(find('unit', 'nginx')).toEqual(['/system.slice/nginx.service']);
  expect(find('unit', 'nginx.service')).toEqual(['/system.slice/nginx.service']);
  expect(find('unit', 'init.scope')).toEqual(['/init.scope']);
  expect(find('unit', 'system-getty.slice')).toEqual(['/system.slice/system-getty.slice']);
  expect(find('unit', 'getty@tty2')).toEqual(['/system.slice/system-getty.slice/getty@tty2.service']);
  expect(find('unit', 'getty@.service')).toHaveLength(2);
  expect(find('unit', 'cpu')).toEqual(['/system.slice/_cpu.service']);
  expect(find('unit', 'a b')).toEqual(['/system.slice/a\\x20b.service']);
  expect(find('unit', 'a\\x20b')).toEqual(['/system.slice/a\\x20b.service']);
});

test("unit: those of users where the system has none, and none of a container's systemd", () => {
  make(`${MANAGER}/app.slice/web.service`, '/user.slice/user-1001.slice/user@1001.service/web.service');
  make(
    `${MANAGER}/app.slice/sync.service`,
    'system.slice/sync.service',
    'system.slice/box.service/system.slice/db.service',
  );
  make('lxc.payload.x/system.slice/db.service');
  expect(find('unit', 'web')).toEqual([
    `${MANAGER}/app.slice/web.service`,
    '/user.slice/user-1001.slice/user@1001.service/web.service',
  ]);
  expect(find('unit', 'sync')).toEqual(['/system.slice/sync.service']);
  expect(failure('unit', 'db')).toMatch(/^there is no unit 'db.service'/);
});

test('unit: none, with the nearest one', () => {
  make('system.slice/nginx.service');
  expect(failure('unit', 'ngnix')).toBe("there is no unit 'ngnix.service' (did you mean nginx.service?); undefined");
  expect(failure('unit', 'backup.timer')).toMatch(
    /^there is no unit 'backup.timer.service'; a unit has a control group while it runs/,
  );
});

test.each([
  [`/docker/${ID}`],
  [`/system.slice/docker-${ID}.scope`],
  [`/machine.slice/libpod-${ID}.scope`],
  [`/libpod_parent/libpod-${ID}`],
  [`/default/${ID}`],
  [`/kubepods/besteffort/pod${UID}/${ID}`],
  [`${POD_SLICE}/cri-containerd-${ID}.scope`],
  [`${POD_SLICE}/crio-${ID}.scope`],
])('container: %s by its id, the beginning and its name', (path) => {
  make(`${path}/container`, `/machine.slice/libpod-conmon-${ID}.scope`);
  docker(ID, '/web');
  for (const words of [ID, ID.slice(0, 12), ID.slice(0, 4), 'web', '/web'])
    expect(find('container', words)).toEqual([path]);
});

test('container: of a user, whose files are at home', () => {
  const path = `${MANAGER}/user.slice/libpod-${ID}.scope`;
  make(path);
  writeFileSync(join(files, 'x'), '');
  mkdirSync(join(files, 'etc'));
  writeFileSync(join(files, 'etc/passwd'), 'anna:x:1000:1000::/home/anna:/bin/sh\n');
  write('/home/anna/.local/share/containers/storage/overlay-containers/containers.json', [{ id: ID, names: ['web'] }]);
  expect(find('container', 'web')).toEqual([path]);
});

test('container: machines by their names', () => {
  make(
    'lxc.payload.web',
    'lxc/101/ns',
    'machine.slice/machine-my\\x2dweb.scope',
    'machine.slice/systemd-nspawn@box.service',
  );
  expect(find('container', 'web')).toEqual(['/lxc.payload.web']);
  expect(find('container', '101')).toEqual(['/lxc/101']);
  expect(find('container', 'my-web')).toEqual(['/machine.slice/machine-my\\x2dweb.scope']);
  expect(find('container', 'box')).toEqual(['/machine.slice/systemd-nspawn@box.service']);
});

test('container: one id in two places counts in both', () => {
  make(`/a/${ID}/b/${ID}`, `/c/${ID}`);
  expect(find('container', ID)).toEqual([`/a/${ID}`, `/c/${ID}`]);
});

test('container: several are meant', () => {
  make(`/docker/${ID}`, `/docker/${OTHER}`);
  docker(ID, '/web');
  ofPod(OTHER, 'web', 'web-0');
  expect(failure('container', 'web')).toBe(
    "2 containers are called 'web': e8c200000000 (web of shop/web-0), e8c29da1a2f6 (web); name one by more digits of its id",
  );
  expect(failure('container', 'e8c2')).toMatch(/^2 containers are called 'e8c2'/);
  expect(find('container', 'e8c29')).toEqual([`/docker/${ID}`]);
});

test('container: none', () => {
  expect(failure('container', 'web')).toBe("there is no container 'web'; none runs here");
  make(`/docker/${ID}`);
  docker(ID, '/web-\x1b[1m');
  expect(failure('container', 'weg')).toMatch(/^there is no container 'weg'/);
  expect(failure('container', 'nothing-like-it')).toBe(
    "there is no container 'nothing-like-it'; there are e8c29da1a2f6 (web-\\x1b[1m)",
  );
  // Too few digits.
  expect(failure('container', 'e8c')).toMatch(/^there is no container 'e8c'/);
});

test('container and unit: of version 1', () => {
  const old = mkdtempSync(join(tmpdir(), 'ipft-v1-'));
  try {
    mounts += `31 24 0:27 / ${old} rw - cgroup cgroup rw,pids\n`;
    mkdirSync(join(old, 'docker', ID), { recursive: true });
    docker(ID, '/web');
    expect(failure('container', 'web')).toMatch(
      /^the container 'web' is in control groups of version 1, as .*; --pid PID --pid-tree/,
    );
    writeFileSync(join(old, 'docker', ID, 'cgroup.procs'), '1234\n1235\n');
    mkdirSync(join(old, 'system.slice/nginx.service'), { recursive: true });
    expect(failure('unit', 'nginx')).toMatch(
      /^the unit nginx.service is in control groups of version 1, as .*nginx.service/,
    );
    expect(failure('container', ID)).toMatch(/; --pid 1234 --pid-tree follows its first process, with its children$/);
  } finally {
    rmSync(old, { recursive: true });
  }
});

test("pod: the group of all of its containers, where it has one; else the containers'", () => {
  make(
    `${POD_SLICE}/cri-containerd-${ID}.scope`,
    `${POD_SLICE}/cri-containerd-${SANDBOX}.scope`,
    `/elsewhere/${OTHER}`,
  );
  ofPod(ID, 'nginx', 'web-0');
  ofPod(SANDBOX, undefined, 'web-0');
  ofPod(OTHER, 'db', 'db-0');
  expect(find('pod', 'shop/web-0')).toEqual([POD_SLICE]);
  expect(find('pod', 'shop/db-0')).toEqual([`/elsewhere/${OTHER}`]);
  expect(failure('pod', 'shop/web-1x')).toMatch(/^there is no pod 'shop\/web-1x' \(did you mean shop\/web-0\?\)/);
  expect(failure('pod', 'else/where')).toMatch(/^there is no pod 'else\/where'; pods are known while a container/);
});

test('pod: none runs here', () => {
  expect(failure('pod', 'a/b')).toBe("there is no pod 'a/b'; no containers of Kubernetes run here");
});

test('more than are followed', () => {
  make('a', 'b', 'c', 'd', 'e');
  expect(find('cgroup', 'a', 'b', 'c', 'd')).toHaveLength(4);
  expect(failure('cgroup', 'a', 'b', 'c', 'd', 'e')).toMatch(
    /^these are 5 control groups, and 4 are followed at most; name one above/,
  );
});
