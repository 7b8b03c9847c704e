/**
 * Backend kprobe-multi: a link for each position that the skb often has, and one or two for the rest. Requires Linux
 * 5.18 with CONFIG_FPROBE; for returns 6.10, which has kprobe sessions.
 */
import { SystemCallError } from '../base/errors.js';
import { groupBy } from '../base/group-by.js';
import { loadKernelBtf } from '../kernel/btf.js';
import { probeKprobeMulti, probeKprobeSession, sessionKfuncsTakeContext } from '../kernel/features.js';
import {
  BPF_PROG_TYPE_KPROBE,
  BPF_TRACE_KPROBE_MULTI,
  BPF_TRACE_KPROBE_SESSION,
  linkKprobeMulti,
  readLinkMisses,
  readProgramMisses,
} from '../sys/bpf.js';
import { EPERM, errnoName } from '../sys/errno.js';
import {
  type AttachContext,
  Attachment,
  type Backend,
  cookieOf,
  type Misses,
  type NumberedTarget,
  sumMisses,
  type Variant,
  variantOf,
  variantsFor,
} from './backend.js';

const SESSION = { program: BPF_PROG_TYPE_KPROBE, attach: BPF_TRACE_KPROBE_SESSION };

export const kprobeMulti: Backend = {
  name: 'kprobe-multi',
  access: 'registers',
  oneByOne: false,
  tracers: ['function', 'function_graph'],
  probe: (tracer, vmlinux) => (tracer === 'function' ? probeKprobeMulti() : probeKprobeSession(vmlinux)),
  object(tracer) {
    if (tracer === 'function') return 'kprobe-multi';
    return sessionKfuncsTakeContext(loadKernelBtf()) ? 'kprobe-session-ctx' : 'kprobe-session';
  },
  programs(tracer, targets) {
    const variants = variantsFor(targets);
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

  async attach(targets: readonly NumberedTarget[], signal: AbortSignal): Promise<void> {
    const prefix = this.context.tracer === 'function' ? 'ipft_entry_' : 'ipft_session_';
    for (const [variant, its] of groupBy(targets, variantOf)) {
      const fd = this.context.object.programFd(`${prefix}${variant}`);
      this.#programs.set(fd, variant);
      await this.#link(fd, its, signal);
    }
  }

  /** One name that the kernel doesn't take fails the whole link: halving finds it in few steps. */
  async #link(programFd: number, targets: readonly NumberedTarget[], signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const names = targets.map(({ target }) => target.name);
    const type = this.context.tracer === 'function' ? BPF_TRACE_KPROBE_MULTI : BPF_TRACE_KPROBE_SESSION;
    const link = await linkKprobeMulti(programFd, type, { names, cookies: targets.map(cookieOf) });
    if (typeof link !== 'number') {
      this.links.push(link);
      this.#linkVariants.push(this.#programs.get(programFd) ?? 0);
      this.count(targets);
    } else if (-link === EPERM) {
      throw new SystemCallError('bpf(BPF_LINK_CREATE)', -link, errnoName(-link), 'attaching to kernel functions');
    } else if (targets.length === 1) {
      this.fail(targets[0]!, errnoName(-link));
    } else {
      const half = targets.length >> 1;
      await this.#link(programFd, targets.slice(0, half), signal);
      await this.#link(programFd, targets.slice(half), signal);
    }
  }

  countMisses(): Misses {
    const counts: [Variant, bigint][] = [...this.#programs].map(([fd, variant]) => [variant, readProgramMisses(fd)]);
    for (const [index, { fd }] of this.links.entries())
      counts.push([this.#linkVariants[index] ?? 0, readLinkMisses(fd)]);
    return sumMisses(counts);
  }
}
