/**
 * Loads and attaches the programs of `bpf/core/owners.bpf.c`, which know the processes whose packets are followed, their
 * sockets, and for whom the kernel asks neighbours. They share maps with the backend's programs.
 */
import {
  FOLLOWING_HAS_CGROUPS,
  FOLLOWING_LIVING,
  FOLLOWING_OF_COMMAND,
  FOLLOWING_SIZE,
  FOLLOWING_UNFOLLOWED,
  IPFT_CGROUP_PATH,
  IPFT_PROCESS_BY_CGROUP,
  IPFT_PROCESS_BY_ID,
  IPFT_PROCESS_BY_NAME,
  IPFT_PROCESS_NAME,
  IPFT_PROCESS_WITH_CHILDREN,
} from '../abi/layout.js';
import { UnsupportedFeatureError } from '../base/errors.js';
import type { Btf } from '../btf/btf.js';
import { findFunctions } from '../btf/functions.js';
import { NO_FIELDS } from '../fields/field-set.js';
import { type FoundProcesses, MAX_PATH_BYTES } from '../filter/process-query.js';
import {
  BPF_PROG_TYPE_RAW_TRACEPOINT,
  linkTrampoline,
  openRawTracepoint,
  readMapEntry,
  readProgramMisses,
  runIterator,
  runProgram,
  writeMapEntry,
} from '../sys/bpf.js';
import type { Descriptor } from '../sys/descriptor.js';
import { errnoName } from '../sys/errno.js';
import { BpfObject, type Load, loadUndisturbed } from '../sys/libbpf.js';
import { loadOwnObject } from '../sys/own-objects.js';
import { explainLoad, type LoadedPrograms, SHARED_MAPS } from './load.js';

/** Tracepoints and their programs. */
const TRACEPOINTS = [
  ['task_newtask', 'ipft_on_new_task'],
  ['sched_process_fork', 'ipft_on_fork'],
  ['sched_process_exit', 'ipft_on_exit'],
  ['sched_process_free', 'ipft_on_free'],
  ['task_rename', 'ipft_on_rename'],
] as const;

/** The same, where control groups are asked for. */
const CGROUP_TRACEPOINTS = [
  ['cgroup_mkdir', 'ipft_on_mkdir'],
  ['cgroup_rmdir', 'ipft_on_rmdir'],
  ['cgroup_attach_task', 'ipft_on_move'],
] as const;

/** The same, where control groups or a command are. */
const EXEC_TRACEPOINTS = [['sched_process_exec', 'ipft_on_exec']] as const;

/** Functions and their programs. */
const FUNCTIONS = [
  ['sock_init_data', 'ipft_on_socket'],
  ['__inet_inherit_port', 'ipft_on_accept'],
  ['inet_csk_reqsk_queue_hash_add', 'ipft_on_request'],
  ['inet_sendmsg', 'ipft_on_send'],
  ['inet6_sendmsg', 'ipft_on_send6'],
  ['inet_recvmsg', 'ipft_on_receive'],
  ['inet6_recvmsg', 'ipft_on_receive6'],
  ['inet_accept', 'ipft_on_accepting'],
  ['inet_stream_connect', 'ipft_on_connect'],
  ['inet_dgram_connect', 'ipft_on_connect_datagram'],
  ['udp_lib_get_port', 'ipft_on_port'],
  ['inet_csk_listen_start', 'ipft_on_listen'],
] as const;

/** Further ones, which see what one of those may miss: nothing is said where they are not there. */
const SECOND_FUNCTIONS = [
  ['inet_create', 'ipft_on_create'],
  ['inet6_create', 'ipft_on_create6'],
  ['inet_sock_destruct', 'ipft_on_destruct'],
  ['inet_bind', 'ipft_on_bind'],
  ['inet6_bind', 'ipft_on_bind6'],
  ['inet_listen', 'ipft_on_listening'],
] as const;

