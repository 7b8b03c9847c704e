/** What all backends have in common. */

import {
  IPFT_MAX_ARGUMENTS,
  IPFT_MAX_POSITION,
  IPFT_TARGET_ARGUMENTS,
  IPFT_TARGET_DEFERS,
  IPFT_TARGET_FINAL,
  IPFT_TARGET_FREES,
  IPFT_TARGET_HEAD,
  IPFT_TARGET_HIDDEN,
  IPFT_TARGET_POSITION,
  IPFT_TARGET_QUEUES,
  IPFT_TARGET_RELEASES,
  IPFT_TARGET_REPORTS,
  IPFT_TARGET_TAIL,
} from '../abi/layout.js';
import type { Misses } from '../base/losses.js';
import type { BackendName, TracerName } from '../base/method.js';
import type { Target } from '../base/target.js';
import type { Btf } from '../btf/btf.js';
import type { Support } from '../kernel/features.js';
import { readProgramRuns } from '../sys/bpf.js';
import type { Descriptor } from '../sys/descriptor.js';
import type { BpfObject } from '../sys/libbpf.js';
import { forEachParallel } from './parallel.js';

/** How programs get at a function's arguments, which decides what functions they can be attached to. */
export type ArgumentAccess = 'registers' | 'trampoline';

/** A program of a backend's object. */
export interface ProgramSpec {
  readonly name: string;
  /** For those that libbpf can't tell from their section: BPF_PROG_TYPE_… and BPF_TRACE_… */
  readonly type?: { readonly program: number; readonly attach: number };
  /** For those that are loaded for one function: its name. */
  readonly attachTo?: string;
}

/** What a function means for the journey of the skb that it is called with. */
export type Role =
  /** It frees the skb, in any case. */
  | 'frees'
  /** It frees the skb's data; of an skb that is being freed it is the last that is seen. */
  | 'releases'
  /** It is called once for each skb that is freed, before its data is. */
  | 'head'
  /** It is the last that is called with an skb. */
  | 'final'
  /** It may be called while the skb is being freed. */
  | 'tail'
  /** Its first argument is a socket, which gets the skb. */
  | 'queues'
  /** It gives the skb to another CPU, which frees it some time later. */
  | 'defers'
  /** It frees the skb, and tells tracepoints its own return address as the place: of interest where returns are traced. */
  | 'reports';

const ROLE_BITS: Record<Role, number> = {
  frees: IPFT_TARGET_FREES,
  releases: IPFT_TARGET_RELEASES,
  head: IPFT_TARGET_HEAD,
  final: IPFT_TARGET_FINAL,
  tail: IPFT_TARGET_TAIL,
  queues: IPFT_TARGET_QUEUES,
  defers: IPFT_TARGET_DEFERS,
  reports: IPFT_TARGET_REPORTS,
};

/**
 * Which program is for a function, where one is attached to many: there is one for each position that the skb often has,
 * and one for the rest and for functions that decide what becomes of it; that one learns of a function what it needs
 * from the cookie. Few, since each link takes the kernel a while to release.
 */
export type Variant = 0 | 1 | 2 | 'deciding';
const OFTEN = [0, 1, 2] as const;

/** Whether a role says what becomes of an skb, so that packets are looked at whose mark does not match. */
export const decidesBy = (role: Role) => role !== 'reports';

export function variantOf({ target, roles }: Pick<NumberedTarget, 'target' | 'roles'>): Variant {
  const often = roles.some(decidesBy) ? undefined : OFTEN.find((position) => position === target.skbPosition);
  return often ?? 'deciding';
}

/** The variants that these targets need; without targets, all. */
export function variantsFor(targets: readonly Target[] | undefined): Variant[] {
  const positions = new Set(targets?.map(({ skbPosition }) => skbPosition));
  return [...OFTEN.filter((position) => !targets || positions.has(position)), 'deciding'];
}

/** A function to attach to, numbered as its events are. */
export interface NumberedTarget {
  readonly target: Target;
  readonly index: number;
  /** What the function means for a packet's journey. */
  readonly roles: readonly Role[];
  /** Makes no events of its own. */
  readonly hidden: boolean;
}

