/** What a backend is: a way to attach programs to probes. */
import type { Switch } from '../base/losses.js';
import type { BackendName, TracerName } from '../base/method.js';
import type { Btf } from '../btf/btf.js';
import type { Support } from '../kernel/features.js';
import type { Descriptor } from '../sys/descriptor.js';
import type { BpfObject } from '../sys/libbpf.js';
import type { Attachment } from './attachment.js';
import type { Probe } from './probe.js';

/** How programs get at a function's arguments, which decides what functions they can be attached to. */
export type ArgumentAccess = 'registers' | 'trampoline';

/** How copies of packets are seen: in one link of trampolines, by sessions of kprobes, or by a trampoline a function. */
export type CopyMethod = 'multi' | 'session' | 'fexit';

/** A program of a backend's object. */
export interface ProgramSpec {
  readonly name: string;
  /** For those that libbpf can't tell from their section: BPF_PROG_TYPE_… and BPF_TRACE_… */
  readonly type?: { readonly program: number; readonly attach: number };
  /** For those that are loaded for one function: its name. */
  readonly attachTo?: string;
}

/** Which build of an object is wanted. */
export interface Build {
  /** The one that reads with helpers: IPFT_BY_HELPER. */
  readonly byHelper: boolean;
  /** Whether programs call functions that are linked in: an extension's, a filter's. */
  readonly hasCalls: boolean;
}

export interface Backend {
  readonly name: BackendName;
  /** What it can be attached to. */
  readonly kinds: readonly Probe['kind'][];
  readonly access: ArgumentAccess;
  /** Whether each function is attached and released by itself, which takes a while. */
  readonly oneByOne: boolean;
  /**
   * What it can show of a call, with the first Linux that lets it: `5.18`. For people and for tests; `support` asks the
   * kernel.
   */
  readonly since: Readonly<Partial<Record<TracerName, string>>>;
  /** Switches of the machine that turn it off. */
  readonly switches: readonly Switch[];
  /** Whether its programs read with helpers on every kernel. */
  readonly alwaysByHelper: boolean;
  /** Whether the running kernel can do it. */
  support(tracer: TracerName, vmlinux: Btf): Support | Promise<Support>;
  /** How copies are seen on a kernel that supports it. */
  copies(vmlinux: Btf): CopyMethod;
  /** Name of the BPF object below `dist/bpf/MACHINE/`, without `.bpf.o.gz`. */
  object(tracer: TracerName, build: Build): string;
  /** The programs that these probes need; without probes, all that can be loaded anyway. */
  programs(tracer: TracerName, probes?: readonly Probe[]): ProgramSpec[];
  /** Sizes of maps, where they are not the object's. */
  maps(tracer: TracerName, vmlinux: Btf): Record<string, number>;
  /** Prepares attaching the programs of a loaded object. */
  attachment(context: AttachContext): Attachment;
}

export interface AttachContext {
  readonly tracer: TracerName;
  readonly object: BpfObject;
  readonly vmlinux: Btf;
  /** The BTF of modules, by their names; none for a module whose BTF can't be had. */
  readonly moduleBtfs: ReadonlyMap<string, Descriptor>;
}

/** What the backend can show of a call. */
export function tracersOf({ since }: Pick<Backend, 'since'>): TracerName[] {
  return Object.keys(since) as TracerName[];
}

/** The name of an object that has a build with helpers and one without. */
export function nameBuild(object: string, { byHelper }: Build): string {
  return byHelper ? `${object}.by-helper` : object;
}
