/**
 * Backend fentry-multi: trampolines for all functions of the kernel proper, or of a module, in one link for each position
 * that the skb often has, and one or two for the rest. Requires Linux 7.2. The same program sees returns, if it is
 * attached as a session.
 */

import { groupBy } from '../base/group-by.js';
import type { Misses } from '../base/losses.js';
import type { TracerName } from '../base/method.js';
import { VMLINUX } from '../base/target.js';
import { probeTracingMulti } from '../kernel/features.js';
import {
  BPF_PROG_TYPE_TRACING,
  BPF_TRACE_FENTRY_MULTI,
  BPF_TRACE_FSESSION_MULTI,
  linkTracingMulti,
  loadProgram,
  readProgramMisses,
} from '../sys/bpf.js';
import { errnoName } from '../sys/errno.js';
import { Attachment, sumMisses } from './attachment.js';
import { type AttachContext, type Backend, nameBuild } from './backend.js';
import { cookieOf, type NumberedProbe } from './cookie.js';
import { type Variant, variantOf, variantsFor } from './variant.js';

const PROGRAMS = {
  function: { prefix: 'ipft_entry_', type: { program: BPF_PROG_TYPE_TRACING, attach: BPF_TRACE_FENTRY_MULTI } },
  function_graph: {
    prefix: 'ipft_session_',
    type: { program: BPF_PROG_TYPE_TRACING, attach: BPF_TRACE_FSESSION_MULTI },
  },
} as const satisfies Record<TracerName, unknown>;

export const fentryMulti: Backend = {
  name: 'fentry-multi',
  kinds: ['function'],
  access: 'trampoline',
  oneByOne: false,
  since: { function: '7.2', function_graph: '7.2' },
  switches: ['ftrace'],
  alwaysByHelper: false,
  support: (tracer) => probeTracingMulti(tracer === 'function_graph'),
  copies: () => 'multi',
  object: (_tracer, build) => nameBuild('fentry-multi', build),
  programs(tracer, probes) {
    const { prefix, type } = PROGRAMS[tracer];
    return variantsFor(probes).map((variant) => ({ name: `${prefix}${variant}`, type }));
  },
  maps: (tracer): Record<string, number> => (tracer === 'function' ? { ipft_calls: 1, ipft_nestings: 1 } : {}),
  attachment: (context) => new FentryMultiAttachment(context),
};

class FentryMultiAttachment extends Attachment {
  readonly #programs = new Map<string, { readonly fd: number; readonly variant: Variant }>();

  constructor(readonly context: AttachContext) {
    super();
  }

  async attach(probes: readonly NumberedProbe[], signal: AbortSignal): Promise<void> {
    for (const [module, ofModule] of groupBy(probes, ({ probe }) => probe.module)) {
      for (const [variant, its] of groupBy(ofModule, variantOf)) {
        if (signal.aborted) return;
        const program = await this.#program(module, variant);
        if (typeof program === 'string') for (const one of its) this.fail(one, program);
        else await this.#link(program, its, signal);
      }
    }
  }

  /**
   * The program for a module, which is loaded with the module's BTF.
   * @returns its descriptor, or the reason why there is none
   */
  async #program(module: string, variant: Variant): Promise<number | string> {
    const { type, prefix } = PROGRAMS[this.context.tracer];
    const name = `${prefix}${variant}`;
    const key = `${module}:${variant}`;
    const known = this.#programs.get(key)?.fd ?? (module === VMLINUX ? this.context.object.programFd(name) : undefined);
    if (known !== undefined) {
      this.#programs.set(key, { fd: known, variant });
      return known;
    }
    const btf = this.context.moduleBtfs.get(module);
    if (!btf) return "its module's BTF can't be had as a descriptor: that needs CAP_SYS_ADMIN";
    const program = await loadProgram({
      ...{ type: type.program, expectedAttachType: type.attach, attachBtfFd: btf.fd },
      ...this.context.object.programImage(name),
    });
    if (typeof program === 'number') return `loading: ${errnoName(-program)}`;
    this.others.push(program);
    this.#programs.set(key, { fd: program.fd, variant });
    return program.fd;
  }

  /** One function that the kernel refuses fails the whole link: halving the list finds it in few steps. */
  async #link(programFd: number, probes: readonly NumberedProbe[], signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const ids = probes.map(({ probe }) => probe.id);
    const cookies = probes.map((one) => BigInt(cookieOf(one)));
    const link = await linkTracingMulti(programFd, PROGRAMS[this.context.tracer].type.attach, { ids, cookies });
    if (typeof link !== 'number') {
      this.links.push(link);
      this.count(probes);
    } else if (probes.length === 1) {
      this.fail(probes[0]!, errnoName(-link));
    } else {
      const half = probes.length >> 1;
      await this.#link(programFd, probes.slice(0, half), signal);
      await this.#link(programFd, probes.slice(half), signal);
    }
  }

  protected programs(): (readonly [number, Variant])[] {
    return [...this.#programs.values()].map(({ fd, variant }) => [fd, variant]);
  }

  countMisses(): Misses {
    return sumMisses([...this.#programs.values()].map(({ fd, variant }) => [variant, readProgramMisses(fd)]));
  }
}
