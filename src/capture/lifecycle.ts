/**
 * Attaches the programs of `bpf/core/lifecycle.bpf.c`, which see packets end and being copied. They share the maps of
 * the backend's object.
 */
import { IPFT_COPY, IPFT_FRAGMENTS, IPFT_FRAGMENTS6, IPFT_MORPH, IPFT_SEGMENTS } from '../abi/layout.js';
import { IpftError } from '../base/errors.js';
import type { Misses } from '../base/losses.js';
import { VMLINUX } from '../base/target.js';
import type { Btf } from '../btf/btf.js';
import { findFunctions } from '../btf/functions.js';
import { parseElf } from '../bytecode/elf.js';
import { NO_FIELDS } from '../fields/field-set.js';
import { setMark } from '../filter/mark.js';
import { objectsOf } from '../filter/packet-filter.js';
import { sessionKfuncsTakeContext } from '../kernel/features.js';
import { KnownAddresses } from '../probes/addresses.js';
import { Attachment } from '../probes/attachment.js';
import type { Backend, CopyMethod } from '../probes/backend.js';
import {
  BPF_PROG_TYPE_KPROBE,
  BPF_PROG_TYPE_RAW_TRACEPOINT,
  BPF_PROG_TYPE_TRACING,
  BPF_TRACE_FEXIT,
  BPF_TRACE_FEXIT_MULTI,
  BPF_TRACE_KPROBE_SESSION,
  linkKprobeMulti,
  linkTracingMulti,
  linkTrampoline,
  loadProgram,
  openRawTracepoint,
  readLinkMisses,
  readProgramMisses,
} from '../sys/bpf.js';
import type { Descriptor } from '../sys/descriptor.js';
import { errnoName } from '../sys/errno.js';
import { BpfObject, type Load, linkObjects, loadUndisturbed } from '../sys/libbpf.js';
import { loadOwnObject } from '../sys/own-objects.js';
import { explainLoad, type LoadedPrograms, SHARED_MAPS } from './load.js';

/** Tracepoints and their programs. */
const TRACEPOINTS = [
  ['kfree_skb', 'ipft_on_drop'],
  ['consume_skb', 'ipft_on_consume'],
  ['netif_receive_skb', 'ipft_on_receive'],
  ['net_dev_start_xmit', 'ipft_on_transmit'],
] as const;

/** Functions that make packets of packets: how they do it, and the number of their arguments. */
const COPYING: readonly (readonly [name: string, how: number, arguments: number])[] = [
  ['skb_clone', IPFT_COPY, 2],
  ['skb_copy', IPFT_COPY, 2],
  ['__pskb_copy_fclone', IPFT_COPY, 4],
  ['skb_copy_expand', IPFT_COPY, 4],
  ['skb_segment', IPFT_SEGMENTS, 2],
  ['skb_segment_list', IPFT_SEGMENTS, 3],
  ['ip_frag_next', IPFT_COPY, 2],
  ['ip6_frag_next', IPFT_COPY, 2],
  ['ip_fraglist_prepare', IPFT_FRAGMENTS, 2],
  ['ip6_fraglist_prepare', IPFT_FRAGMENTS6, 2],
  // The fragment that came last becomes the whole packet: a copy of the first one, behind which all others hang.
  ['skb_morph', IPFT_MORPH, 2],
];
/** The programs of `fexit`, by how a function makes packets. */
const PROGRAMS: Record<number, string> = {
  [IPFT_COPY]: 'copied',
  [IPFT_SEGMENTS]: 'segmented',
  [IPFT_FRAGMENTS]: 'fragmented',
  [IPFT_FRAGMENTS6]: 'fragmented6',
  [IPFT_MORPH]: 'morphed',
};

interface Copying {
  readonly name: string;
  readonly btfId: number;
  readonly how: number;
  readonly arguments: number;
}

export class Lifecycle extends Attachment {
  readonly #object: BpfObject;
  readonly #method: CopyMethod;
  readonly #functions: readonly Copying[];
  readonly #programs = new Set<number>();

  private constructor(object: BpfObject, method: CopyMethod, functions: readonly Copying[]) {
    super();
    this.#object = object;
    this.#method = method;
    this.#functions = functions;
  }

  /**
   * Loads the programs.
   * @param loaded the backend's programs
   * @param signal see `loadUndisturbed`
   */
  static async load(loaded: LoadedPrograms, backend: Backend, vmlinux: Btf, signal?: AbortSignal): Promise<Lifecycle> {
    const method = backend.copies(vmlinux);
    const ids = findFunctions(
      vmlinux,
      COPYING.map(([name]) => name),
    );
    const functions = COPYING.flatMap(([name, how, count]) => {
      const btfId = ids.get(name);
      return btfId === undefined ? [] : [{ name, btfId, how, arguments: count }];
    });
    const variant = method === 'session' ? (sessionKfuncsTakeContext(vmlinux) ? '-session-ctx' : '-session') : '';
    const loadFor = (name: string, copying: readonly Copying[]) =>
      loadUndisturbed((load) => loadObject(name, { method, copying, loaded }, load), signal);
    try {
      return new Lifecycle(await loadFor(`lifecycle${variant}`, functions), method, functions);
    } catch (error) {
      // A trace without copies is still useful.
      if (!(error instanceof IpftError)) throw error;
      const lifecycle = new Lifecycle(await loadFor('lifecycle', []), method, []);
      lifecycle.unwatched.push(`copies (${error.message.split('\n')[0]})`);
      return lifecycle;
    }
  }

