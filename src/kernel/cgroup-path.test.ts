import { expect, test } from 'vitest';
import { isPod, parseCgroupPath } from './cgroup-path.js';

const ID = 'e8c29da1a2f6c4bb032304f7dfbc5a767e026092c4a2fcbc830e58565f972f54';
const OTHER = '0'.repeat(64);
const UID = '2edf54f8-6911-449f-9abe-3d468a770d6b';
const USER = '/user.slice/user-1000.slice/user@1000.service';
const KUBEPODS = '/kubepods.slice/kubepods-besteffort.slice';

test.each([
  ['/', {}],
  ['/init.scope', { unit: 'init.scope' }],
  ['/system.slice/nginx.service', { unit: 'nginx.service' }],
  ['/system.slice/system-getty.slice/getty@tty1.service', { unit: 'getty@tty1.service' }],
  ['/system.slice/_cpu.service', { unit: 'cpu.service' }],
  ['/system.slice/delegating.service/inner.service', { unit: 'delegating.service' }],
  ['/user.slice/user-1000.slice/session-3.scope', { unit: 'session-3.scope', uid: 1000 }],
  [`${USER}/init.scope`, { unit: 'init.scope', uid: 1000 }],
  [`${USER}/app.slice/app-gnome-x.slice/web.service/sub`, { unit: 'web.service', uid: 1000 }],
  [USER, { unit: 'user@1000.service', uid: 1000 }],
  // docker, with both drivers, and in another one
  [`/docker/${ID}`, { containerId: ID }],
  [`/system.slice/docker-${ID}.scope`, { containerId: ID, unit: `docker-${ID}.scope` }],
  [`${USER}/user.slice/docker-${ID}.scope`, { containerId: ID, unit: `docker-${ID}.scope`, uid: 1000 }],
  [`/docker/${OTHER}/docker/${ID}/x`, { containerId: ID }],
  // podman
  [`/machine.slice/libpod-${ID}.scope/container`, { containerId: ID, unit: `libpod-${ID}.scope` }],
  [`/libpod_parent/libpod-${ID}`, { containerId: ID }],
  [`/system.slice/web.service/libpod-payload-${ID}`, { containerId: ID, unit: 'web.service' }],
  [`/machine.slice/libpod-conmon-${ID}.scope`, { unit: `libpod-conmon-${ID}.scope` }],
  // containerd
  [`/default/${ID}`, { containerId: ID }],
  [`/system.slice/nerdctl-${ID}.scope`, { containerId: ID, unit: `nerdctl-${ID}.scope` }],
  // Kubernetes, with both drivers and three runtimes
  [`/kubepods/burstable/pod${UID}/${ID}`, { containerId: ID }],
  [`/kubepods/besteffort/pod${UID}/crio-${ID}`, { containerId: ID }],
  [`/kubepods/besteffort/pod${UID}/crio-conmon-${ID}`, {}],
  [
    `${KUBEPODS}/kubepods-besteffort-pod${UID.replaceAll('-', '_')}.slice/cri-containerd-${ID}.scope`,
    { containerId: ID, unit: `cri-containerd-${ID}.scope` },
  ],
  [`${KUBEPODS}/kubepods-podx.slice/crio-${ID}.scope/container`, { containerId: ID, unit: `crio-${ID}.scope` }],
  [
    `/system.slice/containerd.service/kubepods-podx.slice:cri-containerd:${ID}`,
    { containerId: ID, unit: 'containerd.service' },
  ],
  // LXC, systemd-nspawn, libvirt
  ['/lxc.payload.web/init.scope', { machine: 'web', unit: 'init.scope' }],
  ['/lxc/101/ns', { machine: '101' }],
  ['/lxc.monitor.web', {}],
  ['/machine.slice/machine-my\\x2dweb.scope/payload', { machine: 'my-web', unit: 'machine-my\\x2dweb.scope' }],
  [
    '/machine.slice/systemd-nspawn@b\\xc3\\xa4r.service',
    { machine: 'bär', unit: 'systemd-nspawn@b\\xc3\\xa4r.service' },
  ],
  // no ids
  [`/x/${ID.slice(1)}`, {}],
  [`/x/a${ID}`, {}],
  [`/x/${ID.toUpperCase()}`, {}],
])('%s', (path, facts) => {
  const none = { containerId: undefined, machine: undefined, unit: undefined, uid: undefined };
  expect(parseCgroupPath(path)).toEqual({ ...none, ...facts });
});

test('the group of a pod', () => {
  const names = [
    `pod${UID}`,
    `kubelet-kubepods-besteffort-pod${UID.replaceAll('-', '_')}.slice`,
    `pod${'a0'.repeat(16)}`,
  ];
  expect(names.filter((name) => !isPod(name))).toEqual([]);
  expect(['pod', 'podman', 'kubepods.slice', `pod${UID}x`, 'pod-a.slice'].filter(isPod)).toEqual([]);
});