/** A way to attach programs to functions. */
export interface Backend {
  readonly name: BackendName;
  readonly access: ArgumentAccess;
  /** Whether each function is attached and released by itself, which takes a while. */
  readonly oneByOne: boolean;
  /** What it can show of a call. */
  readonly tracers: readonly TracerName[];
  /** Whether the running kernel can do it. */
  probe(tracer: TracerName, vmlinux: Btf): Support | Promise<Support>;
  /** Name of the BPF object below `dist/bpf/MACHINE/`, without `.bpf.o.gz`. */
  object(tracer: TracerName): string;
  /** The programs that these targets need; without targets, all that can be loaded anyway. */
  programs(tracer: TracerName, targets?: readonly Target[]): ProgramSpec[];
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

/** How many functions are attached so far; called now and then. */
export type AttachProgress = (succeeded: number, failed: number) => void;
/** How many links are released so far, and of how many. */
export type ReleaseProgress = (released: number, total: number) => void;

/** Adds up what each program missed. Functions that decide about packets count as such, though they may be shown. */
export function sumMisses(counts: Iterable<readonly [Variant, bigint]>): Misses {
  let [shown, deciding] = [0n, 0n];
  for (const [variant, misses] of counts) {
    if (variant === 'deciding') deciding += misses;
    else shown += misses;
  }
  return { shown, deciding };
}

/** As many system calls at a time as Node's pool has threads for. */
const PARALLEL = 4;

/** What is attached, and what became of the rest. Dispose of it, or better `release` it, to detach. */
export abstract class Attachment implements Disposable {
  succeeded = 0;
  /** Functions that the kernel refused, with the reason. */
  readonly failed: { readonly target: Target; readonly reason: string }[] = [];
  /** What decides about packets and could not be attached, with the reason. */
  readonly unwatched: string[] = [];
  protected readonly links: Descriptor[] = [];
  /** Descriptors that go when the links have gone. */
  protected readonly others: Descriptor[] = [];
  onProgress: AttachProgress = () => {};

  /**
   * Attaches more functions; what the kernel refuses is counted, and does not end it.
   * @param signal ends it early, between two system calls
   */
  abstract attach(targets: readonly NumberedTarget[], signal: AbortSignal): Promise<void>;

  /** As far as the kernel counts them. */
  abstract countMisses(): Misses;

  /** Descriptors of the programs that are attached, each with what it is for. */
  protected abstract programs(): Iterable<readonly [fd: number, variant: Variant]>;

  /** How often functions were called, while the kernel counts that (`enableRunCounts`), but for those that decide. */
  countCalls(): bigint {
    let calls = 0n;
    for (const [fd, variant] of this.programs()) if (variant !== 'deciding') calls += readProgramRuns(fd);
    return calls;
  }

  /** Whether the kernel counts all that it misses. */
  get countsMisses(): boolean {
    return true;
  }

  /** Whether anything has to be released one by one. */
  get linkCount(): number {
    return this.links.length;
  }

  /** Detaches, in other threads: the event loop goes on meanwhile. */
  async release(onProgress: ReleaseProgress): Promise<void> {
    const links = this.links.splice(0);
    let released = 0;
    onProgress(released, links.length);
    await forEachParallel(links, PARALLEL, async (link) => {
      await link.closeAsync();
      onProgress(++released, links.length);
    });
    this[Symbol.dispose]();
  }

  /** Detaches at once: nothing else happens until it is done. */
  [Symbol.dispose](): void {
    for (const descriptor of [...this.links.splice(0), ...this.others.splice(0)]) descriptor[Symbol.dispose]();
  }

  protected count(targets: readonly NumberedTarget[]): void {
    for (const { hidden } of targets) if (!hidden) this.succeeded++;
    this.onProgress(this.succeeded, this.failed.length);
  }

  protected fail({ target, hidden }: NumberedTarget, reason: string): void {
    if (hidden) this.unwatched.push(`${target.name} (${reason})`);
    else this.failed.push({ target, reason });
    this.onProgress(this.succeeded, this.failed.length);
  }

  /** For each of many functions, a few at a time. */
  protected async each(
    targets: readonly NumberedTarget[],
    signal: AbortSignal,
    attach: (target: NumberedTarget) => Promise<void>,
  ): Promise<void> {
    await forEachParallel(targets, PARALLEL, attach, signal);
  }
}

/** The attach cookie as the programs know it: enum ipft_target. */
export function cookieOf({ target, index, roles, hidden }: NumberedTarget): number {
  const bits = roles.reduce((sum, role) => sum | ROLE_BITS[role], 0);
  const position = Math.min(target.skbPosition, IPFT_MAX_POSITION) << IPFT_TARGET_POSITION;
  const known = Math.min(target.parameters, IPFT_MAX_ARGUMENTS) << IPFT_TARGET_ARGUMENTS;
  return (index | known | position | bits | (hidden ? IPFT_TARGET_HIDDEN : 0)) >>> 0;
}