  /** Attaches all programs; those that the kernel refuses are in `unwatched`. */
  async attach(_targets: readonly [], signal: AbortSignal): Promise<void> {
    for (const [tracepoint, program] of TRACEPOINTS) {
      const fd = this.#object.programFd(program);
      this.#programs.add(fd);
      this.#keep(`tracepoint ${tracepoint}`, await openRawTracepoint(fd, tracepoint));
    }
    if (this.#method === 'fexit') {
      for (const copying of this.#functions) {
        if (signal.aborted) return;
        await this.#attachTrampoline(copying);
      }
      return;
    }
    const [first] = this.#functions;
    if (first && !signal.aborted)
      await this.#link(this.#object.programFd(programName(this.#method, first)), this.#functions);
  }

  /** One function that the kernel refuses fails the link: then each function gets a link of its own. */
  async #link(programFd: number, functions: readonly Copying[]): Promise<void> {
    this.#programs.add(programFd);
    const names = functions.map(({ name }) => name);
    const cookies = functions.map(({ how }) => how);
    const link =
      this.#method === 'session'
        ? await linkKprobeMulti(programFd, BPF_TRACE_KPROBE_SESSION, {
            functions: KnownAddresses.load().find(names.map((name) => ({ module: VMLINUX, name }))) ?? names,
            cookies,
          })
        : await linkTracingMulti(programFd, BPF_TRACE_FEXIT_MULTI, {
            ids: functions.map(({ btfId }) => btfId),
            cookies: cookies.map(BigInt),
          });
    if (typeof link === 'number' && functions.length > 1) {
      for (const one of functions) await this.#link(programFd, [one]);
    } else {
      this.#keep(names.join(), link);
    }
  }

  async #attachTrampoline(copying: Copying): Promise<void> {
    const name = programName(this.#method, copying);
    const program = await loadProgram({
      ...{ type: BPF_PROG_TYPE_TRACING, expectedAttachType: BPF_TRACE_FEXIT },
      ...this.#object.programImage(name),
      attachBtfId: copying.btfId,
    });
    if (typeof program === 'number') return this.#keep(copying.name, program);
    this.others.push(program);
    this.#programs.add(program.fd);
    this.#keep(copying.name, await linkTrampoline(program.fd));
  }

  #keep(what: string, link: Descriptor | number): void {
    if (typeof link === 'number') this.unwatched.push(`${what} (${errnoName(-link)})`);
    else this.links.push(link);
  }

  /** None is counted: all of them are deciding. */
  protected programs(): [] {
    return [];
  }

  countMisses(): Misses {
    let misses = 0n;
    for (const fd of this.#programs) misses += readProgramMisses(fd);
    if (this.#method === 'session')
      for (const link of this.links.slice(TRACEPOINTS.length)) misses += readLinkMisses(link.fd);
    return { shown: 0n, deciding: misses };
  }

  override [Symbol.dispose](): void {
    this.#programs.clear();
    super[Symbol.dispose]();
    this.#object[Symbol.dispose]();
  }
}

interface Wanted {
  readonly method: CopyMethod;
  readonly copying: readonly Copying[];
  readonly loaded: LoadedPrograms;
}

async function loadObject(name: string, { method, copying, loaded }: Wanted, load: Load): Promise<BpfObject> {
  const { object: shared, config, filter, byHelper } = loaded;
  const own = loadOwnObject(`${name}${byHelper ? '.by-helper' : ''}.bpf.o`);
  // Journeys begin at tracepoints, too: the filter decides there as everywhere.
  const asked = objectsOf(filter);
  const bytes = asked.length > 0 ? linkObjects([own, ...asked]) : own.bytes;
  const object = new BpfObject(setMark(bytes, filter));
  const maps = [...SHARED_MAPS, ...asked.flatMap((object) => mapsOf(object.bytes))];
  try {
    for (const map of maps) object.reuseMap(map, shared.mapFd(map));
    object.setInitialValue('.rodata.ipft', config);
    const wanted = new Set<string>();
    for (const [, program] of TRACEPOINTS) {
      object.setProgramType(program, BPF_PROG_TYPE_RAW_TRACEPOINT, 0);
      wanted.add(program);
    }
    for (const one of copying) {
      const program = programName(method, one);
      if (wanted.has(program)) continue;
      wanted.add(program);
      const { type, attach } = TYPES[method];
      object.setProgramType(program, type, attach);
      if (method === 'fexit') object.setAttachTarget(program, one.name);
    }
    await load(object, wanted);
    return object;
  } catch (error) {
    object[Symbol.dispose]();
    throw explainLoad(error, NO_FIELDS, filter);
  }
}

/** The names of the maps that a BPF object declares. */
function mapsOf(bytes: Uint8Array): string[] {
  const { sections, symbols } = parseElf(bytes);
  return symbols
    .filter(
      ({ section, kind, binding }) => sections[section]?.name === '.maps' && kind !== 'function' && binding !== 'local',
    )
    .map(({ name }) => name);
}

function programName(method: CopyMethod, { arguments: count, how }: Copying): string {
  if (method !== 'fexit') return `ipft_copies_${method}`;
  return `ipft_${PROGRAMS[how]}_${count}`;
}

const TYPES: Record<CopyMethod, { type: number; attach: number }> = {
  multi: { type: BPF_PROG_TYPE_TRACING, attach: BPF_TRACE_FEXIT_MULTI },
  session: { type: BPF_PROG_TYPE_KPROBE, attach: BPF_TRACE_KPROBE_SESSION },
  fexit: { type: BPF_PROG_TYPE_TRACING, attach: BPF_TRACE_FEXIT },
};
