/** The links of a backend, from the first function until all are released. */
import type { Misses } from '../base/losses.js';
import type { Target } from '../base/target.js';
import { readProgramRuns } from '../sys/bpf.js';
import type { Descriptor } from '../sys/descriptor.js';
import type { NumberedProbe } from './cookie.js';
import { forEachParallel } from './parallel.js';
import type { Variant } from './variant.js';

/** Gets the numbers of functions that are attached and refused so far; called now and then. */
export type AttachProgress = (succeeded: number, failed: number) => void;
/** Gets the number of links that are released so far, and of all. */
export type ReleaseProgress = (released: number, total: number) => void;

/**
 * Adds up the missed calls of all programs. Functions that decide about packets count as deciding, though they may be
 * shown.
 */
export function sumMisses(counts: Iterable<readonly [Variant, bigint]>): Misses {
  let [shown, deciding] = [0n, 0n];
  for (const [variant, misses] of counts) {
    if (variant === 'deciding') deciding += misses;
    else shown += misses;
  }
  return { shown, deciding };
}

/** As many system calls at a time as Node's pool has threads. */
const PARALLEL = 4;

/**
 * The links of attached programs, and the functions that were refused. Owns the links: `release` detaches in other
 * threads, disposal at once.
 */
export abstract class Attachment implements Disposable {
  succeeded = 0;
  /** Functions that the kernel refused, with the reason. */
  readonly failed: { readonly target: Target; readonly reason: string }[] = [];
  /** Deciding functions that could not be attached to, with the reason. */
  readonly unwatched: string[] = [];
  protected readonly links: Descriptor[] = [];
  /** Descriptors that are closed after the links. */
  protected readonly others: Descriptor[] = [];
  onProgress: AttachProgress = () => {};

  /**
   * Attaches to more functions. One that the kernel refuses is counted, and does not stop the rest.
   * @param signal ends it early, between two system calls
   */
  abstract attach(probes: readonly NumberedProbe[], signal: AbortSignal): Promise<void>;

  /** The missed calls, as far as the kernel counts them. */
  abstract countMisses(): Misses;

  /** Descriptors of the attached programs, each with its variant. */
  protected abstract programs(): Iterable<readonly [fd: number, variant: Variant]>;

  /** The calls of functions, deciding ones excepted, while the kernel counts them (`enableRunCounts`). */
  countCalls(): bigint {
    let calls = 0n;
    for (const [fd, variant] of this.programs()) if (variant !== 'deciding') calls += readProgramRuns(fd);
    return calls;
  }

  /** Whether the kernel counts all missed calls. */
  get countsMisses(): boolean {
    return true;
  }

  /** The number of links to release. */
  get linkCount(): number {
    return this.links.length;
  }

  /** Detaches in other threads, while the event loop goes on. */
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

  /** Detaches in this thread. */
  [Symbol.dispose](): void {
    for (const descriptor of [...this.links.splice(0), ...this.others.splice(0)]) descriptor[Symbol.dispose]();
  }

  protected count(probes: readonly NumberedProbe[]): void {
    for (const { hidden } of probes) if (!hidden) this.succeeded++;
    this.onProgress(this.succeeded, this.failed.length);
  }

  protected fail({ probe, hidden }: NumberedProbe, reason: string): void {
    if (hidden) this.unwatched.push(`${probe.name} (${reason})`);
    else this.failed.push({ target: probe, reason });
    this.onProgress(this.succeeded, this.failed.length);
  }

  /** Calls `body` for each function, a few at a time. */
  protected async each(
    probes: readonly NumberedProbe[],
    signal: AbortSignal,
    attach: (probe: NumberedProbe) => Promise<void>,
  ): Promise<void> {
    await forEachParallel(probes, PARALLEL, attach, signal);
  }
}