/** And those that tell for whom the kernel asks neighbours, where that is asked for. */
const NEIGHBOUR_FUNCTIONS = [
  ['__neigh_event_send', 'ipft_on_neighbour'],
  ['arp_solicit', 'ipft_on_arp'],
  ['ndisc_solicit', 'ipft_on_discovery'],
] as const;

/** Programs whose missed calls mean that a process, a socket or a packet may be missed: no other one sees the same. */
const ALONE = [
  ...['ipft_on_rename', 'ipft_on_move', 'ipft_on_accept', 'ipft_on_request'],
  ...NEIGHBOUR_FUNCTIONS.map(([, program]) => program),
];

const AWAIT = 'ipft_await';
const SEED_PROCESSES = 'ipft_seed_processes';
const SEED_SOCKETS = 'ipft_seed_sockets';

export class Owners implements Disposable {
  /** Functions and tracepoints that could not be attached to, with the reason. */
  readonly unwatched: string[] = [];
  readonly #object: BpfObject;
  readonly #query: FoundProcesses;
  readonly #links: Descriptor[] = [];

  private constructor(object: BpfObject, query: FoundProcesses) {
    this.#object = object;
    this.#query = query;
  }

  /**
   * Loads the programs.
   * @param loaded the backend's programs
   * @param signal see `loadUndisturbed`
   */
  static async load(
    loaded: LoadedPrograms,
    query: FoundProcesses,
    vmlinux: Btf,
    signal?: AbortSignal,
  ): Promise<Owners> {
    const functions = functionsFor(query);
    const known = findFunctions(
      vmlinux,
      [...functions, ...SECOND_FUNCTIONS].map(([name]) => name),
    );
    const programs = [...functions, ...SECOND_FUNCTIONS]
      .filter(([name]) => known.has(name))
      .map(([, program]) => program);
    const object = await loadUndisturbed((load) => loadObject(loaded, query, programs, load), signal);
    const owners = new Owners(object, query);
    for (const [name] of functions) if (!known.has(name)) owners.unwatched.push(`${name} (not there)`);
    return owners;
  }

