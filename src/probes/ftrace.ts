/**
 * Backend ftrace: fentry and fexit, a program of its own for each function. Requires Linux 5.5, on arm64 6.0. libbpf
 * loads a program for each position of the skb. Its instructions, as libbpf left them, are loaded again for each
 * function, with the two constants of `bpf/probes/ftrace.bpf.c` replaced. This is several times as fast as an object
 * for each function.
 */
import { IPFT_ADDRESS_PLACEHOLDER, IPFT_COOKIE_PLACEHOLDER } from '../abi/layout.js';
import type { Misses } from '../base/losses.js';
import { type Target, VMLINUX } from '../base/target.js';
import { hasFunctionAddress, probeTrampolines } from '../kernel/features.js';
import { loadSymbolAddresses } from '../kernel/functions.js';
import {
  BPF_PROG_TYPE_TRACING,
  BPF_TRACE_FENTRY,
  BPF_TRACE_FEXIT,
  linkTrampoline,
  loadProgram,
  readProgramMisses,
} from '../sys/bpf.js';
import type { Descriptor } from '../sys/descriptor.js';
import { ENOTSUPP, errnoName } from '../sys/errno.js';
import type { BpfObject } from '../sys/libbpf.js';
import { Attachment, sumMisses } from './attachment.js';
import type { AttachContext, Backend, ProgramSpec } from './backend.js';
import { cookieOf, type NumberedProbe } from './cookie.js';
import type { Probe } from './probe.js';
import { decidesBy } from './roles.js';
import { type Variant, variantOf } from './variant.js';

/** A function that every kernel has, with an skb as its first argument. */
const ANY_FUNCTION = 'consume_skb';
const FENTRY = { program: BPF_PROG_TYPE_TRACING, attach: BPF_TRACE_FENTRY };
const FEXIT = { program: BPF_PROG_TYPE_TRACING, attach: BPF_TRACE_FEXIT };

export const ftrace: Backend = {
  name: 'ftrace',
  kinds: ['function'],
  access: 'trampoline',
  oneByOne: true,
  since: { function: '5.5', function_graph: '5.5' },
  switches: ['ftrace'],
  alwaysByHelper: true,
  support: (_tracer, vmlinux) => probeTrampolines(vmlinux),
  copies: () => 'fexit',
  // Without calls each program is a single function: see IPFT_FUNCTION of bpf/core/journey.bpf.h.
  object: (_tracer, { hasCalls }) => (hasCalls ? 'ftrace.with-calls' : 'ftrace'),
  programs(tracer, probes) {
    const models = probes ? modelsOf(probes) : new Map([[0, ANY_FUNCTION]]);
    const name = tracer === 'function' ? 'entry' : 'enter';
    const programs: ProgramSpec[] = [...models].map(([position, attachTo]) => ({
      name: `ipft_${name}_${position}`,
      type: FENTRY,
      attachTo,
    }));
    programs.push({ name: `ipft_${name}_deciding_0`, type: FENTRY, attachTo: ANY_FUNCTION });
    const queueing = models.get(1);
    if (queueing !== undefined) programs.push({ name: `ipft_${name}_deciding_1`, type: FENTRY, attachTo: queueing });
    if (tracer === 'function') return programs;
    return [...programs, { name: 'ipft_return', type: FEXIT, attachTo: ANY_FUNCTION }];
  },
  maps: (tracer): Record<string, number> => (tracer === 'function' ? { ipft_calls: 1, ipft_nestings: 1 } : {}),
  attachment: (context) => new FtraceAttachment(context),
};

/** For each position the function that libbpf loads the program for; of the kernel proper where there is one. */
function modelsOf(probes: readonly Probe[]): Map<number, string> {
  const models = new Map<number, string>();
  const ofKernel = probes.filter(({ module }) => module === VMLINUX);
  for (const { name, packet } of [...ofKernel, ...probes])
    if (!models.has(packet.position)) models.set(packet.position, name);
  return models;
}

class FtraceAttachment extends Attachment {
  readonly #programs: { readonly fd: Descriptor; readonly variant: Variant }[] = [];
  readonly #images = new Map<string, Image>();

  constructor(readonly context: AttachContext) {
    super();
  }

