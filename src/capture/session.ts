/** A session, from open to close. */

import { countFollowed, decodeLivings, type Followed } from '../abi/journeys.js';
import { CPU_SIZE, IPFT_MAX_JOURNEYS, IPFT_TARGET_INDEX, JOURNEY_SIZE } from '../abi/layout.js';
import { type Counted, decodeConnections, decodeCounted, decodeLosses, decodeUnrun } from '../abi/losses.js';
import { NoticeDecoder } from '../abi/notices.js';
import { UnsupportedFeatureError } from '../base/errors.js';
import type { RawTaker, RecordTaker } from '../base/event.js';
import type { Living } from '../base/journey.js';
import type { Misses, Switch, TraceLosses } from '../base/losses.js';
import type { TracerName } from '../base/method.js';
import type { FindControlGroup } from '../base/process.js';
import type { Reading, SourceCoverage } from '../base/record-source.js';
import { VMLINUX } from '../base/target.js';
import type { EventFields } from '../fields/field-set.js';
import type { PacketFilter } from '../filter/packet-filter.js';
import { loadKernelBtf } from '../kernel/btf.js';
import { countPossibleCpus } from '../kernel/cpus.js';
import { ftraceIsOff } from '../kernel/functions.js';
import { isSwitchedOff } from '../kernel/switches.js';
import type { Attachment, AttachProgress, ReleaseProgress } from '../probes/attachment.js';
import type { Backend } from '../probes/backend.js';
import type { NumberedProbe } from '../probes/cookie.js';
import { keyOf, type Probe } from '../probes/probe.js';
import { decidesBy, type Role, rolesOf } from '../probes/roles.js';
import { variantOf } from '../probes/variant.js';
import { openModuleBtfs, readMapEntry, readPerCpuSums } from '../sys/bpf.js';
import type { Descriptor } from '../sys/descriptor.js';
import { ENODEV, errnoName } from '../sys/errno.js';
import type { BpfObject } from '../sys/libbpf.js';
import { Mapping, PROT_READ } from '../sys/libc.js';
import { PAGE_SIZE } from '../sys/page-size.js';
import { Holders } from './holders.js';
import { Lifecycle } from './lifecycle.js';
import { endsBytes, loadPrograms } from './load.js';
import { Owners } from './owners.js';
import { Ring } from './ring.js';
import { Rings, type Written } from './rings.js';

export interface SessionOptions {
  /** See `chooseBackend`. */
  readonly backend: Backend;
  readonly tracer: TracerName;
  /** The targets, as `loadTargets` finds them for the backend. Events carry the index of their target. */
  readonly targets: readonly Probe[];
  /** The targets to load programs for, those that `attachMore` may add included. Default: `targets`. */
  readonly models?: readonly Probe[];
  /** The deciding functions, as `loadTargets` finds them: they are attached to in any case. */
  readonly deciding: readonly Probe[];
  /** Which packets are followed. */
  readonly packets: PacketFilter;
  /** Keep one event in so many on each CPU; 1 keeps all. */
  readonly samplePeriod: number;
  /** A power of two and a multiple of the page. */
  readonly ringSizeBytes: number;
  /** Whether packets are followed until they are freed, whatever becomes of their mark. */
  readonly follow: boolean;
  /** The bytes of a packet that snapshots have; 0: there are no snapshots. */
  readonly snaplen: number;
  /** Tells of the control groups of processes; undefined: journeys have no processes. */
  readonly findGroup?: FindControlGroup | undefined;
  /** What events carry; where there are none, the values by which is counted. */
  readonly fields: EventFields;
  /** What is counted, by the values of the fields; undefined: calls make events. */
  readonly countedPer?: 'packet' | 'call' | undefined;
}

/** The index of functions that are attached to and make no events. */
const HIDDEN_INDEX = IPFT_TARGET_INDEX;
/** The most targets of a trace. */
export const MAX_TARGETS = HIDDEN_INDEX;

/**
 * Owns loaded programs, their links and the rings that they write to. `release` detaches in other threads; disposal
 * blocks until all is detached.
 */
