/** One tracing session, from open to close. */
import { readFileSync } from 'node:fs';
import { SystemCallError, UnsupportedFeatureError } from '../base/errors.js';
import type { EventTaker } from '../base/event.js';
import { type Target, VMLINUX } from '../base/target.js';
import type { Extension } from '../extension/extension.js';
import { loadKernelBtf } from '../kernel/btf.js';
import { openModuleBtfs, readMapEntry } from '../sys/bpf.js';
import type { Descriptor } from '../sys/descriptor.js';
import { ShortGracePeriods } from '../sys/grace-periods.js';
import type { BpfObject } from '../sys/libbpf.js';
import type { Attachment, AttachProgress, Backend, NumberedTarget, ReleaseProgress, TracerName } from './backend.js';
import { loadPrograms } from './load.js';
import { CPU_SIZE, type CpuLoss, decodeLosses } from './record.js';
import { Ring } from './ring.js';
import { watchesFrees } from './targets.js';

export interface SessionOptions {
  /** See `chooseBackend`. */
  readonly backend: Backend;
  readonly tracer: TracerName;
  /** As `loadTargets` finds them for the backend. Events name their function by its index here. */
  readonly targets: readonly Target[];
  /** Targets to prepare programs for: also those that may come with `attachMore`. Default: `targets`. */
  readonly models?: readonly Target[];
  /** As `loadTargets` finds them; only used where returns are traced. */
  readonly freeing: readonly Target[];
  /** Packets are traced whose mark, under the mask, equals this mark under the mask. */
  readonly mark: number;
  readonly mask: number;
  /** Keep one event in so many on each CPU; 1 keeps all. */
  readonly samplePeriod: number;
  /** A power of two and a multiple of the page. */
  readonly ringSizeBytes: number;
  readonly extension: Extension | undefined;
}

/** What a session did not see. */
export interface SessionLosses {
  /** Events that found no room in the ring. */
  readonly lost: readonly CpuLoss[];
  /** Calls of traced functions, of whatever packet, that the kernel did not hand to the program. */
  readonly missed: bigint;
}

/** Releasing fewer links than this one by one takes no time worth hastening. */
const MANY_LINKS = 8;
/** Numbers of the functions that are attached to though they make no events. */
const HIDDEN_INDEX = 0x3fffffff;

/** Programs that are loaded, and the ring that they write to. `release` it; disposing of it blocks until all is gone. */
export class Session implements Disposable {
  readonly #options: SessionOptions;
  readonly #object: BpfObject;
  readonly #ring: Ring;
  readonly #moduleBtfs: Map<string, Descriptor>;
  readonly #attachment: Attachment;

  private constructor(
    options: SessionOptions,
    object: BpfObject,
    ring: Ring,
    moduleBtfs: Map<string, Descriptor>,
    attachment: Attachment,
  ) {
    this.#options = options;
    this.#object = object;
    this.#ring = ring;
    this.#moduleBtfs = moduleBtfs;
    this.#attachment = attachment;
  }

  /**
   * Loads the programs. Nothing is attached yet.
   * @throws VerifierError, ExtensionError, SystemCallError
   */
  static open(options: SessionOptions): Session {
    const { backend, tracer, targets, ringSizeBytes } = options;
    const opened: Disposable[] = [];
    const own = <T extends Disposable>(resource: T): T => {
      opened.unshift(resource);
      return resource;
    };
    try {
      const object = own(loadPrograms(backend, options.models ?? targets, options));
      const ring = own(new Ring(object.mapFd('ipft_events'), ringSizeBytes, PAGE_SIZE));
      const moduleBtfs = openBtfs(backend, targets);
      for (const btf of moduleBtfs.values()) own(btf);
      const attachment = own(backend.attachment({ tracer, object, vmlinux: loadKernelBtf(), moduleBtfs }));
      return new Session(options, object, ring, moduleBtfs, attachment);
    } catch (error) {
      for (const resource of opened) resource[Symbol.dispose]();
      throw error;
    }
  }

