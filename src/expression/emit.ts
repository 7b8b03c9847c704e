/**
 * The code generator: from checked expressions to BPF. Pure.
 *
 * A value is made in r0, as its type has it in 64 bits: the sign of a signed one is extended, the upper bits of an unsigned
 * one are 0. The kernel's memory is read without a helper where that is possible (`DirectReads`), else with
 * bpf_probe_read_kernel. Where a pointer leads nowhere the code goes to where absent values do.
 *
 *     r6: the skb   r7: where fields are written   r0 to r5: lost
 *     stack: the context, what a helper returns, headers that were looked for, a text, values that wait
 */

import { ExpressionError } from '../base/expression-error.js';
import { type DirectReads, WINDOW_BYTES } from '../btf/direct-reads.js';
import type { Register, Size } from '../bytecode/assembler.js';
import type { Signature } from '../bytecode/function-object.js';
import { Code, Target } from './code.js';
import {
  type Base,
  type Bytes as ComparedBytes,
  type Comparison,
  HEADERS,
  type Header,
  type Place,
  type ScalarType,
  type Typed,
} from './typed.js';
import { sizeOf } from './types.js';

const BPF_FUNC_ktime_get_ns = 5;
const BPF_FUNC_get_smp_processor_id = 8;
const BPF_FUNC_get_current_pid_tgid = 14;
const BPF_FUNC_get_current_comm = 16;
const BPF_FUNC_probe_read_kernel = 113;
const BPF_FUNC_probe_read_kernel_str = 115;

const SKB: Register = 'r6';
/** Places on the stack. */
const CONTEXT = -8;
const SCRATCH = -16;
const FIRST_FREE = -16;
/** The bytes of a text that is compared, and one more. */
const TEXT_BYTES = 72;
/** In a header's place on the stack: nobody has looked for it. No header is there. */
const NOT_LOOKED = 1;
/** The name of a task. */
const COMM_BYTES = 16;

/** Functions of `bpf/`, which the code calls. */
export const EXTERNS: Readonly<Record<'ipft_find_header' | 'ipft_func_arg' | 'ipft_func_ip', Signature>> = {
  ipft_find_header: { parameters: { skb: '__u64', header: '__u32' }, returns: '__u64' },
  ipft_func_arg: { parameters: { ctx: 'void *', n: '__u32', value: '__u64 *' }, returns: 'int' },
  ipft_func_ip: { parameters: { ctx: 'void *' }, returns: '__u64' },
};

/** Where a condition leads. */
interface Ways {
  readonly yes: Target;
  readonly no: Target;
  readonly absent: Target;
  /** The one that follows. */
  readonly next?: Target | undefined;
}

export interface EmitterOptions {
  /** Undefined: memory is read with helpers. */
  readonly direct: DirectReads | undefined;
  /** How many bytes of stack there are. */
  readonly stackBytes: number;
  /** All that will be emitted: the beginning of the code depends on it. */
  readonly values: readonly Typed[];
  /**
   * Whether headers are looked for when they are asked for first, so that what is not asked costs nothing; else at the
   * beginning, so that the verifier has fewer ways to look at.
   */
  readonly isLazy: boolean;
}

export class Emitter {
  readonly code = new Code();
  readonly #direct: DirectReads | undefined;
  readonly #stackBytes: number;
  readonly #isLazy: boolean;
  readonly #headers = new Map<Header, number>();
  readonly #weights = new WeakMap<Typed, number>();
  #lowest = FIRST_FREE;
  readonly #text: number;

  /** Writes the beginning: r1 is the context, r2 the skb. Code that does not use the context may be given anything there. */
  constructor({ direct, stackBytes, values, isLazy }: EmitterOptions) {
    this.#isLazy = isLazy;
    this.#direct = direct;
    this.#stackBytes = stackBytes;
    const { headers: used, hasText, hasContext } = collectUse(values);
    this.#text = hasText ? this.#reserve(TEXT_BYTES) : 0;
    this.code.emit((asm) => {
      asm.mov(SKB, 'r2');
      if (hasContext) asm.store(8, 'r10', CONTEXT, 'r1');
      for (const header of used) {
        const at = this.#reserve(8);
        this.#headers.set(header, at);
        if (isLazy) asm.store(8, 'r10', at, NOT_LOOKED);
      }
    });
  }

