/** One tracing session, from open to close. */
import { readFileSync } from 'node:fs';
import { SystemCallError, UnsupportedFeatureError } from '../base/errors.js';
import type { EventTaker } from '../base/event.js';
import type { Target } from '../base/target.js';
import type { Extension } from '../extension/extension.js';
import { readMapEntry } from '../sys/bpf.js';
import type { BpfObject } from '../sys/libbpf.js';
import type { Attachment, AttachProgress, Backend } from './backend.js';
import { kprobeMulti } from './kprobe-multi.js';
import { loadPrograms } from './load.js';
import { CPU_SIZE, type CpuLoss, decodeLosses } from './record.js';
import { Ring } from './ring.js';

export interface SessionOptions {
  readonly targets: readonly Target[];
  /** Packets are traced whose mark, under the mask, equals this mark under the mask. */
  readonly mark: number;
  readonly mask: number;
  /** Keep one event in so many on each CPU; 1 keeps all. */
  readonly samplePeriod: number;
  /** A power of two and a multiple of the page. */
  readonly ringSizeBytes: number;
  readonly extension: Extension | undefined;
  readonly onProgress?: AttachProgress;
}

/** What a session did not see. */
export interface SessionLosses {
  /** Events that found no room in the ring. */
  readonly lost: readonly CpuLoss[];
  /** Calls of traced functions, of whatever packet, that the kernel did not hand to the program. */
  readonly missed: bigint;
}

/** Programs that are loaded and attached, and the ring that they write to. Dispose of it to detach. */
export class Session implements Disposable {
  readonly #object: BpfObject;
  readonly #ring: Ring;
  readonly #attachment: Attachment;
  #missed: bigint | undefined;
  readonly succeeded: number;
  readonly failed: Attachment['failed'];

  private constructor(object: BpfObject, ring: Ring, attachment: Attachment) {
    this.#object = object;
    this.#ring = ring;
    this.#attachment = attachment;
    this.succeeded = attachment.succeeded;
    this.failed = attachment.failed;
  }

  /**
   * Loads and attaches. What can't be attached is in `failed`.
   * @throws VerifierError, ExtensionError, SystemCallError, UnsupportedFeatureError
   */
  static open(options: SessionOptions): Session {
    const backend: Backend = kprobeMulti;
    const { targets, ringSizeBytes, onProgress = () => {} } = options;
    const opened: Disposable[] = [];
    const own = <T extends Disposable>(resource: T): T => {
      opened.unshift(resource);
      return resource;
    };
    try {
      const object = own(loadPrograms(backend, targets, options));
      const ring = own(new Ring(object.mapFd('ipft_events'), ringSizeBytes, PAGE_SIZE));
      const attachment = own(backend.attach(object, targets, onProgress));
      if (attachment.succeeded > 0) return new Session(object, ring, attachment);
      throw new UnsupportedFeatureError(
        'attach',
        `none of the ${targets.length} functions could be attached to: ${attachment.failed[0]?.reason}`,
      );
    } catch (error) {
      for (const resource of opened) resource[Symbol.dispose]();
      throw error;
    }
  }

  /** Hands the events that are there to `take`; see `Ring.read`. */
  read(take: EventTaker, limit?: number): number {
    return this.#ring.read(take, limit);
  }

  /** What was lost so far; after `detach`, in all. */
  losses(): SessionLosses {
    const cpus = readMapEntry(this.#object.mapFd('ipft_cpus'), countPossibleCpus() * CPU_SIZE);
    return { lost: decodeLosses(cpus), missed: this.#missed ?? this.#attachment.countMisses() };
  }

  /** Detaches: no event comes after it. Those in the ring can still be read. */
  detach(): void {
    // The links take their counters with them.
    this.#missed ??= this.#attachment.countMisses();
    this.#attachment[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    this.#attachment[Symbol.dispose]();
    this.#ring[Symbol.dispose]();
    this.#object[Symbol.dispose]();
  }
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
