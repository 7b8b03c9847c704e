/**
 * Names of network namespaces, which are inodes to the kernel: `blue` for a namespace that `ip netns add` made,
 * otherwise a process in it, `nginx 1234`. A namespace is looked up when the first packet is seen there, since it may
 * be gone at the end. Names come from the file system and from processes: they may hold any characters.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';

/** `ip netns` mounts each namespace on a file here. */
export const NAMED_NETNS = '/run/netns';
/** The least time between two searches of the processes, and the longest time of one: there may be very many. */
const SEARCH_AGAIN_MS = 1000;
const SEARCH_MS = 100;
/** The number of names that are kept. */
const MAX_NAMES = 10_000;

export class NetnsNames {
  readonly #directory: string;
  readonly #names = new Map<number, string>();
  #searchAgain = Number.NEGATIVE_INFINITY;

  /** @param directory in place of /run/netns */
  constructor(directory = NAMED_NETNS) {
    this.#directory = directory;
  }

  /** Finds out the name of a namespace, if it has one now. */
  look(netns: number): void {
    if (netns === 0 || this.#names.has(netns)) return;
    const now = performance.now();
    if (now < this.#searchAgain) return;
    this.#readNamed();
    if (!this.#names.has(netns)) this.#searchProcesses(now + SEARCH_MS);
    const took = performance.now() - now;
    // Many namespaces without a name must not take all of the time.
    this.#searchAgain = this.#names.has(netns) ? now + took * 10 : now + Math.max(SEARCH_AGAIN_MS, took * 10);
  }

  /** The name that the namespace had when it was looked up; undefined if it had none. */
  name(netns: number): string | undefined {
    this.look(netns);
    return this.#names.get(netns);
  }

  #readNamed(): void {
    for (const name of list(this.#directory)) this.#add(netnsOf(`${this.#directory}/${name}`), name);
  }

  /** The process with the lowest number gives the name: the others in the namespace usually descend from it. */
  #searchProcesses(until: number): void {
    const pids = list('/proc').map(Number).filter(Number.isInteger);
    for (const pid of pids.sort((a, b) => a - b)) {
      if (performance.now() > until) return;
      const netns = netnsOf(`/proc/${pid}/ns/net`);
      if (netns === undefined || this.#names.has(netns)) continue;
      this.#add(netns, `${readCommand(pid)} ${pid}`);
    }
  }

  #add(netns: number | undefined, name: string): void {
    if (netns !== undefined && !this.#names.has(netns) && this.#names.size < MAX_NAMES) this.#names.set(netns, name);
  }
}

function list(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

/** The inode of a namespace; undefined for another file, or a namespace that has gone. */
function netnsOf(path: string): number | undefined {
  try {
    const { dev, ino } = statSync(path);
    return dev === namespaceDevice() ? ino : undefined;
  } catch {
    return undefined;
  }
}

let device: number | undefined;

/** All namespaces lie in one file system, which is not mounted anywhere as a whole. */
export function namespaceDevice(): number {
  device ??= statSync('/proc/self/ns/net').dev;
  return device;
}

function readCommand(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trimEnd();
  } catch {
    return '?';
  }
}