  /** Makes a value in r0. */
  value(typed: Typed, absent: Target): void {
    const { code } = this;
    const { type } = typed;
    switch (typed.op) {
      case 'constant':
        this.#load('r0', typed.value);
        return;
      case 'read':
        this.#read(typed.place, type, absent);
        return;
      case 'address':
        this.address(typed.place, 'r0', absent);
        return;
      case 'fact':
        this.#fact(typed.fact, absent);
        return;
      case 'argument':
        code.emit((asm) => {
          asm.load(8, 'r1', 'r10', CONTEXT);
          asm.mov32('r2', typed.index);
          asm.mov('r3', 'r10');
          asm.alu('add', 'r3', SCRATCH);
          asm.store(8, 'r10', SCRATCH, 0);
          asm.callFunction('ipft_func_arg');
        });
        code.jumpIf('r0', '!=', 0, absent, true);
        code.emit((asm) => asm.load(8, 'r0', 'r10', SCRATCH));
        return;
      case 'convert':
        this.value(typed.of, absent);
        this.#convert(typed.of.type, type);
        return;
      case 'swap':
        this.value(typed.of, absent);
        if (sizeOf(type)! > 1) code.emit((asm) => asm.swap('r0', (sizeOf(type)! * 8) as 16 | 32 | 64));
        return;
      case 'negate':
        this.value(typed.of, absent);
        code.emit((asm) => asm.negate('r0'));
        this.#narrow(type);
        return;
      case 'invert':
        this.value(typed.of, absent);
        code.emit((asm) => asm.alu('xor', 'r0', -1));
        this.#narrow(type);
        return;
      case 'arithmetic':
        this.#arithmetic(typed, absent);
        return;
      case 'conditional': {
        const [yes, no, end] = [new Target(), new Target(), new Target()];
        this.condition(typed.condition, { yes, no, absent, next: yes });
        code.place(yes);
        this.value(typed.then, absent);
        code.goto(end);
        code.place(no);
        this.value(typed.otherwise, absent);
        code.place(end);
        return;
      }
      case 'coalesce': {
        const [other, end] = [new Target(), new Target()];
        this.value(typed.left, other);
        code.goto(end);
        code.place(other);
        this.value(typed.right, absent);
        code.place(end);
        return;
      }
      case 'absent':
        code.goto(absent);
        return;
      case 'compare':
      case 'not':
      case 'and':
      case 'or':
      case 'equal': {
        const [yes, no, end] = [new Target(), new Target(), new Target()];
        this.condition(typed, { yes, no, absent, next: no });
        code.place(no);
        code.emit((asm) => asm.mov32('r0', 0));
        code.goto(end);
        code.place(yes);
        code.emit((asm) => asm.mov32('r0', 1));
        code.place(end);
      }
    }
  }

  /**
   * Goes where a condition leads. A part that is absent makes it absent, unless the other one decides: absent || 1 is true.
   */
  condition(typed: Typed, ways: Ways): void {
    const { code } = this;
    const { yes, no, absent } = ways;
    switch (typed.op) {
      case 'constant':
        code.goto(typed.value === 0n ? no : yes);
        return;
      case 'absent':
        code.goto(absent);
        return;
      case 'not':
        this.condition(typed.of, { ...ways, yes: no, no: yes });
        return;
      case 'and':
        this.#both(typed.left, typed.right, ways, false);
        return;
      case 'or':
        this.#both(typed.left, typed.right, ways, true);
        return;
      case 'equal':
        this.#equal(typed.of, typed.bytes, ways);
        return;
      case 'compare': {
        const isSigned = typed.left.type.kind === 'integer' && typed.left.type.isSigned;
        const right = this.#pair(typed.left, typed.right, absent);
        const condition = COMPARISONS[typed.operator];
        const word =
          isSigned && typed.operator !== '==' && typed.operator !== '!=' ? (`s${condition}` as const) : condition;
        code.branch('r0', word as typeof condition, right, [yes, no], ways);
        return;
      }
      default:
        this.value(typed, absent);
        code.branch('r0', '!=', 0, [yes, no], ways);
    }
  }

