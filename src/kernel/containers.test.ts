import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Containers } from './containers.js';

const ID = 'e8c29da1a2f6c4bb032304f7dfbc5a767e026092c4a2fcbc830e58565f972f54';
const OTHER = '0'.repeat(64);
const TASKS = 'io.containerd.runtime.v2.task';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'ipft-containers-'));
});
afterEach(() => rmSync(root, { recursive: true }));

function write(path: string, content: unknown): string {
  const file = join(root, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
}

const find = (uid?: number) => new Containers(root).find(ID, uid);
const PASSWD = 'root:x:0:0::/root:/bin/sh\nanna:x:1000:1000:,,,:/home/anna:/bin/sh\n';
const KUBERNETES = { 'io.kubernetes.pod.name': 'web-1', 'io.kubernetes.pod.namespace': 'shop' };
const POD = { namespace: 'shop', name: 'web-1' };

test('there are no files', () => {
  expect(find()).toBeUndefined();
  expect(find(1000)).toBeUndefined();
});

test.each(['/var/lib/docker', '/var/snap/docker/common/var-lib-docker', '/srv/docker'])('docker in %s', (directory) => {
  if (directory.startsWith('/srv')) write('/etc/docker/daemon.json', { 'data-root': directory });
  write(`${directory}/containers/${ID}/config.v2.json`, { ID, Name: '/web', Config: { Labels: { a: 'b' } } });
  expect(find()).toEqual({ name: 'web', pod: undefined });
});

test('docker of Kubernetes', () => {
  const Labels = { ...KUBERNETES, 'io.kubernetes.container.name': 'nginx' };
  write(`/var/lib/docker/containers/${ID}/config.v2.json`, { Name: '/k8s_nginx_web-1_shop_1_0', Config: { Labels } });
  expect(find()).toEqual({ name: 'nginx', pod: POD });
});

test.each(['/run/containerd', '/run/k3s/containerd'])('containerd in %s', (directory) => {
  write(`${directory}/${TASKS}/moby/${ID}/config.json`, { annotations: {} });
  const sandbox = { 'io.kubernetes.cri.sandbox-name': 'web-1', 'io.kubernetes.cri.sandbox-namespace': 'shop' };
  const file = write(`${directory}/${TASKS}/k8s.io/${ID}/config.json`, {
    annotations: { ...sandbox, 'io.kubernetes.cri.container-name': 'nginx' },
  });
  expect(find()).toEqual({ name: 'nginx', pod: POD });
  // The container that holds the pod's namespaces has no name.
  writeFileSync(file, JSON.stringify({ annotations: sandbox }));
  expect(find()).toEqual({ name: undefined, pod: POD });
});

test('nerdctl', () => {
  write(`/run/containerd/${TASKS}/default/${ID}/config.json`, { annotations: { 'nerdctl/name': 'web' } });
  expect(find()).toEqual({ name: 'web', pod: undefined });
});

test('CRI-O: its own file says more than the list', () => {
  write('/var/lib/containers/storage/overlay-containers/containers.json', [
    { id: ID, names: ['k8s_nginx_web-1_shop_1_0'] },
  ]);
  const annotations = { ...KUBERNETES, 'io.kubernetes.container.name': 'nginx' };
  write(`/run/containers/storage/overlay-containers/${ID}/userdata/config.json`, { annotations });
  expect(find()).toEqual({ name: 'nginx', pod: POD });
});

test.each([
  'var/lib/containers/storage/overlay-containers/containers.json',
  'var/lib/containers/storage/vfs-containers/volatile-containers.json',
  'run/containers/storage/overlay-containers/volatile-containers.json',
])('podman: %s', (file) => {
  write(file, [{ id: OTHER, names: ['other'] }, { id: ID, names: ['web', 'more'] }, { id: 5 }, null]);
  write(`/var/lib/containers/storage/overlay-containers/${ID}/userdata/config.json`, {
    annotations: { 'io.container.manager': 'libpod' },
  });
  expect(find()).toEqual({ name: 'web', pod: undefined });
});

test('a list that changes is read again', () => {
  const containers = new Containers(root);
  const file = write('var/lib/containers/storage/overlay-containers/containers.json', [{ id: ID, names: ['one'] }]);
  utimesSync(file, 1, 1);
  expect(containers.find(ID, undefined)?.name).toBe('one');
  expect(containers.find(OTHER, undefined)).toBeUndefined();
  writeFileSync(file, JSON.stringify([{ id: ID, names: ['another'] }]));
  expect(containers.find(ID, undefined)?.name).toBe('another');
  rmSync(file);
  expect(containers.find(ID, undefined)).toBeUndefined();
});

test("files of a user tell of that user's containers only", () => {
  write('/etc/passwd', PASSWD);
  write('/home/anna/.local/share/containers/storage/overlay-containers/containers.json', [{ id: ID, names: ['web'] }]);
  expect(find()).toBeUndefined();
  expect(find(1001)).toBeUndefined();
  expect(find(1000)?.name).toBe('web');
});

test("docker of a user, and podman's list in /run", () => {
  write('/etc/passwd', PASSWD);
  write('/run/user/1000/containers/overlay-containers/volatile-containers.json', [{ id: OTHER, names: ['short'] }]);
  write(`/home/anna/.local/share/docker/containers/${ID}/config.v2.json`, { Name: '/web' });
  expect(find(1000)?.name).toBe('web');
  expect(new Containers(root).find(OTHER, 1000)?.name).toBe('short');
});

test.each([
  ['no JSON', '{"Name":'],
  ['null', 'null'],
  ['a number', '5'],
  ['a list', '["Name"]'],
  ['a name that is none', '{"Name":{"a":1}}'],
  ['an empty name', '{"Name":""}'],
  ['a name of great length', JSON.stringify({ Name: 'x'.repeat(1000) })],
  ['deeply nested', `${'['.repeat(100_000)}`],
])('a damaged file is skipped: %s', (_, content) => {
  write(`/run/containerd/${TASKS}/k8s.io/${ID}/config.json`, content);
  write(`/var/lib/docker/containers/${ID}/config.v2.json`, content);
  write('/var/lib/containers/storage/overlay-containers/containers.json', content);
  write('/etc/docker/daemon.json', content);
  expect(find()).toBeUndefined();
});

test('what is no file, and what is too large, is skipped', () => {
  const path = `/var/lib/docker/containers/${ID}/config.v2.json`;
  const file = write(path, { Name: '/web' });
  rmSync(file);
  execFileSync('mkfifo', [file]);
  expect(find()).toBeUndefined();
  rmSync(file);
  mkdirSync(file);
  expect(find()).toBeUndefined();
  rmSync(file, { recursive: true });
  symlinkSync('/dev/zero', file);
  expect(find()).toBeUndefined();
  rmSync(file);
  write(path, `{"Name":"/web","x":"${'y'.repeat(17 << 20)}"}`);
  expect(find()).toBeUndefined();
});