export class Session implements Disposable {
  readonly #options: SessionOptions;
  readonly #object: BpfObject;
  readonly #ring: Ring;
  readonly #ends: Ring;
  readonly #moduleBtfs: Map<string, Descriptor>;
  readonly #attachment: Attachment;
  readonly #lifecycle: Lifecycle;
  /** Where packets of processes are asked for. */
  readonly #owners: Owners | undefined;
  /** Where journeys have processes. */
  readonly #holders: Holders | undefined;
  readonly #switchedOff = new Set<Switch>();
  readonly #notices: NoticeDecoder;
  readonly #rings: Rings;

  private constructor(
    options: SessionOptions,
    parts: {
      object: BpfObject;
      ring: Ring;
      ends: Ring;
      notices: NoticeDecoder;
      moduleBtfs: Map<string, Descriptor>;
      attachment: Attachment;
      lifecycle: Lifecycle;
      owners: Owners | undefined;
      holders: Holders | undefined;
    },
  ) {
    this.#options = options;
    this.#object = parts.object;
    this.#ring = parts.ring;
    this.#ends = parts.ends;
    this.#notices = parts.notices;
    this.#rings = new Rings(parts.ring, parts.ends);
    this.#moduleBtfs = parts.moduleBtfs;
    this.#attachment = parts.attachment;
    this.#lifecycle = parts.lifecycle;
    this.#owners = parts.owners;
    this.#holders = parts.holders;
  }

  /**
   * Loads the programs, and attaches none.
   * @param signal ends it; then nothing stays open
   * @throws VerifierError, ExtensionError, SystemCallError, the reason of `signal`
   */
  static async open(options: SessionOptions, signal?: AbortSignal): Promise<Session> {
    const { backend, tracer, targets, deciding, ringSizeBytes, packets, findGroup } = options;
    const opened: Disposable[] = [];
    const own = <T extends Disposable>(resource: T): T => {
      opened.unshift(resource);
      return resource;
    };
    try {
      const vmlinux = loadKernelBtf();
      const models = [...(options.models ?? targets), ...deciding];
      const loaded = await loadPrograms(backend, models, { ...options, who: findGroup !== undefined }, signal);
      const object = own(loaded.object);
      const lifecycle = own(await Lifecycle.load(loaded, backend, vmlinux, signal));
      const owners = packets.processes && own(await Owners.load(loaded, packets.processes, vmlinux, signal));
      const holders = findGroup && own(await Holders.load(loaded, vmlinux, signal));
      // Shared, since an end may be in either ring, and only the first one at a location brings its name.
      const notices = new NoticeDecoder(findGroup);
      const ring = own(new Ring(object.mapFd('ipft_events'), ringSizeBytes, PAGE_SIZE, notices));
      const ends = own(new Ring(object.mapFd('ipft_ends'), endsBytes(ringSizeBytes), PAGE_SIZE, notices));
      const moduleBtfs = openBtfs(backend, targets);
      for (const btf of moduleBtfs.values()) own(btf);
      const attachment = own(backend.attachment({ tracer, object, vmlinux, moduleBtfs }));
      return new Session(options, { object, ring, ends, notices, moduleBtfs, attachment, lifecycle, owners, holders });
    } catch (error) {
      for (const resource of opened) resource[Symbol.dispose]();
      throw error;
    }
  }