  /** The address of a place, or of what is behind its pointer, in a register that is not r6 or r7. */
  address(place: Place, to: Register, absent: Target): void {
    const offset = place.offset + this.#base(place.base, absent);
    const from = place.base.kind === 'skb' ? SKB : 'r0';
    this.code.emit((asm) => {
      if (from !== to) asm.mov(to, from);
      if (offset !== 0) asm.alu('add', to, offset);
    });
  }

  /** An address in a register, where a pointer leads; absent where that is nowhere. */
  pointer(typed: Typed, to: Register, absent: Target): void {
    this.address({ base: { kind: 'pointer', value: typed }, offset: 0 }, to, absent);
  }

  /**
   * Makes an address in r0, unless it is the skb.
   * @returns what is to be added
   */
  #base(base: Base, absent: Target): number {
    const { code } = this;
    switch (base.kind) {
      case 'skb':
        return 0;
      case 'header': {
        const at = this.#headers.get(base.header)!;
        const known = new Target();
        code.emit((asm) => asm.load(8, 'r0', 'r10', at));
        if (this.#isLazy) {
          code.jumpIf('r0', '!=', NOT_LOOKED, known);
          this.#findHeader(base.header, at);
          code.place(known);
        }
        code.jumpIf('r0', '==', 0, absent);
        return 0;
      }
      case 'pointer':
        this.value(base.value, absent);
        // The kernel's addresses have the highest bit, which NULL and those of programs lack; those above are errors.
        code.jumpIf('r0', 's>=', 0, absent);
        code.jumpIf('r0', '>=', -MAX_ERRNO, absent);
        return 0;
      case 'element': {
        this.value(base.index, absent);
        code.jumpIf('r0', '>=', base.length, absent);
        code.emit((asm) => asm.alu('mul', 'r0', base.stride));
        const { array } = base;
        if (array.base.kind === 'skb') {
          code.emit((asm) => asm.alu('add', 'r0', SKB));
          return array.offset;
        }
        const waiting = this.#push();
        const offset = array.offset + this.#base(array.base, absent);
        this.#pop(waiting, 'r1');
        code.emit((asm) => asm.alu('add', 'r0', 'r1'));
        return offset;
      }
    }
  }

  /** Looks for the headers that are used, where that is not done later. */
  findHeaders(): void {
    if (!this.#isLazy) for (const [header, at] of this.#headers) this.#findHeader(header, at);
  }

  #findHeader(header: Header, at: number): void {
    this.code.emit((asm) => {
      asm.mov('r1', SKB);
      asm.mov32('r2', HEADERS[header].number);
      asm.callFunction('ipft_find_header');
      asm.store(8, 'r10', at, 'r0');
    });
  }

  #read(place: Place, type: ScalarType, absent: Target): void {
    const { code } = this;
    const bytes = sizeOf(type) as Size;
    const isSigned = type.kind === 'integer' && type.isSigned;
    const container = place.bits ? containerOf(place.bits) : { offset: 0, bytes, first: 0 };
    this.address({ base: place.base, offset: place.offset + container.offset }, this.#direct ? 'r1' : 'r3', absent);
    this.#loadFrom(container.bytes, canFail(place.base) ? absent : undefined);
    if (!place.bits) {
      if (isSigned) this.#narrow(type);
      return;
    }
    const { width } = place.bits;
    const shift = 64 - container.first - width;
    code.emit((asm) => {
      if (shift > 0) asm.alu('lsh', 'r0', shift);
      if (width < 64) asm.alu(isSigned ? 'arsh' : 'rsh', 'r0', 64 - width);
    });
    if (type.kind === 'integer' && type.isBool) this.#convert(type, type);
  }

  /** r0: what stands at the address in r1, or with helpers in r3. */
  #loadFrom(bytes: Size, absent: Target | undefined): void {
    const { code } = this;
    const direct = this.#direct;
    if (direct) {
      code.emit((asm) => {
        asm.mov32('r2', direct.word);
        asm.callKernel(direct.cast);
        asm.load(bytes, 'r0', 'r0', 0);
      });
      return;
    }
    code.emit((asm) => {
      asm.mov('r1', 'r10');
      asm.alu('add', 'r1', SCRATCH);
      asm.mov32('r2', bytes);
      asm.call(BPF_FUNC_probe_read_kernel);
    });
    if (absent) code.jumpIf('r0', '!=', 0, absent);
    code.emit((asm) => asm.load(bytes, 'r0', 'r10', SCRATCH));
  }

  #fact(fact: 'cpu' | 'now' | 'pid' | 'func', absent: Target): void {
    const { code } = this;
    switch (fact) {
      case 'cpu':
        code.emit((asm) => asm.call(BPF_FUNC_get_smp_processor_id));
        return;
      case 'now':
        code.emit((asm) => asm.call(BPF_FUNC_ktime_get_ns));
        return;
      case 'pid':
        code.emit((asm) => {
          asm.call(BPF_FUNC_get_current_pid_tgid);
          asm.alu('rsh', 'r0', 32);
        });
        return;
      case 'func':
        code.emit((asm) => {
          asm.load(8, 'r1', 'r10', CONTEXT);
          asm.callFunction('ipft_func_ip');
        });
        code.jumpIf('r0', '==', 0, absent);
    }
  }

  #arithmetic({ type, operator, left, right }: Typed & { op: 'arithmetic' }, absent: Target): void {
    const { code } = this;
    const isSigned = type.kind === 'integer' && type.isSigned;
    const isHalf = type.kind === 'integer' && type.bytes < 8;
    const by = this.#pair(left, right, absent);
    switch (operator) {
      case '+':
      case '-':
      case '*':
        code.emit((asm) => asm.alu(OPERATIONS[operator], 'r0', by));
        this.#narrow(type);
        return;
      case '&':
      case '|':
      case '^':
        // Both sides are extended alike, and so is the result.
        code.emit((asm) => asm.alu(OPERATIONS[operator], 'r0', by));
        return;
      case '<<':
        code.emit((asm) => (isHalf ? asm.alu32('lsh', 'r0', by) : asm.alu('lsh', 'r0', by)));
        if (isHalf && isSigned) this.#narrow(type);
        return;
      case '>>':
        // A count beyond the width counts from 0 again, as the processor has it.
        if (isHalf && typeof by !== 'number') code.emit((asm) => asm.alu32('and', by, 31));
        code.emit((asm) => asm.alu(isSigned ? 'arsh' : 'rsh', 'r0', by));
        return;
      case '/':
      case '%':
        if (typeof by !== 'number') code.jumpIf(by, '==', 0, absent);
        if (!isSigned) code.emit((asm) => asm.alu(operator === '/' ? 'div' : 'mod', 'r0', by));
        else this.#divideSigned(operator, by);
        if (isSigned) this.#narrow(type);
    }
  }

  /** Divides r0. Before Linux 6.6 programs can divide unsigned numbers only. */
  #divideSigned(operator: '/' | '%', by: Register | number): void {
    const { code } = this;
    const [positive, done] = [new Target(), new Target()];
    const makePositive = (register: Register) => {
      const is = new Target();
      code.jumpIf(register, 's>=', 0, is);
      code.emit((asm) => asm.negate(register));
      code.place(is);
    };
    code.emit((asm) => {
      if (typeof by === 'number') asm.mov('r1', by);
      // Its sign is that of the result.
      asm.mov('r2', 'r0');
      if (operator === '/') asm.alu('xor', 'r2', 'r1');
    });
    makePositive('r0');
    makePositive('r1');
    code.place(positive);
    code.emit((asm) => asm.alu(operator === '/' ? 'div' : 'mod', 'r0', 'r1'));
    code.jumpIf('r2', 's>=', 0, done);
    code.emit((asm) => asm.negate('r0'));
    code.place(done);
  }

  /** r0: the left value. @returns the right one: a number, or r1 */
  #pair(left: Typed, right: Typed, absent: Target): Register | number {
    const { code } = this;
    if (right.op === 'constant') {
      const number = immediateOf(right.value);
      if (number !== undefined) {
        this.value(left, absent);
        return number;
      }
    }
    if (right.op === 'constant' || this.#weight(left) < this.#weight(right)) {
      if (right.op === 'constant') {
        this.value(left, absent);
        this.#load('r1', right.value);
        return 'r1';
      }
      this.value(right, absent);
      const waiting = this.#push();
      this.value(left, absent);
      this.#pop(waiting, 'r1');
      return 'r1';
    }
    this.value(left, absent);
    const waiting = this.#push();
    this.value(right, absent);
    code.emit((asm) => asm.mov('r1', 'r0'));
    this.#pop(waiting, 'r0');
    return 'r1';
  }

  /** How many values wait while this one is made: the heavier side of two is made first. */
  #weight(typed: Typed): number {
    const known = this.#weights.get(typed);
    if (known !== undefined) return known;
    const weight = this.#weigh(typed);
    this.#weights.set(typed, weight);
    return weight;
  }

  #weigh(typed: Typed): number {
    const both = (one: number, other: number) => (one === other ? one + 1 : Math.max(one, other));
    switch (typed.op) {
      case 'read':
      case 'address':
        return this.#weightOfBase(typed.place.base);
      case 'convert':
      case 'swap':
      case 'negate':
      case 'invert':
      case 'not':
        return this.#weight(typed.of);
      case 'arithmetic':
      case 'compare':
        return both(this.#weight(typed.left), this.#weight(typed.right));
      case 'and':
      case 'or':
      case 'coalesce':
        return Math.max(this.#weight(typed.left), this.#weight(typed.right));
      case 'conditional':
        return Math.max(this.#weight(typed.condition), this.#weight(typed.then), this.#weight(typed.otherwise));
      case 'equal':
        return typed.of.kind === 'place'
          ? this.#weightOfBase(typed.of.place.base)
          : typed.of.kind === 'string'
            ? this.#weight(typed.of.pointer)
            : 1;
      default:
        return 1;
    }
  }

  #weightOfBase(base: Base): number {
    if (base.kind === 'pointer') return this.#weight(base.value);
    if (base.kind !== 'element') return 1;
    return Math.max(this.#weight(base.index), this.#weightOfBase(base.array.base) + 1);
  }

  /** `decides`: the value of one side that decides for the whole. */
  #both(left: Typed, right: Typed, ways: Ways, decides: boolean): void {
    const { code } = this;
    const { yes, no, absent } = ways;
    const decided = decides ? yes : no;
    const other = decides ? no : yes;
    const rest = new Target();
    if (other === absent || decided === absent || !mayBeAbsent(left)) {
      // Of an absent left side: either the right one alone says where to go, or all that is possible leads there.
      const leftAbsent = decided === absent ? absent : rest;
      this.condition(left, { yes: decides ? yes : rest, no: decides ? rest : no, absent: leftAbsent, next: rest });
      code.place(rest);
      this.condition(right, ways);
      return;
    }
    // All three differ: a place on the stack tells that the left side was absent.
    const [leftAbsent, open] = [new Target(), new Target()];
    const flag = this.#reserve(8);
    code.emit((asm) => asm.store(8, 'r10', flag, 0));
    this.condition(left, { yes: decides ? yes : rest, no: decides ? rest : no, absent: leftAbsent, next: leftAbsent });
    code.place(leftAbsent);
    code.emit((asm) => asm.store(8, 'r10', flag, 1));
    code.place(rest);
    this.condition(right, { yes: decides ? yes : open, no: decides ? open : no, absent, next: open });
    code.place(open);
    code.emit((asm) => asm.load(8, 'r0', 'r10', flag));
    code.branch('r0', '!=', 0, [absent, other], ways);
    this.#free(flag);
  }

  #equal(of: ComparedBytes, bytes: Uint8Array, ways: Ways): void {
    const { code } = this;
    const { yes, no, absent, next } = ways;
    const direct = this.#direct;
    let from: Register = 'r10';
    let at: number;
    switch (of.kind) {
      case 'place':
        if (direct && bytes.length <= WINDOW_BYTES) {
          this.address(of.place, 'r1', absent);
          code.emit((asm) => {
            asm.mov32('r2', direct.window);
            asm.callKernel(direct.cast);
          });
          from = 'r0';
          at = 0;
        } else {
          at = this.#text;
          this.address(of.place, 'r3', absent);
          this.#call(BPF_FUNC_probe_read_kernel, at, bytes.length);
          if (canFail(of.place.base)) code.jumpIf('r0', '!=', 0, absent);
        }
        break;
      case 'string':
        at = this.#text;
        this.pointer(of.pointer, 'r3', absent);
        // With one more byte a longer text is told apart.
        this.#call(BPF_FUNC_probe_read_kernel_str, at, bytes.length + 1);
        code.jumpIf('r0', 's<', 0, absent);
        code.jumpIf('r0', '!=', bytes.length, no);
        break;
      case 'comm':
        at = this.#text;
        this.#call(BPF_FUNC_get_current_comm, at, COMM_BYTES);
    }
    const value = Buffer.from(bytes);
    for (let done = 0; done < value.length; ) {
      const left = value.length - done;
      const size: Size = left >= 8 ? 8 : left >= 4 ? 4 : left >= 2 ? 2 : 1;
      const wanted = size === 8 ? value.readBigUInt64LE(done) : BigInt(value.readUIntLE(done, size));
      const offset = at + done;
      code.emit((asm) => asm.load(size, 'r1', from, offset));
      done += size;
      const number = immediateOf(size === 8 ? BigInt.asIntN(64, wanted) : wanted);
      if (number === undefined) this.#load('r2', wanted);
      const right = number ?? 'r2';
      if (done === value.length) code.branch('r1', '==', right, [yes, no], { next });
      else code.jumpIf('r1', '!=', right, no);
    }
  }

  /** Calls a helper that writes to the stack. r3 stays. */
  #call(helper: number, at: number, bytes: number): void {
    this.code.emit((asm) => {
      asm.mov('r1', 'r10');
      asm.alu('add', 'r1', at);
      asm.mov32('r2', bytes);
      asm.call(helper);
    });
  }

  /** r0 as another type. */
  #convert(from: ScalarType, to: ScalarType): void {
    const { code } = this;
    if (to.kind === 'integer' && to.isBool) {
      const end = new Target();
      code.jumpIf('r0', '==', 0, end);
      code.emit((asm) => asm.mov32('r0', 1));
      code.place(end);
      return;
    }
    const [before, after] = [rangeOf(from), rangeOf(to)];
    const fits =
      after.bits === 64 ||
      (before.isSigned
        ? after.isSigned && before.bits <= after.bits
        : before.bits < after.bits || (before.bits === after.bits && !after.isSigned));
    if (!fits) this.#narrow(to);
  }

  /** Cuts r0 to the bytes of a type, and extends it. */
  #narrow(type: ScalarType): void {
    const { bits, isSigned } = rangeOf(type);
    if (bits === 64) return;
    this.code.emit((asm) => {
      if (isSigned) {
        asm.alu('lsh', 'r0', 64 - bits);
        asm.alu('arsh', 'r0', 64 - bits);
      } else if (bits === 32) asm.mov32('r0', 'r0');
      else asm.alu('and', 'r0', 2 ** bits - 1);
    });
  }

  #load(to: Register, value: bigint): void {
    const number = immediateOf(BigInt.asIntN(64, value));
    this.code.emit((asm) => {
      if (number !== undefined) asm.mov(to, number);
      else asm.mov64(to, value);
    });
  }

  /** Keeps r0 on the stack. */
  #push(): number {
    const at = this.#reserve(8);
    this.code.emit((asm) => asm.store(8, 'r10', at, 'r0'));
    return at;
  }

  #pop(at: number, to: Register): void {
    this.code.emit((asm) => asm.load(8, to, 'r10', at));
    this.#free(at);
  }

  /** Gives back what was reserved last. */
  #free(at: number): void {
    if (this.#lowest !== at) throw new Error('places on the stack are given back in reverse order');
    this.#lowest += 8;
  }

  #reserve(bytes: number): number {
    const at = this.#lowest - bytes;
    if (-at > this.#stackBytes) {
      throw new ExpressionError(
        'the expression is too complicated: too many values wait for others',
        undefined,
        undefined,
      );
    }
    this.#lowest = at;
    return at;
  }
}