  /**
   * Attaches the programs, and notes the processes that are there and their sockets.
   * @throws UnsupportedFeatureError where the kernel can't tell which process makes a socket; SystemCallError
   */
  async attach(): Promise<void> {
    const { pids, names, cgroups, withChildren } = this.#query;
    if (cgroups.length > 0) this.#expectCgroups();
    for (const [name, program] of tracepointsFor(this.#query))
      this.#keep(name, await openRawTracepoint(this.#object.programFd(program), name));
    for (const [name, program] of [...functionsFor(this.#query), ...SECOND_FUNCTIONS]) {
      const fd = this.#object.programFd(program);
      if (fd >= 0) this.#keep(name, await linkTrampoline(fd));
    }
    const why = IPFT_PROCESS_BY_ID | (withChildren ? IPFT_PROCESS_WITH_CHILDREN : 0);
    for (const pid of pids) this.#want('ipft_wanted_ids', words(pid), why);
    for (const name of names) {
      const key = Buffer.alloc(IPFT_PROCESS_NAME);
      key.write(name);
      this.#want('ipft_wanted_names', key, IPFT_PROCESS_BY_NAME);
    }
    for (const { id, path } of cgroups) {
      this.#want('ipft_wanted_cgroups', new Uint8Array(BigUint64Array.of(id).buffer), IPFT_PROCESS_BY_CGROUP);
      if (Buffer.byteLength(path) > MAX_PATH_BYTES) continue;
      const key = Buffer.alloc(IPFT_CGROUP_PATH);
      key.write(path);
      this.#want('ipft_wanted_paths', key, IPFT_PROCESS_BY_CGROUP);
    }
    if (pids.length + names.length + cgroups.length > 0) this.#seed();
  }

  #keep(name: string, link: Descriptor | number): void {
    if (typeof link !== 'number') return void this.#links.push(link);
    if (SECOND_FUNCTIONS.some(([second]) => second === name)) return;
    const reason = `${name} (${errnoName(-link)})`;
    if (name !== FUNCTIONS[0][0]) return void this.unwatched.push(reason);
    throw new UnsupportedFeatureError(
      'process filter',
      `this kernel can't tell which process makes a socket: attaching to ${reason} fails`,
      'BPF trampolines do it: Linux 5.10 has them on x86-64, 6.0 on arm64',
    );
  }

  /** Before anything is attached, since the kernel side counts in the same entry. */
  #expectCgroups(): void {
    const state = this.#state();
    state.setBigUint64(FOLLOWING_HAS_CGROUPS, 1n, true);
    writeMapEntry(
      this.#object.mapFd('ipft_following'),
      words(0),
      new Uint8Array(state.buffer, state.byteOffset, state.byteLength),
    );
  }

  #want(map: string, key: Uint8Array, why: number): void {
    writeMapEntry(this.#object.mapFd(map), key, words(why));
  }

  #seed(): void {
    // A child may have a lesser id than its parent, where ids began again.
    for (let before = -1; this.countProcesses() > before; ) {
      before = this.countProcesses();
      runIterator(this.#object.programFd(SEED_PROCESSES));
    }
    runIterator(this.#object.programFd(SEED_SOCKETS));
  }

  /** See `Session.expectCommand`. */
  expectCommand(): void {
    runProgram(this.#object.programFd(AWAIT));
  }

  /** The number of followed processes that live. */
  countProcesses(): number {
    return this.#state().getUint32(FOLLOWING_LIVING, true);
  }

  /** See `Session.countCommand`. */
  countCommand(): number {
    return this.#state().getUint32(FOLLOWING_OF_COMMAND, true);
  }

  /** How many processes were not followed for want of room: `IPFT_MAX_PROCESSES` are. */
  countUnfollowed(): bigint {
    return this.#state().getBigUint64(FOLLOWING_UNFOLLOWED, true);
  }

  /** How many calls the kernel has missed that no other program has seen. */
  countMisses(): bigint {
    const fds = ALONE.map((program) => this.#object.programFd(program)).filter((fd) => fd >= 0);
    return fds.reduce((sum, fd) => sum + readProgramMisses(fd), 0n);
  }

  #state(): DataView {
    return readMapEntry(this.#object.mapFd('ipft_following'), FOLLOWING_SIZE);
  }

  /** Detaches in other threads. */
  async release(): Promise<void> {
    await Promise.all(this.#links.splice(0).map((link) => link.closeAsync()));
  }

  [Symbol.dispose](): void {
    for (const link of this.#links.splice(0)) link[Symbol.dispose]();
    this.#object[Symbol.dispose]();
  }
}

function tracepointsFor({ cgroups, command }: FoundProcesses) {
  return [
    ...TRACEPOINTS,
    ...(cgroups.length > 0 ? CGROUP_TRACEPOINTS : []),
    ...(cgroups.length > 0 || command ? EXEC_TRACEPOINTS : []),
  ];
}

function functionsFor({ withNeighbours }: FoundProcesses) {
  return withNeighbours ? [...FUNCTIONS, ...NEIGHBOUR_FUNCTIONS] : FUNCTIONS;
}

async function loadObject(
  { object: shared, config, byHelper }: LoadedPrograms,
  query: FoundProcesses,
  programs: readonly string[],
  load: Load,
): Promise<BpfObject> {
  const object = new BpfObject(loadOwnObject(`owners${byHelper ? '.by-helper' : ''}.bpf.o`).bytes);
  try {
    for (const map of SHARED_MAPS) object.reuseMap(map, shared.mapFd(map));
    object.setInitialValue('.rodata.ipft', config);
    const raw = [...tracepointsFor(query).map(([, program]) => program), AWAIT];
    for (const program of raw) object.setProgramType(program, BPF_PROG_TYPE_RAW_TRACEPOINT, 0);
    await load(object, new Set([...raw, ...programs, SEED_PROCESSES, SEED_SOCKETS]));
    return object;
  } catch (error) {
    object[Symbol.dispose]();
    throw explainLoad(error, NO_FIELDS, undefined);
  }
}

function words(value: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(value).buffer);
}
