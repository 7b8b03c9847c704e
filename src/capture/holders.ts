/**
 * Loads and attaches the programs of `bpf/core/who.bpf.c`, which know the sockets of all processes. They share maps with the
 * backend's programs.
 */
import { IpftError } from '../base/errors.js';
import type { Btf } from '../btf/btf.js';
import { findFunctions } from '../btf/functions.js';
import { NO_FIELDS } from '../fields/field-set.js';
import { BPF_PROG_TYPE_RAW_TRACEPOINT, linkTrampoline, runIterator, runProgram } from '../sys/bpf.js';
import type { Descriptor } from '../sys/descriptor.js';
import { errnoName } from '../sys/errno.js';
import { BpfObject, type Load, loadUndisturbed } from '../sys/libbpf.js';
import { loadOwnObject } from '../sys/own-objects.js';
import { explainLoad, JOURNEY_MAPS, type LoadedPrograms } from './load.js';

/** Functions and their programs. Each is of use without the others. */
const FUNCTIONS = [
  ['sock_init_data', 'ipft_on_socket'],
  ['__inet_inherit_port', 'ipft_on_connection'],
  ['inet_twsk_alloc', 'ipft_on_time_wait'],
  ['inet_accept', 'ipft_on_accept'],
  ['inet_sendmsg', 'ipft_on_send'],
  ['inet6_sendmsg', 'ipft_on_send6'],
] as const;

const TAKE_NAMESPACE = 'ipft_take_namespace';
const SEED = 'ipft_seed_holders';

export class Holders implements Disposable {
  /** What could not be attached to, with the reason: processes are missing then, and nothing else. */
  readonly unwatched: string[] = [];
  readonly #object: BpfObject | undefined;
  readonly #links: Descriptor[] = [];

  private constructor(object: BpfObject | undefined) {
    this.#object = object;
  }

  /**
   * Loads the programs. A trace without them is still useful: what the kernel refuses is in `unwatched`.
   * @param loaded the backend's programs
   * @param signal see `loadUndisturbed`
   */
  static async load(loaded: LoadedPrograms, vmlinux: Btf, signal?: AbortSignal): Promise<Holders> {
    const names = FUNCTIONS.map(([name]) => name);
    const known = findFunctions(vmlinux, names);
    const programs = FUNCTIONS.filter(([name]) => known.has(name)).map(([, program]) => program);
    try {
      const holders = new Holders(await loadUndisturbed((load) => loadObject(loaded, programs, load), signal));
      holders.unwatched.push(...names.filter((name) => !known.has(name)).map((name) => `${name} (not there)`));
      return holders;
    } catch (error) {
      if (!(error instanceof IpftError)) throw error;
      const holders = new Holders(undefined);
      holders.unwatched.push(`sockets (${error.message.split('\n')[0]})`);
      return holders;
    }
  }

  /** Attaches the programs, and notes the sockets that are there. @throws SystemCallError */
  async attach(): Promise<void> {
    const object = this.#object;
    if (!object) return;
    runProgram(object.programFd(TAKE_NAMESPACE));
    for (const [name, program] of FUNCTIONS) {
      const fd = object.programFd(program);
      if (fd < 0) continue;
      const link = await linkTrampoline(fd);
      if (typeof link === 'number') this.unwatched.push(`${name} (${errnoName(-link)})`);
      else this.#links.push(link);
    }
    // Without a trampoline nobody would notice when an address gets another socket.
    if (this.#links.length > 0) runIterator(object.programFd(SEED));
  }

  /** Detaches in other threads. */
  async release(): Promise<void> {
    await Promise.all(this.#links.splice(0).map((link) => link.closeAsync()));
  }

  [Symbol.dispose](): void {
    for (const link of this.#links.splice(0)) link[Symbol.dispose]();
    this.#object?.[Symbol.dispose]();
  }
}

async function loadObject(
  { object: shared, config, byHelper }: LoadedPrograms,
  programs: readonly string[],
  load: Load,
): Promise<BpfObject> {
  const object = new BpfObject(loadOwnObject(`who${byHelper ? '.by-helper' : ''}.bpf.o`).bytes);
  try {
    for (const map of [...JOURNEY_MAPS, 'ipft_holders']) object.reuseMap(map, shared.mapFd(map));
    object.setInitialValue('.rodata.ipft', config);
    object.setProgramType(TAKE_NAMESPACE, BPF_PROG_TYPE_RAW_TRACEPOINT, 0);
    await load(object, new Set([...programs, TAKE_NAMESPACE, SEED]));
    return object;
  } catch (error) {
    object[Symbol.dispose]();
    throw explainLoad(error, NO_FIELDS, undefined);
  }
}
