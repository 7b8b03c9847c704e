/** Backend kprobe: a perf event for each function. Any kernel that BPF's ring buffer is in: Linux 5.8. */

import { SystemCallError } from '../base/errors.js';
import type { Misses } from '../base/losses.js';
import { VMLINUX } from '../base/target.js';
import { countsKprobeMisses, hasAttachCookies, probeKprobes } from '../kernel/features.js';
import { loadSymbolAddresses } from '../kernel/functions.js';
import { linkPerfEvent, readKprobeMisses, readProgramMisses, writeMapEntry } from '../sys/bpf.js';
import { EACCES, EPERM, errnoName } from '../sys/errno.js';
import { loadKprobeEventType, openKprobe, setEventProgram } from '../sys/perf.js';
import {
  type AttachContext,
  Attachment,
  type Backend,
  cookieOf,
  type NumberedTarget,
  sumMisses,
  type Variant,
  variantOf,
  variantsFor,
} from './backend.js';

/** More than any kernel has. */
const MAX_FUNCTIONS = 1 << 14;

export const kprobe: Backend = {
  name: 'kprobe',
  access: 'registers',
  oneByOne: true,
  tracers: ['function'],
  probe: () => probeKprobes(),
  object: () => 'kprobe',
  programs(_tracer, targets) {
    return variantsFor(targets).map((variant) => ({ name: `ipft_entry_${variant}` }));
  },
  maps: (_tracer, vmlinux) => (hasAttachCookies(vmlinux) ? {} : { ipft_functions: MAX_FUNCTIONS }),
  attachment: (context) => new KprobeAttachment(context),
};

class KprobeAttachment extends Attachment {
  readonly #programs = new Map<number, Variant>();
  readonly #linkVariants: Variant[] = [];
  readonly #hasCookies: boolean;
  readonly #countsMisses: boolean;

  constructor(readonly context: AttachContext) {
    super();
    this.#hasCookies = hasAttachCookies(context.vmlinux);
    this.#countsMisses = countsKprobeMisses(context.vmlinux);
  }

  async attach(targets: readonly NumberedTarget[], signal: AbortSignal): Promise<void> {
    const type = loadKprobeEventType();
    if (type === undefined) return;
    const known = this.#hasCookies ? targets : this.#tellAddresses(targets);
    await this.each(known, signal, async (target) => {
      const variant = variantOf(target);
      const programFd = this.context.object.programFd(`ipft_entry_${variant}`);
      this.#programs.set(programFd, variant);
      const { name, module, address } = target.target;
      const event = await openKprobe(type, address ?? (module === VMLINUX ? name : `${module}:${name}`));
      if (typeof event === 'number') {
        if (-event === EPERM || -event === EACCES) {
          throw new SystemCallError('perf_event_open', -event, errnoName(-event), 'attaching to kernel functions');
        }
        this.fail(target, errnoName(-event));
        return;
      }
      if (this.#hasCookies) {
        // The link keeps the event.
        using _event = event;
        const link = await linkPerfEvent(programFd, event.fd, cookieOf(target));
        if (typeof link === 'number') return this.fail(target, errnoName(-link));
        this.links.push(link);
      } else {
        const result = setEventProgram(event.fd, programFd);
        if (result < 0) {
          event[Symbol.dispose]();
          return this.fail(target, errnoName(-result));
        }
        this.links.push(event);
      }
      this.#linkVariants.push(variant);
      this.count([target]);
    });
  }

  /** Linux before 5.15: programs find their function by its address. Returns the targets whose address is known. */
  #tellAddresses(targets: readonly NumberedTarget[]): NumberedTarget[] {
    const names = new Map<string, Set<string>>();
    for (const { target } of targets)
      names.set(target.module, (names.get(target.module) ?? new Set()).add(target.name));
    const addresses = new Map<string, bigint>();
    for (const { module, name, address } of loadSymbolAddresses(names)) addresses.set(`${module}:${name}`, address);
    const mapFd = this.context.object.mapFd('ipft_functions');
    return targets.filter((target) => {
      const { module, name, address: given } = target.target;
      const address = given ?? addresses.get(`${module}:${name}`) ?? 0n;
      if (address === 0n) {
        this.fail(target, 'its address is not known: reading /proc/kallsyms needs CAP_SYSLOG');
        return false;
      }
      const key = BigUint64Array.of(address);
      writeMapEntry(mapFd, new Uint8Array(key.buffer), new Uint8Array(Uint32Array.of(cookieOf(target)).buffer));
      return true;
    });
  }

  protected programs(): Map<number, Variant> {
    return this.#programs;
  }

  countMisses(): Misses {
    const counts: [Variant, bigint][] = [...this.#programs].map(([fd, variant]) => [variant, readProgramMisses(fd)]);
    if (this.countsMisses) {
      for (const [index, { fd }] of this.links.entries()) {
        counts.push([this.#linkVariants[index] ?? 0, readKprobeMisses(fd)]);
      }
    }
    return sumMisses(counts);
  }

  /** Linux 6.7+: before, what finds the CPU within another kprobe is left out, and the kernel tells nobody. */
  override get countsMisses(): boolean {
    return this.#countsMisses;
  }
}
