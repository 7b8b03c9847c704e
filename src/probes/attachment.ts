/** What a backend has attached, from the first function until all is released. */
import type { Misses } from '../base/losses.js';
import type { Target } from '../base/target.js';
import { readProgramRuns } from '../sys/bpf.js';
import type { Descriptor } from '../sys/descriptor.js';
import type { NumberedProbe } from './cookie.js';
import { forEachParallel } from './parallel.js';
import type { Variant } from './variant.js';

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
  abstract attach(probes: readonly NumberedProbe[], signal: AbortSignal): Promise<void>;

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

  protected count(probes: readonly NumberedProbe[]): void {
    for (const { hidden } of probes) if (!hidden) this.succeeded++;
    this.onProgress(this.succeeded, this.failed.length);
  }

  protected fail({ probe, hidden }: NumberedProbe, reason: string): void {
    if (hidden) this.unwatched.push(`${probe.name} (${reason})`);
    else this.failed.push({ target: probe, reason });
    this.onProgress(this.succeeded, this.failed.length);
  }

  /** For each of many functions, a few at a time. */
  protected async each(
    probes: readonly NumberedProbe[],
    signal: AbortSignal,
    attach: (probe: NumberedProbe) => Promise<void>,
  ): Promise<void> {
    await forEachParallel(probes, PARALLEL, attach, signal);
  }
}