/** The largest number of an error that a pointer may be. */
const MAX_ERRNO = 4095;

const COMPARISONS = { '==': '==', '!=': '!=', '<': '<', '<=': '<=', '>': '>', '>=': '>=' } as const satisfies Record<
  Comparison,
  string
>;
const OPERATIONS = { '+': 'add', '-': 'sub', '*': 'mul', '&': 'and', '|': 'or', '^': 'xor' } as const;

/** A number that an instruction can hold, whose sign is extended to 64 bits. */
function immediateOf(value: bigint): number | undefined {
  return value >= -(1n << 31n) && value < 1n << 31n ? Number(value) : undefined;
}

function rangeOf(type: ScalarType): { readonly bits: number; readonly isSigned: boolean } {
  return type.kind === 'pointer' ? { bits: 64, isSigned: false } : { bits: type.bytes * 8, isSigned: type.isSigned };
}

/** The least bytes that hold a bit-field, aligned if that is possible. */
function containerOf({ first, width }: { readonly first: number; readonly width: number }): {
  readonly offset: number;
  readonly bytes: Size;
  readonly first: number;
} {
  const bytes = Math.ceil((first + width) / 8);
  const size: Size = bytes > 4 ? 8 : bytes > 2 ? 4 : bytes === 2 ? 2 : 1;
  return { offset: 0, bytes: size, first };
}