  async attach(probes: readonly NumberedProbe[], signal: AbortSignal): Promise<void> {
    const addresses = hasFunctionAddress(this.context.vmlinux) ? undefined : loadAddresses(probes);
    await this.each(probes, signal, (one) => this.#attachOne(one, addresses?.get(symbolOf(one.probe)) ?? 0n));
  }

  async #attachOne(numbered: NumberedProbe, address: bigint): Promise<void> {
    const entry = this.#entryImage(numbered, address);
    if (this.context.tracer === 'function') {
      const problem = await this.#attachProgram(numbered, BPF_TRACE_FENTRY, entry);
      return problem === undefined ? this.count([numbered]) : this.fail(numbered, problem);
    }
    // The return first: otherwise a call that is entered meanwhile would lack its return.
    const leaving = numbered.hidden
      ? undefined
      : await this.#attachProgram(numbered, BPF_TRACE_FEXIT, this.#imageFor(numbered, 'ipft_return', address));
    if (leaving !== undefined) return this.fail(numbered, leaving);
    const entering = await this.#attachProgram(numbered, BPF_TRACE_FENTRY, entry);
    return entering === undefined ? this.count([numbered]) : this.fail(numbered, entering);
  }

  /** @returns the reason why it could not be attached; undefined if it is attached */
  async #attachProgram(numbered: NumberedProbe, attachType: number, image: Image): Promise<string | undefined> {
    const { module, id } = numbered.probe;
    const btf = module === VMLINUX ? undefined : this.context.moduleBtfs.get(module);
    if (module !== VMLINUX && !btf) return "its module's BTF can't be had as a descriptor: that needs CAP_SYS_ADMIN";
    const program = await loadProgram({
      ...{ type: BPF_PROG_TYPE_TRACING, expectedAttachType: attachType, ...image, attachBtfId: id },
      ...(btf ? { attachBtfFd: btf.fd } : {}),
    });
    if (typeof program === 'number') return `loading: ${errnoName(-program)}`;
    const link = await linkTrampoline(program.fd);
    if (typeof link === 'number') {
      program[Symbol.dispose]();
      return -link === ENOTSUPP ? "ENOTSUPP: this kernel's trampolines can't take its arguments" : errnoName(-link);
    }
    this.links.push(link);
    const variant = variantOf(numbered);
    this.#programs.push({ fd: program, variant });
    this.others.push(program);
    return undefined;
  }

  #entryImage(numbered: NumberedProbe, address: bigint): Image {
    const name = this.context.tracer === 'function' ? 'entry' : 'enter';
    const kind = numbered.roles.some(decidesBy) ? 'deciding_' : '';
    return this.#imageFor(numbered, `ipft_${name}_${kind}${numbered.probe.packet.position}`, address);
  }

  #imageFor(numbered: NumberedProbe, program: string, address: bigint): Image {
    const image = this.#image(program);
    const instructions = Buffer.from(image.instructions);
    replaceConstant(instructions, IPFT_COOKIE_PLACEHOLDER, BigInt(cookieOf(numbered)));
    replaceConstant(instructions, IPFT_ADDRESS_PLACEHOLDER, address);
    return { ...image, instructions };
  }

  #image(program: string): Image {
    let image = this.#images.get(program);
    if (!image) {
      image = this.context.object.programImage(program);
      this.#images.set(program, image);
    }
    return image;
  }

  protected programs(): (readonly [number, Variant])[] {
    return this.#programs.flatMap(({ fd: { fd }, variant }) => (fd >= 0 ? [[fd, variant] as const] : []));
  }

  countMisses(): Misses {
    return sumMisses(this.#programs.map(({ fd, variant }) => [variant, fd.fd >= 0 ? readProgramMisses(fd.fd) : 0n]));
  }
}

type Image = ReturnType<BpfObject['programImage']>;

const symbolOf = ({ module, name }: Target) => `${module}:${name}`;

function loadAddresses(probes: readonly NumberedProbe[]): Map<string, bigint> {
  const names = new Map<string, Set<string>>();
  for (const { probe } of probes) names.set(probe.module, (names.get(probe.module) ?? new Set()).add(probe.name));
  return new Map(loadSymbolAddresses(names).map((symbol) => [symbolOf(symbol), symbol.address]));
}

const BPF_LD_IMM64 = 0x18;

/**
 * Replaces a 64-bit constant wherever it is loaded: an instruction of twice the size, with half of it in each.
 * @param placeholder both halves of the constant
 */
function replaceConstant(instructions: Buffer, placeholder: number, value: bigint): void {
  for (let at = 0; at + 16 <= instructions.length; at += 8) {
    if (instructions[at] !== BPF_LD_IMM64) continue;
    if (instructions.readUInt32LE(at + 4) === placeholder && instructions.readUInt32LE(at + 12) === placeholder) {
      instructions.writeUInt32LE(Number(value & 0xffffffffn), at + 4);
      instructions.writeUInt32LE(Number(value >> 32n), at + 12);
    }
    at += 8;
  }
}