  /**
   * Attaches to all targets. Those that the kernel refuses are in `coverage`.
   * @param signal ends it early; programs that are attached by then stay so until `release`
   * @throws SystemCallError, or UnsupportedFeatureError if the kernel refuses all of them
   */
  async attach(signal: AbortSignal, onProgress: AttachProgress = () => {}): Promise<void> {
    const { targets, deciding } = this.#options;
    const attachment = this.#attachment;
    attachment.onProgress = onProgress;
    const numbered: NumberedProbe[] = targets.map((probe, index) => {
      return { probe, index, hidden: false, roles: this.#rolesOf(probe) };
    });
    const shown = new Set(targets.map(keyOf));
    const hidden = deciding
      .filter((probe) => !shown.has(keyOf(probe)))
      .map((probe) => ({ probe, index: HIDDEN_INDEX, hidden: true, roles: this.#rolesOf(probe) }));
    // Programs that end journeys come first: no journey must begin that would not end.
    await this.#lifecycle.attach([], signal);
    await this.#owners?.attach();
    await this.#holders?.attach();
    const decides = ({ roles }: NumberedProbe) => roles.some(decidesBy);
    const first = [...hidden, ...numbered.filter(decides)];
    await attachment.attach(first, signal);
    await attachment.attach(
      numbered.filter((one) => !decides(one)),
      signal,
    );
    if (attachment.succeeded > 0 || signal.aborted) return;
    // ftrace may shut itself down while the first function is attached to.
    const reasons = new Set(attachment.failed.map(({ reason }) => reason));
    if (reasons.size === 1 && reasons.has(errnoName(ENODEV))) throw ftraceIsOff('attaching fails (ENODEV)');
    throw new UnsupportedFeatureError(
      'attach',
      `none of the ${targets.length} functions could be attached to: ${attachment.failed[0]?.reason}`,
      'another backend (-b) may take them; ipft doctor tells which work here',
    );
  }

  /**
   * Attaches to further targets, of modules that were loaded meanwhile.
   * @param indexes their indexes in the caller's table; below `MAX_TARGETS`
   */
  async attachMore(targets: readonly Probe[], indexes: readonly number[], signal: AbortSignal): Promise<void> {
    // The module may have been loaded before, with other types.
    const modules = new Set(targets.map(({ module }) => module));
    for (const module of modules) {
      this.#moduleBtfs.get(module)?.[Symbol.dispose]();
      this.#moduleBtfs.delete(module);
    }
    for (const [module, btf] of openBtfs(this.#options.backend, targets)) this.#moduleBtfs.set(module, btf);
    const numbered = targets.map((probe, position) => ({
      probe,
      index: indexes[position]!,
      hidden: false,
      roles: this.#rolesOf(probe),
    }));
    await this.#attachment.attach(numbered, signal);
  }

  #rolesOf(probe: Probe): Role[] {
    return rolesOf(probe, this.#options.tracer);
  }

  /** The functions that are attached, and those that the kernel refused. */
  get coverage(): SourceCoverage {
    const { succeeded, failed, unwatched } = this.#attachment;
    return {
      traced: succeeded,
      refused: failed.map(({ target: { name, module }, reason }) => ({ name, module, reason })),
      unwatched: [...this.#lifecycle.unwatched, ...(this.#owners?.unwatched ?? []), ...unwatched],
    };
  }

  /** What would tell of processes and could not be attached to, with the reason. */
  get untold(): readonly string[] {
    return this.#holders?.unwatched ?? [];
  }

  /** See `Rings.read`. */
  read(taker: RecordTaker, limit?: number, until?: Written): Reading {
    return this.#rings.read(taker, limit, until);
  }

  /** See `Rings.readRaw`. */
  readRaw(taker: RawTaker, limit?: number, until?: Written): Reading {
    return this.#rings.readRaw(taker, limit, until);
  }

  /** See `Rings.countUnreadEnds`. */
  /** What the kernel side has called a location so far: it tells each name once. */
  symbolOf(location: bigint): string | undefined {
    return this.#notices.symbolOf(location);
  }

  countUnreadEnds(): number {
    return this.#rings.countUnreadEnds();
  }

  /** See `Rings.written`. */
  get written(): Written {
    return this.#rings.written;
  }

  /** The losses so far. @param missed the result of `countMisses`, if it is known already */
  losses(missed = this.countMisses()): TraceLosses {
    return {
      ...decodeLosses(this.#readCpus()),
      missed,
      countsMisses: this.countsMisses,
      switchedOff: [...this.#switchedOff],
    };
  }

  /**
   * What has been counted so far.
   * @param take called for each combination of values: the data, lent for the call, and how often they were
   */
  readCounted(take: (data: DataView, count: bigint) => void): Counted {
    const { fields } = this.#options;
    const cpus = countPossibleCpus();
    readPerCpuSums(this.#object.mapFd('ipft_counted'), { keyBytes: fields.dataBytes, cpus }, take);
    return decodeCounted(this.#readCpus());
  }

  /** How many connections were noted so far: `IPFT_MAX_CONNECTIONS` are kept. */
  countConnections(): bigint {
    return decodeConnections(this.#readCpus());
  }

  /**
   * The next process that the calling thread makes is followed from its birth on, with all its children. To be called in
   * Node's main thread, right before that, when all is attached.
   * @throws SystemCallError
   */
  expectCommand(): void {
    this.#owners?.expectCommand();
  }

  /** The number of followed processes that live: a process ends with its last thread. */
  countProcesses(): number {
    return this.#owners?.countProcesses() ?? 0;
  }

  /** As `countProcesses`, of the process that was expected (`expectCommand`) and those that it left. */
  countCommand(): number {
    return this.#owners?.countCommand() ?? 0;
  }

  /** How many processes were not followed for want of room: `IPFT_MAX_PROCESSES` are followed at a time. */
  countUnfollowedProcesses(): bigint {
    return this.#owners?.countUnfollowed() ?? 0n;
  }

  /** The struct ipft_cpu of each CPU. */
  #readCpus(): DataView {
    return readMapEntry(this.#object.mapFd('ipft_cpus'), countPossibleCpus() * CPU_SIZE);
  }

  /** The missed calls so far. */
  countMisses(): Misses {
    for (const one of this.#options.backend.switches) if (isSwitchedOff(one)) this.#switchedOff.add(one);
    const { shown, deciding } = this.#attachment.countMisses();
    const more = this.#lifecycle.countMisses().deciding + (this.#owners?.countMisses() ?? 0n);
    // Where the kernel counts, it has counted those as well.
    const unrun = this.countsMisses ? 0n : decodeUnrun(this.#readCpus());
    return { shown, deciding: deciding + more + unrun };
  }

  /** Whether the kernel counts all missed calls. */
  get countsMisses(): boolean {
    return this.#attachment.countsMisses;
  }

  /** The journeys that the kernel side has not ended yet. */
  living(): Living[] {
    using slots = this.#mapJourneys();
    return decodeLivings(new DataView(slots.buffer));
  }

  /** Packets that were followed, those that passed no function that is shown included. */
  countFollowed(): Followed {
    using slots = this.#mapJourneys();
    return countFollowed(new DataView(slots.buffer));
  }

  #mapJourneys(): Mapping {
    return new Mapping(this.#object.mapFd('ipft_journeys'), 0, IPFT_MAX_JOURNEYS * JOURNEY_SIZE, PROT_READ);
  }

  /**
   * The calls of traced functions so far, while the kernel counts them (`enableRunCounts`). Where returns are traced,
   * they count, too.
   */
  countCalls(): bigint {
    return this.#attachment.countCalls();
  }

  /** The number of traced functions that `countCalls` counts. */
  get countableFunctions(): number {
    const isCountable = (probe: Probe) => variantOf({ probe, roles: this.#rolesOf(probe) }) !== 'deciding';
    return this.#options.targets.filter(isCountable).length;
  }

  /**
   * Detaches in other threads, while the event loop goes on. Records that have been written can still be read until
   * disposal.
   */
  async detach(onProgress: ReleaseProgress = () => {}): Promise<void> {
    await this.#attachment.release(onProgress);
    await this.#lifecycle.release(() => {});
    await this.#owners?.release();
    await this.#holders?.release();
  }

  /** Detaches as `detach` does, and closes all. */
  async release(onProgress?: ReleaseProgress): Promise<void> {
    try {
      await this.detach(onProgress);
    } finally {
      this[Symbol.dispose]();
    }
  }

  [Symbol.dispose](): void {
    this.#attachment[Symbol.dispose]();
    this.#lifecycle[Symbol.dispose]();
    this.#owners?.[Symbol.dispose]();
    this.#holders?.[Symbol.dispose]();
    for (const btf of this.#moduleBtfs.values()) btf[Symbol.dispose]();
    this.#ring[Symbol.dispose]();
    this.#ends[Symbol.dispose]();
    this.#object[Symbol.dispose]();
  }
}

/** Opens the BTF of modules, which trampolines need as descriptors. */
function openBtfs(backend: Backend, targets: readonly Probe[]): Map<string, Descriptor> {
  const modules = new Set(targets.map(({ module }) => module).filter((module) => module !== VMLINUX));
  if (backend.access !== 'trampoline' || modules.size === 0) return new Map();
  const btfs = openModuleBtfs(modules);
  return typeof btfs === 'number' ? new Map() : btfs;
}
