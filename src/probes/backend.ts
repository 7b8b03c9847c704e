/** The interface of backends, the ways to attach programs to probes. */
import type { Switch } from '../base/losses.js';
import type { BackendName, TracerName } from '../base/method.js';
import type { Btf } from '../btf/btf.js';
import type { Support } from '../kernel/features.js';
import type { Descriptor } from '../sys/descriptor.js';
import type { BpfObject } from '../sys/libbpf.js';
import type { Attachment } from './attachment.js';
import type { Probe } from './probe.js';

/** How programs read a function's arguments, which decides what functions they can be attached to. */
export type ArgumentAccess = 'registers' | 'trampoline';

/**
 * How copies of packets are seen: by one link of trampolines, by kprobe sessions, or by a trampoline for each function.
 */
export type CopyMethod = 'multi' | 'session' | 'fexit';

/** A program of a backend's object. */
export interface ProgramSpec {
  readonly name: string;
  /** The type, if libbpf can't tell it from the section: BPF_PROG_TYPE_… and BPF_TRACE_… */
  readonly type?: { readonly program: number; readonly attach: number };
  /** The name of the function, if the program is loaded for one function. */
  readonly attachTo?: string;
}

/** The build of an object. */
export interface Build {
  /** Whether it reads with helpers: IPFT_BY_HELPER. */
  readonly byHelper: boolean;
  /** Whether programs call functions that are linked in: an extension's, a filter's. */
  readonly hasCalls: boolean;
}

export interface Backend {
  readonly name: BackendName;
  /** The probes that it can attach to. */
  readonly kinds: readonly Probe['kind'][];
  readonly access: ArgumentAccess;
  /** Whether each function has a link of its own, so that attaching and releasing take a while. */
  readonly oneByOne: boolean;
  /**
   * The tracers that it supports, with the first Linux that allows them: `5.18`. For people and for tests; `support`
   * asks the kernel.
   */
  readonly since: Readonly<Partial<Record<TracerName, string>>>;
  /** Switches of the machine that turn it off. */
  readonly switches: readonly Switch[];
  /** Whether its programs read with helpers on every kernel. */
  readonly alwaysByHelper: boolean;
  /** Whether the running kernel supports it. */
  support(tracer: TracerName, vmlinux: Btf): Support | Promise<Support>;
  /** How copies are seen on a kernel that supports it. */
  copies(vmlinux: Btf): CopyMethod;
  /** Name of the BPF object, without `.bpf.o`. */
  object(tracer: TracerName, build: Build): string;
  /** The programs that these probes need; by default all that can be loaded without a probe. */
  programs(tracer: TracerName, probes?: readonly Probe[]): ProgramSpec[];
  /** Sizes of maps, where they differ from the object's. */
  maps(tracer: TracerName, vmlinux: Btf): Record<string, number>;
  /** Prepares attaching the programs of a loaded object. */
  attachment(context: AttachContext): Attachment;
}

export interface AttachContext {
  readonly tracer: TracerName;
  readonly object: BpfObject;
  readonly vmlinux: Btf;
  /** The BTF of modules, by their names; without modules whose BTF can't be opened. */
  readonly moduleBtfs: ReadonlyMap<string, Descriptor>;
}

/** The tracers that a backend supports. */
export function tracersOf({ since }: Pick<Backend, 'since'>): TracerName[] {
  return Object.keys(since) as TracerName[];
}

/** The name of an object that has a build with helpers and one without. */
export function nameBuild(object: string, { byHelper }: Build): string {
  return byHelper ? `${object}.by-helper` : object;
}
