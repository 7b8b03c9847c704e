/**
 * What the path of a control group tells: systemd's unit and the container that its processes belong to, by the names that
 * service managers and runtimes give to directories.
 */

/** What a path tells. */
export interface CgroupWords {
  /** The id of the innermost container: 64 hexadecimal digits. */
  readonly containerId: string | undefined;
  /** The name of the innermost container or machine whose runtime puts it into the path: LXC, systemd-nspawn, libvirt. */
  readonly machine: string | undefined;
  /** Systemd's unit of a system or of a user: the outermost that is no slice. */
  readonly unit: string | undefined;
  /** The user whose slice it is in. */
  readonly uid: number | undefined;
}

/** Behind the words of the runtime, which may hold anything: `docker-ID.scope`, `SLICE:cri-containerd:ID`, `ID`. */
const CONTAINER = /^(.*[-:])?([0-9a-f]{64})(?:\.scope)?$/;
/** What podman and CRI-O call the group of a container's monitor, which is none of the container's processes. */
const MONITOR = /conmon-$/;
const MACHINE = /^(?:lxc\.payload[.-](.+)|machine-(.+)\.scope|systemd-nspawn@(.+)\.service)$/;
/** The groups of a pod: `kubepods-besteffort-podUID.slice`, `podUID`. That of a static pod has no dashes. */
const POD = /^(?:.+-)?pod[0-9a-f](?:[0-9a-f]{31}|[0-9a-f_-]{35})(?:\.slice)?$/;
/** Units that have a group. */
const UNIT = /\.(?:service|scope|slice|socket|mount|swap)$/;
const USER_MANAGER = /^user@\d+\.service$/;

/** The words of a path within the hierarchy, as `/system.slice/nginx.service`. */
export function parseCgroupPath(path: string): CgroupWords {
  const names = path.split('/').filter((name) => name !== '');
  let containerId: string | undefined;
  let machine: string | undefined;
  let unit: string | undefined;
  let uid: number | undefined;
  for (const [index, name] of names.entries()) {
    containerId = containerIdOf(name) ?? containerId;
    machine = machineOf(name, names[index - 1]) ?? machine;
    uid ??= uidOf(name);
    if (unit === undefined || USER_MANAGER.test(unit)) unit = unitOf(name) ?? unit;
  }
  return { containerId, machine, unit, uid };
}

/** The id of the container whose directory has this name. */
export function containerIdOf(name: string): string | undefined {
  const [, runtime = '', id] = CONTAINER.exec(name) ?? [];
  return MONITOR.test(runtime) ? undefined : id;
}

/**
 * The name of the machine whose directory has this name.
 * @param parent the name of the directory above
 */
export function machineOf(name: string, parent: string | undefined): string | undefined {
  // LXC before 4.0.
  if (parent === 'lxc' || parent === 'lxc.payload') return name;
  const [, lxc, machine, instance] = MACHINE.exec(name) ?? [];
  return lxc ?? unescapeUnit(machine ?? instance);
}

/** Whether a directory of this name holds the groups of all containers of a pod. */
export function isPod(name: string): boolean {
  return POD.test(name);
}

/** The unit that is no slice whose directory has this name. */
function unitOf(name: string): string | undefined {
  return UNIT.test(name) && !name.endsWith('.slice') ? unitName(name) : undefined;
}

/** The unit whose directory has this name: systemd sets `_` before what the kernel could mean. */
export function unitName(name: string): string {
  return name.startsWith('_') ? name.slice(1) : name;
}

/** Whether units below a directory of this name are those of the same service manager, or of a user's. */
export function holdsUnits(name: string): boolean {
  return name.endsWith('.slice') || USER_MANAGER.test(name);
}

/** Whether this is the name of the service manager of a user. */
export function isUserManager(name: string): boolean {
  return USER_MANAGER.test(name);
}

/** Whether a unit of this name can have a group. */
export function hasUnitSuffix(name: string): boolean {
  return UNIT.test(name);
}

function uidOf(name: string): number | undefined {
  const [, uid] = /^user-(\d{1,10})\.slice$/.exec(name) ?? [];
  return uid === undefined ? undefined : Number(uid);
}

/** The text that systemd has escaped for the name of a unit; a name that is damaged stays as it is. */
function unescapeUnit(name: string | undefined): string | undefined {
  return name?.replace(/-|(?:\\x[0-9a-f]{2})+/g, (escaped) => {
    if (escaped === '-') return '-';
    return Buffer.from(escaped.replaceAll('\\x', ''), 'hex').toString('utf8');
  });
}
