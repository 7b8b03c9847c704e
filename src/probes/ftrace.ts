/**
 * Backend ftrace: fentry and fexit, a program of its own for each function. Requires Linux 5.5, on arm64 6.0.
 *
 * libbpf loads a program for each position of the skb; what it made of it is loaded again for each function, with the
 * two constants of `bpf/probes/ftrace.bpf.c` replaced. This is several times as fast as an object for each function.
 */
import { IPFT_ADDRESS_PLACE, IPFT_COOKIE_PLACE } from '../abi/layout.js';
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
import {
  type AttachContext,
  Attachment,
  type Backend,
  cookieOf,
  decidesBy,
  type NumberedTarget,
  type ProgramSpec,
  sumMisses,
  type Variant,
  variantOf,
} from './backend.js';

/** A function that every kernel has, with an skb as its first argument. */
const ANY_FUNCTION = 'consume_skb';
const FENTRY = { program: BPF_PROG_TYPE_TRACING, attach: BPF_TRACE_FENTRY };
const FEXIT = { program: BPF_PROG_TYPE_TRACING, attach: BPF_TRACE_FEXIT };

export const ftrace: Backend = {
  name: 'ftrace',
  access: 'trampoline',
  oneByOne: true,
  tracers: ['function', 'function_graph'],
  probe: (_tracer, vmlinux) => probeTrampolines(vmlinux),
  object: () => 'ftrace',
  programs(tracer, targets) {
    const models = targets ? modelsOf(targets) : new Map([[0, ANY_FUNCTION]]);
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

/** For each position a function to load its program for; one of the kernel proper where there is one. */
function modelsOf(targets: readonly Target[]): Map<number, string> {
  const models = new Map<number, string>();
  for (const { name, module, skbPosition } of targets) {
    if (module === VMLINUX && !models.has(skbPosition)) models.set(skbPosition, name);
  }
  for (const { name, skbPosition } of targets) if (!models.has(skbPosition)) models.set(skbPosition, name);
  return models;
}

class FtraceAttachment extends Attachment {
  readonly #programs: { readonly fd: Descriptor; readonly variant: Variant }[] = [];
  readonly #images = new Map<string, Image>();

  constructor(readonly context: AttachContext) {
    super();
  }

  async attach(targets: readonly NumberedTarget[], signal: AbortSignal): Promise<void> {
    const addresses = hasFunctionAddress(this.context.vmlinux) ? undefined : loadAddresses(targets);
    await this.each(targets, signal, (target) => this.#attachOne(target, addresses?.get(keyOf(target.target)) ?? 0n));
  }

  async #attachOne(target: NumberedTarget, address: bigint): Promise<void> {
    const entry = this.#entryImage(target, address);
    if (this.context.tracer === 'function') {
      const problem = await this.#attachProgram(target, BPF_TRACE_FENTRY, entry);
      return problem === undefined ? this.count([target]) : this.fail(target, problem);
    }
    // The return first: a call that is entered meanwhile would miss it.
    const leaving = target.hidden
      ? undefined
      : await this.#attachProgram(target, BPF_TRACE_FEXIT, this.#imageFor(target, 'ipft_return', address));
    if (leaving !== undefined) return this.fail(target, leaving);
    const entering = await this.#attachProgram(target, BPF_TRACE_FENTRY, entry);
    return entering === undefined ? this.count([target]) : this.fail(target, entering);
  }

  /** Returns why it could not be attached, or nothing. */
  async #attachProgram(numbered: NumberedTarget, attachType: number, image: Image): Promise<string | undefined> {
    const { target } = numbered;
    const btf = target.module === VMLINUX ? undefined : this.context.moduleBtfs.get(target.module);
    if (target.module !== VMLINUX && !btf)
      return "its module's BTF can't be had as a descriptor: that needs CAP_SYS_ADMIN";
    const program = await loadProgram({
      ...{ type: BPF_PROG_TYPE_TRACING, expectedAttachType: attachType, ...image, attachBtfId: target.btfId },
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

  #entryImage(target: NumberedTarget, address: bigint): Image {
    const name = this.context.tracer === 'function' ? 'entry' : 'enter';
    const kind = target.roles.some(decidesBy) ? 'deciding_' : '';
    return this.#imageFor(target, `ipft_${name}_${kind}${target.target.skbPosition}`, address);
  }

  #imageFor(target: NumberedTarget, program: string, address: bigint): Image {
    const image = this.#image(program);
    const instructions = Buffer.from(image.instructions);
    replaceConstant(instructions, IPFT_COOKIE_PLACE, BigInt(cookieOf(target)));
    replaceConstant(instructions, IPFT_ADDRESS_PLACE, address);
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

const keyOf = ({ module, name }: Pick<Target, 'module' | 'name'>) => `${module}:${name}`;

function loadAddresses(targets: readonly NumberedTarget[]): Map<string, bigint> {
  const names = new Map<string, Set<string>>();
  for (const { target } of targets) names.set(target.module, (names.get(target.module) ?? new Set()).add(target.name));
  return new Map(loadSymbolAddresses(names).map((symbol) => [keyOf(symbol), symbol.address]));
}

const BPF_LD_IMM64 = 0x18;

/**
 * Replaces a 64-bit constant wherever it is loaded: an instruction of twice the size, with half of it in each.
 * @param place both halves of the constant
 */
function replaceConstant(instructions: Buffer, place: number, value: bigint): void {
  for (let at = 0; at + 16 <= instructions.length; at += 8) {
    if (instructions[at] !== BPF_LD_IMM64) continue;
    if (instructions.readUInt32LE(at + 4) === place && instructions.readUInt32LE(at + 12) === place) {
      instructions.writeUInt32LE(Number(value & 0xffffffffn), at + 4);
      instructions.writeUInt32LE(Number(value >> 32n), at + 12);
    }
    at += 8;
  }
}