  /**
   * Attaches to all targets. What can't be attached is in `failed`.
   * @param signal ends it early; what is attached by then stays until `release`
   * @throws SystemCallError, or UnsupportedFeatureError if the kernel takes none of them
   */
  async attach(signal: AbortSignal, onProgress: AttachProgress = () => {}): Promise<void> {
    const { targets, freeing, tracer } = this.#options;
    const attachment = this.#attachment;
    attachment.onProgress = onProgress;
    const watched = watchesFrees(tracer) ? freeing : [];
    const frees = new Set(watched.map(({ name }) => name));
    const numbered: NumberedTarget[] = targets.map((target, index) => {
      return { target, index, hidden: false, frees: target.module === VMLINUX && frees.has(target.name) };
    });
    const shown = new Set(numbered.filter((target) => target.frees).map(({ target }) => target.name));
    const hidden = watched
      .filter(({ name }) => !shown.has(name))
      .map((target) => ({ target, index: HIDDEN_INDEX, hidden: true, frees: true }));
    // Those that free come first: a packet that is followed must not be freed unseen.
    await attachment.attach([...hidden, ...numbered], signal);
    if (attachment.succeeded > 0 || signal.aborted) return;
    throw new UnsupportedFeatureError(
      'attach',
      `none of the ${targets.length} functions could be attached to: ${attachment.failed[0]?.reason}`,
      'another backend (-b) may take them; ipft doctor tells which work here',
    );
  }

  /**
   * Attaches to further targets, of a module that was loaded meanwhile.
   * @param firstIndex the index of the first: they stand in the caller's table behind those there are
   */
  async attachMore(targets: readonly Target[], firstIndex: number, signal: AbortSignal): Promise<void> {
    const missing = targets.filter(({ module }) => !this.#moduleBtfs.has(module));
    for (const [module, btf] of openBtfs(this.#options.backend, missing)) this.#moduleBtfs.set(module, btf);
    const numbered = targets.map((target, offset) => ({
      target,
      index: firstIndex + offset,
      hidden: false,
      frees: false,
    }));
    await this.#attachment.attach(numbered, signal);
  }

  get succeeded(): number {
    return this.#attachment.succeeded;
  }

  /** Functions that the kernel refused, with the reason. */
  get failed(): Attachment['failed'] {
    return this.#attachment.failed;
  }

  /** Hands the events that are there to `take`; see `RingReader.read`. */
  read(take: EventTaker, limit?: number, until?: number): number {
    return this.#ring.read(take, limit, until);
  }

  /** How far the kernel has written: a limit for `read`, where events keep coming. */
  get produced(): number {
    return this.#ring.produced;
  }

  /** What was lost so far. */
  losses(): SessionLosses {
    const cpus = readMapEntry(this.#object.mapFd('ipft_cpus'), countPossibleCpus() * CPU_SIZE);
    return { lost: decodeLosses(cpus), missed: this.#attachment.countMisses() };
  }

  /** Detaches and closes all, in other threads: the event loop goes on meanwhile. */
  async release(onProgress: ReleaseProgress = () => {}): Promise<void> {
    const isLong = this.#options.backend.oneByOne && this.#attachment.linkCount >= MANY_LINKS;
    const hastened = isLong ? new ShortGracePeriods() : undefined;
    await this.#attachment.release(onProgress);
    await hastened?.end();
    this[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    this.#attachment[Symbol.dispose]();
    for (const btf of this.#moduleBtfs.values()) btf[Symbol.dispose]();
    this.#ring[Symbol.dispose]();
    this.#object[Symbol.dispose]();
  }
}

/** Trampolines want the BTF of modules as descriptors. */
function openBtfs(backend: Backend, targets: readonly Target[]): Map<string, Descriptor> {
  const modules = new Set(targets.map(({ module }) => module).filter((module) => module !== VMLINUX));
  if (backend.access !== 'trampoline' || modules.size === 0) return new Map();
  const btfs = openModuleBtfs(modules);
  return typeof btfs === 'number' ? new Map() : btfs;
}

/** 4 KiB on x86-64; arm64 kernels have 4, 16 or 64. The auxiliary vector tells (AT_PAGESZ = 6: `linux/auxvec.h`). */
export const PAGE_SIZE = loadPageSize();

function loadPageSize(): number {
  const vector = readFileSync('/proc/self/auxv');
  for (let at = 0; at + 16 <= vector.length; at += 16) {
    if (vector.readBigUInt64LE(at) === 6n) return Number(vector.readBigUInt64LE(at + 8));
  }
  return 4096;
}

/** Per-CPU maps have a value for each CPU that could ever be there. */
function countPossibleCpus(): number {
  const text = readFileSync('/sys/devices/system/cpu/possible', 'latin1').trim();
  const last = /(\d+)$/.exec(text)?.[1];
  if (last === undefined) throw new SystemCallError('read', 0, 'no number', 'counting the CPUs');
  return Number(last) + 1;
}
