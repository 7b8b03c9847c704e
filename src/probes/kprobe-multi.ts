/**
 * Backend kprobe-multi: a link for each position that the skb often has, and one or two for the rest. Requires Linux
 * 5.18 with CONFIG_FPROBE; for returns 6.10, which has kprobe sessions.
 */
import { IPFT_COOKIE_BITS } from '../abi/layout.js';
import { SystemCallError } from '../base/errors.js';
import { groupBy } from '../base/group-by.js';
import type { Misses } from '../base/losses.js';
import { loadKernelBtf } from '../kernel/btf.js';
import { hasReadOnlyCast, probeKprobeMulti, probeKprobeSession, sessionKfuncsTakeContext } from '../kernel/features.js';
import {
  BPF_PROG_TYPE_KPROBE,
  BPF_TRACE_KPROBE_MULTI,
  BPF_TRACE_KPROBE_SESSION,
  linkKprobeMulti,
  readKprobeMulti,
  readLinkMisses,
  readProgramMisses,
  writeMapEntry,
} from '../sys/bpf.js';
import type { Descriptor } from '../sys/descriptor.js';
import { EPERM, errnoName } from '../sys/errno.js';
import { KnownAddresses } from './addresses.js';
import { Attachment, sumMisses } from './attachment.js';
import { type AttachContext, type Backend, nameBuild } from './backend.js';
import { cookieOf, type NumberedProbe } from './cookie.js';
import { type Variant, variantOf, variantsFor } from './variant.js';

/** Size of `ipft_cookies` of `bpf/probes/cookie.h`: a u64 for each. */
const COOKIES_SIZE = 8 << IPFT_COOKIE_BITS;
const SESSION = { program: BPF_PROG_TYPE_KPROBE, attach: BPF_TRACE_KPROBE_SESSION };

export const kprobeMulti: Backend = {
  name: 'kprobe-multi',
  kinds: ['function'],
  access: 'registers',
  oneByOne: false,
  since: { function: '5.18', function_graph: '6.10' },
  switches: ['ftrace'],
  alwaysByHelper: false,
  support: (tracer, vmlinux) => (tracer === 'function' ? probeKprobeMulti() : probeKprobeSession(vmlinux)),
  copies: (vmlinux) => (hasReadOnlyCast(vmlinux) && probeKprobeSession(vmlinux).available ? 'session' : 'fexit'),
  object(tracer, build) {
    if (tracer === 'function') return nameBuild('kprobe-multi', build);
    return nameBuild(sessionKfuncsTakeContext(loadKernelBtf()) ? 'kprobe-session-ctx' : 'kprobe-session', build);
  },
  programs(tracer, probes) {
    const variants = variantsFor(probes);
    if (tracer === 'function') return variants.map((variant) => ({ name: `ipft_entry_${variant}` }));
    return variants.map((variant) => ({ name: `ipft_session_${variant}`, type: SESSION }));
  },
  maps: () => ({}),
  attachment: (context) => new KprobeMultiAttachment(context),
};

class KprobeMultiAttachment extends Attachment {
  readonly #programs = new Map<number, Variant>();
  readonly #linkVariants: Variant[] = [];

  constructor(readonly context: AttachContext) {
    super();
  }

  async attach(probes: readonly NumberedProbe[], signal: AbortSignal): Promise<void> {
    const prefix = this.context.tracer === 'function' ? 'ipft_entry_' : 'ipft_session_';
    const addresses = KnownAddresses.load();
    this.#forgetCookies();
    for (const [variant, its] of groupBy(probes, variantOf)) {
      const fd = this.context.object.programFd(`${prefix}${variant}`);
      this.#programs.set(fd, variant);
      if (await this.#linkByAddress(fd, its, addresses, signal)) continue;
      const hasName = ({ probe }: NumberedProbe) => probe.address === undefined;
      for (const alike of groupBy(its, hasName).values()) await this.#link(fd, alike, addresses, signal);
    }
    addresses.save();
  }

  /**
   * Clears the cookies that programs keep by address (`bpf/probes/cookie.h`). A module that is loaded while tracing may
   * have the addresses of an unloaded one.
   */
  #forgetCookies(): void {
    writeMapEntry(this.context.object.mapFd('.bss.cookies'), new Uint8Array(4), new Uint8Array(COOKIES_SIZE));
  }

  /** @returns whether it could be done */
  async #linkByAddress(
    programFd: number,
    probes: readonly NumberedProbe[],
    addresses: KnownAddresses,
    signal: AbortSignal,
  ): Promise<boolean> {
    const functions = addresses.find(probes.map(({ probe }) => probe));
    if (!functions || signal.aborted) return false;
    const link = await linkKprobeMulti(programFd, this.#type, { functions, cookies: probes.map(cookieOf) });
    if (typeof link === 'number') return false;
    this.#keep(link, programFd, probes);
    return true;
  }

  /**
   * One function that the kernel refuses fails the whole link: halving the list finds it in few steps.
   * @param probes all with an address, or none
   */
  async #link(
    programFd: number,
    probes: readonly NumberedProbe[],
    addresses: KnownAddresses,
    signal: AbortSignal,
  ): Promise<void> {
    if (signal.aborted) return;
    const given = probes.flatMap(({ probe }) => probe.address ?? []);
    const functions = given.length > 0 ? given : probes.map(({ probe }) => probe.name);
    const link = await linkKprobeMulti(programFd, this.#type, { functions, cookies: probes.map(cookieOf) });
    if (typeof link !== 'number') {
      learnAddresses(link.fd, probes, addresses);
      this.#keep(link, programFd, probes);
    } else if (-link === EPERM) {
      throw new SystemCallError('bpf(BPF_LINK_CREATE)', -link, errnoName(-link), 'attaching to kernel functions');
    } else if (probes.length === 1) {
      this.fail(probes[0]!, errnoName(-link));
    } else {
      const half = probes.length >> 1;
      await this.#link(programFd, probes.slice(0, half), addresses, signal);
      await this.#link(programFd, probes.slice(half), addresses, signal);
    }
  }

  #keep(link: Descriptor, programFd: number, probes: readonly NumberedProbe[]): void {
    this.links.push(link);
    this.#linkVariants.push(this.#programs.get(programFd) ?? 0);
    this.count(probes);
  }

  get #type(): number {
    return this.context.tracer === 'function' ? BPF_TRACE_KPROBE_MULTI : BPF_TRACE_KPROBE_SESSION;
  }

  protected programs(): Map<number, Variant> {
    return this.#programs;
  }

  countMisses(): Misses {
    const counts: [Variant, bigint][] = [...this.#programs].map(([fd, variant]) => [variant, readProgramMisses(fd)]);
    for (const [index, { fd }] of this.links.entries())
      counts.push([this.#linkVariants[index] ?? 0, readLinkMisses(fd)]);
    return sumMisses(counts);
  }
}

/** Keeps the addresses of a link. Its functions are told apart by their cookies; hidden ones may share a cookie. */
function learnAddresses(linkFd: number, probes: readonly NumberedProbe[], addresses: KnownAddresses): void {
  const byCookie = groupBy(probes, (one) => BigInt(cookieOf(one)));
  for (const { address, cookie } of readKprobeMulti(linkFd, probes.length)) {
    const its = byCookie.get(cookie) ?? [];
    if (its.length === 1 && its[0]!.probe.address === undefined) addresses.learn(its[0]!.probe, address);
  }
}
