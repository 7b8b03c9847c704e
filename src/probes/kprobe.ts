/** Backend kprobe: a perf event for each function. Requires Linux 5.8, which has BPF's ring buffer. */
import { SystemCallError } from '../base/errors.js';
import type { Misses } from '../base/losses.js';
import { VMLINUX } from '../base/target.js';
import { countsKprobeMisses, hasAttachCookies, probeKprobes } from '../kernel/features.js';
import { loadSymbolAddresses } from '../kernel/functions.js';
import { linkPerfEvent, readKprobeMisses, readProgramMisses, writeMapEntry } from '../sys/bpf.js';
import { EACCES, EPERM, errnoName } from '../sys/errno.js';
import { loadKprobeEventType, openKprobe, setEventProgram } from '../sys/perf.js';
import { Attachment, sumMisses } from './attachment.js';
import { type AttachContext, type Backend, nameBuild } from './backend.js';
import { cookieOf, type NumberedProbe } from './cookie.js';
import { type Variant, variantOf, variantsFor } from './variant.js';

/** More than any kernel has. */
const MAX_FUNCTIONS = 1 << 14;

export const kprobe: Backend = {
  name: 'kprobe',
  kinds: ['function'],
  access: 'registers',
  oneByOne: true,
  since: { function: '5.8' },
  switches: ['ftrace', 'kprobes'],
  alwaysByHelper: false,
  support: () => probeKprobes(),
  copies: () => 'fexit',
  object: (_tracer, build) => nameBuild('kprobe', build),
  programs(_tracer, probes) {
    return variantsFor(probes).map((variant) => ({ name: `ipft_entry_${variant}` }));
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

  async attach(probes: readonly NumberedProbe[], signal: AbortSignal): Promise<void> {
    const type = loadKprobeEventType();
    if (type === undefined) return;
    const known = this.#hasCookies ? probes : this.#tellAddresses(probes);
    await this.each(known, signal, async (one) => {
      const variant = variantOf(one);
      const programFd = this.context.object.programFd(`ipft_entry_${variant}`);
      this.#programs.set(programFd, variant);
      const { name, module, address } = one.probe;
      const event = await openKprobe(type, address ?? (module === VMLINUX ? name : `${module}:${name}`));
      if (typeof event === 'number') {
        if (-event === EPERM || -event === EACCES) {
          throw new SystemCallError('perf_event_open', -event, errnoName(-event), 'attaching to kernel functions');
        }
        this.fail(one, errnoName(-event));
        return;
      }
      if (this.#hasCookies) {
        // The link keeps the event.
        using _event = event;
        const link = await linkPerfEvent(programFd, event.fd, cookieOf(one));
        if (typeof link === 'number') return this.fail(one, errnoName(-link));
        this.links.push(link);
      } else {
        const result = setEventProgram(event.fd, programFd);
        if (result < 0) {
          event[Symbol.dispose]();
          return this.fail(one, errnoName(-result));
        }
        this.links.push(event);
      }
      this.#linkVariants.push(variant);
      this.count([one]);
    });
  }

  /**
   * Before Linux 5.15 programs find their function by its address: writes the addresses to a map.
   * @returns the probes whose address is known
   */
  #tellAddresses(probes: readonly NumberedProbe[]): NumberedProbe[] {
    const names = new Map<string, Set<string>>();
    for (const { probe } of probes) names.set(probe.module, (names.get(probe.module) ?? new Set()).add(probe.name));
    const addresses = new Map<string, bigint>();
    for (const { module, name, address } of loadSymbolAddresses(names)) addresses.set(`${module}:${name}`, address);
    const mapFd = this.context.object.mapFd('ipft_functions');
    return probes.filter((one) => {
      const { module, name, address: given } = one.probe;
      const address = given ?? addresses.get(`${module}:${name}`) ?? 0n;
      if (address === 0n) {
        this.fail(one, 'its address is not known: reading /proc/kallsyms needs CAP_SYSLOG');
        return false;
      }
      const key = BigUint64Array.of(address);
      writeMapEntry(mapFd, new Uint8Array(key.buffer), new Uint8Array(Uint32Array.of(cookieOf(one)).buffer));
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

  /** Linux 6.7+. Before, the kernel does not count calls that are missed since the CPU is within another kprobe. */
  override get countsMisses(): boolean {
    return this.#countsMisses;
  }
}