/** Whether reading there may fail, or there may be nothing to read. */
function canFail(base: Base): boolean {
  return base.kind === 'element' ? canFail(base.array.base) || mayBeAbsent(base.index) : base.kind !== 'skb';
}

/** Whether a value may be absent. */
export function mayBeAbsent(typed: Typed): boolean {
  switch (typed.op) {
    case 'constant':
      return false;
    case 'read':
    case 'address':
      return placeMayBeAbsent(typed.place);
    case 'fact':
      return typed.fact === 'func';
    case 'argument':
    case 'absent':
      return true;
    case 'convert':
    case 'swap':
    case 'negate':
    case 'invert':
    case 'not':
      return mayBeAbsent(typed.of);
    case 'arithmetic': {
      const divides = (typed.operator === '/' || typed.operator === '%') && typed.right.op !== 'constant';
      return divides || mayBeAbsent(typed.left) || mayBeAbsent(typed.right);
    }
    case 'compare':
    case 'and':
    case 'or':
      return mayBeAbsent(typed.left) || mayBeAbsent(typed.right);
    case 'equal':
      return typed.of.kind === 'string' || (typed.of.kind === 'place' && placeMayBeAbsent(typed.of.place));
    case 'conditional':
      return [typed.condition, typed.then, typed.otherwise].some(mayBeAbsent);
    case 'coalesce':
      return mayBeAbsent(typed.right);
  }
}

