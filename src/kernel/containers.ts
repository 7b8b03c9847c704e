/**
 * Names of containers and their pods, from the files that runtimes keep of them; no daemon is asked. The files are data
 * of others: their size is bounded, and one that is damaged, or no regular file, tells nothing. Those in a user's home are
 * asked about that user's containers only.
 */
import { closeSync, constants, fstatSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';

export interface Pod {
  readonly namespace: string;
  readonly name: string;
}

export interface ContainerNames {
  readonly name: string | undefined;
  /** The pod of Kubernetes. */
  readonly pod: Pod | undefined;
}

/** The largest file that is read: a list of thousands of containers has some MiB. */
const MAX_FILE_BYTES = 16 << 20;
/** The longest name that is believed. */
const MAX_NAME = 253;
/** Where containerd, or one that another product brings, keeps what runs: a directory a namespace, in it one a container. */
const CONTAINERD = ['/run/containerd', '/run/k3s/containerd', '/var/snap/microk8s/common/run/containerd'];
const DOCKER = ['/var/lib/docker', '/var/snap/docker/common/var-lib-docker'];
/** Podman's and CRI-O's; in each a directory a driver: `overlay-containers`. */
const STORAGES = ['/run/containers/storage', '/var/lib/containers/storage'];

/** Keys of annotations and labels, the best first: containerd, CRI-O, docker, nerdctl. */
const NAME_KEYS = [
  'io.kubernetes.cri.container-name',
  'io.kubernetes.container.name',
  'io.kubernetes.cri-o.ContainerName',
  'nerdctl/name',
];
const POD_KEYS = ['io.kubernetes.cri.sandbox-name', 'io.kubernetes.pod.name', 'io.kubernetes.cri-o.KubeName'];
const NAMESPACE_KEYS = [
  'io.kubernetes.cri.sandbox-namespace',
  'io.kubernetes.pod.namespace',
  'io.kubernetes.cri-o.Namespace',
];

/** A list of containers, and when it was read. */
interface ReadList {
  readonly stamp: string;
  readonly names: ReadonlyMap<string, string>;
}

export class Containers {
  readonly #root: string;
  readonly #lists = new Map<string, ReadList>();

  /** @param root in place of / */
  constructor(root = '/') {
    this.#root = root;
  }

  /**
   * The names of a container; undefined if no file tells any.
   * @param id 64 hexadecimal digits
   * @param uid the user who runs it, if it is not root
   */
  find(id: string, uid: number | undefined): ContainerNames | undefined {
    const home = uid === undefined ? undefined : this.#homeOf(uid);
    return (
      this.#findInContainerd(id) ?? this.#findInStorages(id, uid, home) ?? this.#findInDocker(id, home) ?? undefined
    );
  }

  #findInContainerd(id: string): ContainerNames | undefined {
    for (const one of CONTAINERD) {
      const tasks = join(this.#root, one, 'io.containerd.runtime.v2.task');
      for (const namespace of list(tasks)) {
        const found = namesOf(member(readJson(join(tasks, namespace, id, 'config.json')), 'annotations'));
        if (found) return found;
      }
    }
    return undefined;
  }

  /** CRI-O says in a container's own file what podman says in the list of all. */
  #findInStorages(id: string, uid: number | undefined, home: string | undefined): ContainerNames | undefined {
    const ofUser =
      home === undefined ? [] : [join(home, '.local/share/containers/storage'), `/run/user/${uid}/containers`];
    const drivers = [...ofUser, ...STORAGES].flatMap((storage) => {
      const directory = join(this.#root, storage);
      return list(directory)
        .filter((name) => name.endsWith('-containers'))
        .map((name) => join(directory, name));
    });
    for (const directory of drivers) {
      const found = namesOf(member(readJson(join(directory, id, 'userdata/config.json')), 'annotations'));
      if (found) return found;
    }
    for (const directory of drivers) {
      for (const file of ['containers.json', 'volatile-containers.json']) {
        const name = this.#readList(join(directory, file)).get(id);
        if (name !== undefined) return { name, pod: undefined };
      }
    }
    return undefined;
  }

  #findInDocker(id: string, home: string | undefined): ContainerNames | undefined {
    const configured = text(member(readJson(join(this.#root, '/etc/docker/daemon.json')), 'data-root'));
    const ofUser = home === undefined ? [] : [join(home, '.local/share/docker')];
    for (const directory of [...ofUser, ...(configured === undefined ? [] : [configured]), ...DOCKER]) {
      const config = readJson(join(this.#root, directory, 'containers', id, 'config.v2.json'));
      const name = text(member(config, 'Name'))?.replace(/^\//, '');
      const labels = namesOf(member(member(config, 'Config'), 'Labels'));
      if (labels?.pod) return { name: labels.name ?? name, pod: labels.pod };
      if (name !== undefined) return { name, pod: undefined };
    }
    return undefined;
  }

  /** The names in a list of containers by their ids; it is read again when it has changed. */
  #readList(path: string): ReadonlyMap<string, string> {
    const known = this.#lists.get(path);
    const read = readFile(path, known?.stamp);
    if (read === 'unchanged') return known!.names;
    const names = new Map<string, string>();
    const entries = read === undefined ? [] : parse(read.content);
    for (const entry of Array.isArray(entries) ? entries : []) {
      const [id, all] = [member(entry, 'id'), member(entry, 'names')];
      const name = Array.isArray(all) ? text(all[0]) : undefined;
      if (typeof id === 'string' && name !== undefined) names.set(id, name);
    }
    if (read === undefined) this.#lists.delete(path);
    else this.#lists.set(path, { stamp: read.stamp, names });
    return names;
  }

  /** The home of a user of this machine. */
  #homeOf(uid: number): string | undefined {
    const read = readFile(join(this.#root, '/etc/passwd'));
    if (typeof read !== 'object') return undefined;
    const fields = read.content.split('\n').map((line) => line.split(':'));
    const home = fields.find((field) => field[2] === String(uid))?.[5];
    return home?.startsWith('/') ? home : undefined;
  }
}

function namesOf(annotations: unknown): ContainerNames | undefined {
  const first = (keys: readonly string[]) => keys.map((key) => text(member(annotations, key))).find(Boolean);
  const [name, pod, namespace] = [first(NAME_KEYS), first(POD_KEYS), first(NAMESPACE_KEYS)];
  if (name === undefined && pod === undefined) return undefined;
  return { name, pod: pod === undefined || namespace === undefined ? undefined : { namespace, name: pod } };
}

function member(value: unknown, key: string): unknown {
  const isThere = typeof value === 'object' && value !== null && Object.hasOwn(value, key);
  return isThere ? (value as Readonly<Record<string, unknown>>)[key] : undefined;
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' && value.length <= MAX_NAME ? value : undefined;
}

function readJson(path: string): unknown {
  const read = readFile(path);
  return typeof read === 'object' ? parse(read.content) : undefined;
}

function parse(content: string): unknown {
  try {
    return JSON.parse(content);
  } catch {
    return undefined;
  }
}

/**
 * The content of a file; undefined if there is none, it is too large or no regular file.
 * @param stamp of an earlier reading: `unchanged` if the file still has it
 */
function readFile(path: string, stamp?: string): { content: string; stamp: string } | 'unchanged' | undefined {
  let fd: number | undefined;
  try {
    // A FIFO would wait for its other end.
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
    const stat = fstatSync(fd, { bigint: true });
    const now = `${stat.dev} ${stat.ino} ${stat.mtimeNs} ${stat.size}`;
    if (now === stamp) return 'unchanged';
    if (!stat.isFile() || stat.size > MAX_FILE_BYTES) return undefined;
    const bytes = Buffer.alloc(Number(stat.size));
    let length = 0;
    for (let read = -1; read !== 0 && length < bytes.length; length += read)
      read = readSync(fd, bytes, length, bytes.length - length, length);
    return { content: bytes.toString('utf8', 0, length), stamp: now };
  } catch {
    return undefined;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

function list(directory: string): string[] {
  try {
    return readdirSync(directory).sort();
  } catch {
    return [];
  }
}