export function placeMayBeAbsent({ base }: Place): boolean {
  return base.kind !== 'skb';
}

/** The headers that are looked for, whether a text is compared, and whether anything asks for the context. */
export function collectUse(values: readonly Typed[]): {
  readonly headers: ReadonlySet<Header>;
  readonly hasText: boolean;
  readonly hasContext: boolean;
} {
  const headers = new Set<Header>();
  const seen = new Set<Typed>();
  let [hasText, hasContext] = [false, false];
  const ofBase = (base: Base): void => {
    if (base.kind === 'header') headers.add(base.header);
    else if (base.kind === 'pointer') of(base.value);
    else if (base.kind === 'element') {
      of(base.index);
      ofBase(base.array.base);
    }
  };
  const of = (typed: Typed): void => {
    if (seen.has(typed)) return;
    seen.add(typed);
    if ('place' in typed) ofBase(typed.place.base);
    if (typed.op === 'argument' || (typed.op === 'fact' && typed.fact === 'func')) hasContext = true;
    if (typed.op === 'equal') {
      hasText = true;
      if (typed.of.kind === 'place') ofBase(typed.of.place.base);
      else if (typed.of.kind === 'string') of(typed.of.pointer);
    } else if ('of' in typed) of(typed.of);
    if ('left' in typed) {
      of(typed.left);
      of(typed.right);
    }
    if (typed.op === 'conditional') {
      of(typed.condition);
      of(typed.then);
      of(typed.otherwise);
    }
  };
  for (const typed of values) of(typed);
  return { headers, hasText, hasContext };
}
