/** Runs BPF code of filters, for tests without a kernel. It is as strict as the verifier with the stack. */

export interface Region {
  readonly address: bigint;
  readonly bytes: Uint8Array;
}

const STACK_BYTES = 512;
const STACK = 0xffffc90000000000n;
const U64 = (value: bigint) => BigInt.asUintN(64, value);
const U32 = (value: bigint) => BigInt.asUintN(32, value);
const GET_CURRENT_COMM = 16;
const PROBE_READ_KERNEL = 113;
const PROBE_READ_KERNEL_STR = 115;
const MAX_STEPS = 1_000_000;

/** What a run cost. */
export interface Ran {
  readonly result: number;
  readonly steps: number;
  readonly stackBytes: number;
}

/** What code may call and write besides. */
export interface Surroundings {
  /** r2 and r3. */
  readonly more?: readonly bigint[];
  /** Memory that may be written. */
  readonly writable?: Region;
  /** Functions of other objects, by the index of the call. What one returns is in r0; `store` writes where a pointer leads. */
  readonly functions?: ReadonlyMap<
    number,
    (given: readonly bigint[], store: (address: bigint, value: bigint) => void) => bigint
  >;
  /** What helpers return, by their numbers. */
  readonly helpers?: Readonly<Record<number, bigint>>;
  /** The name of the running task. */
  readonly comm?: string;
}

/**
 * Runs the code with r1 = `argument`.
 * @param regions what memory there is; elsewhere reads are 0, and the helper fails
 */
export function runBpf(
  code: Uint8Array,
  argument: bigint,
  regions: readonly Region[],
  { more = [], writable, functions, helpers = {}, comm = '' }: Surroundings = {},
): Ran {
  const view = new DataView(code.buffer, code.byteOffset, code.byteLength);
  const count = code.length / 8;
  const r = new Array<bigint>(11).fill(0n);
  const stack = Buffer.alloc(STACK_BYTES);
  const written = new Uint8Array(STACK_BYTES);
  let deepest = 0;
  r[1] = argument;
  for (const [index, value] of more.entries()) r[2 + index] = value;
  r[10] = STACK + BigInt(STACK_BYTES);
  const onStack = (address: bigint, size: number) => {
    const at = Number(U64(address) - STACK);
    if (U64(address) < STACK || at + size > STACK_BYTES) return -1;
    deepest = Math.max(deepest, STACK_BYTES - at);
    return at;
  };
  const readByte = (address: bigint): number | undefined => {
    for (const { address: begin, bytes } of regions) {
      if (address >= begin && address < begin + BigInt(bytes.length)) return bytes[Number(address - begin)];
    }
    return undefined;
  };
  const read = (address: bigint, size: number): bigint => {
    const at = onStack(address, size);
    let value = 0n;
    if (at >= 0 && at % size !== 0) throw new Error(`a misaligned load of ${size} bytes at stack ${at - STACK_BYTES}`);
    for (let index = 0; index < size; index++) {
      if (at >= 0 && !written[at + index]) throw new Error(`a load of stack ${at - STACK_BYTES}, never written`);
      const byte = at >= 0 ? stack[at + index]! : readByte(U64(address + BigInt(index)));
      // A fault makes the whole value 0.
      if (byte === undefined) return 0n;
      value |= BigInt(byte) << BigInt(8 * index);
    }
    return value;
  };
  const write = (address: bigint, size: number, value: bigint) => {
    const at = onStack(address, size);
    if (at < 0 && writable && address >= writable.address) {
      const into = Number(address - writable.address);
      if (into + size > writable.bytes.length) throw new Error(`a store of ${size} bytes at ${into} of the data`);
      for (let index = 0; index < size; index++)
        writable.bytes[into + index] = Number((value >> BigInt(8 * index)) & 255n);
      return;
    }
    if (at < 0) throw new Error('a store outside of the stack');
    if (at % size !== 0) throw new Error(`a misaligned store of ${size} bytes at stack ${at - STACK_BYTES}`);
    for (let index = 0; index < size; index++) {
      stack[at + index] = Number((value >> BigInt(8 * index)) & 255n);
      written[at + index] = 1;
    }
  };
  let at = 0;
  for (let steps = 1; steps < MAX_STEPS; steps++) {
    if (at < 0 || at >= count) throw new Error(`a jump to ${at}, of ${count} instructions`);
    const opcode = view.getUint8(at * 8);
    const to = view.getUint8(at * 8 + 1) & 15;
    const from = view.getUint8(at * 8 + 1) >> 4;
    const offset = BigInt(view.getInt16(at * 8 + 2, true));
    const immediate = BigInt(view.getInt32(at * 8 + 4, true));
    const size = [4, 2, 1, 8][(opcode >> 3) & 3]!;
    at++;
    switch (opcode & 7) {
      case 0: // 64-bit immediate
        r[to] = U64(U32(immediate) | (BigInt(view.getInt32(at * 8 + 4, true)) << 32n));
        at++;
        break;
      case 1:
        r[to] = read(r[from]! + offset, size);
        break;
      case 2:
        write(r[to]! + offset, size, U64(immediate));
        break;
      case 3:
        write(r[to]! + offset, size, r[from]!);
        break;
      case 4:
      case 7:
        r[to] = operate(opcode, r[to]!, opcode & 8 ? r[from]! : immediate, Number(immediate));
        break;
      default: {
        const is32 = (opcode & 7) === 6;
        const kind = opcode & 0xf0;
        if (kind === 0x90) {
          if (to > 0) throw new Error('an exit with a register');
          return { result: Number(U32(r[0]!)), steps, stackBytes: deepest };
        }
        if (kind === 0x80) {
          const helper = Number(immediate);
          const known = helpers[helper];
          if (from === 2) {
            r[0] = r[1]!;
          } else if (from === 1) {
            const called = functions?.get(at - 1);
            if (!called) throw new Error(`a call at ${at - 1} of an unknown function`);
            r[0] = U64(called(r.slice(1, 6), (address, value) => write(address, 8, value)));
          } else if (known !== undefined) {
            r[0] = U64(known);
          } else if (helper === PROBE_READ_KERNEL_STR) {
            let length = 0n;
            for (; length < r[2]!; length++) {
              const byte = length === r[2]! - 1n ? 0 : readByte(U64(r[3]! + length));
              if (byte === undefined) break;
              write(r[1]! + length, 1, BigInt(byte));
              if (byte === 0) break;
            }
            r[0] = readByte(r[3]!) === undefined ? U64(-14n) : length + 1n;
          } else if (helper === GET_CURRENT_COMM) {
            const bytes = Buffer.alloc(Number(r[2]!));
            bytes.write(comm);
            for (const [index, byte] of bytes.entries()) write(r[1]! + BigInt(index), 1, BigInt(byte));
            r[0] = 0n;
          } else {
            if (helper !== PROBE_READ_KERNEL) throw new Error(`a call of helper ${immediate}`);
            r[0] = 0n;
            for (let index = 0n; index < r[2]!; index++) {
              const byte = readByte(U64(r[3]! + index));
              if (byte === undefined) r[0] = U64(-14n);
              write(r[1]! + index, 1, BigInt(byte ?? 0));
            }
          }
          for (let lost = 1; lost <= 5; lost++) r[lost] = 0xdeadbeefdeadbeefn;
          break;
        }
        if (kind === 0x00 || compare(kind, r[to]!, opcode & 8 ? r[from]! : immediate, is32)) at += Number(offset);
      }
    }
  }
  throw new Error('it does not end');
}

function operate(opcode: number, left: bigint, right: bigint, bits: number): bigint {
  const is32 = (opcode & 7) === 4;
  const cut = is32 ? U32 : U64;
  const a = cut(left);
  const b = cut(right);
  const shift = b & (is32 ? 31n : 63n);
  switch (opcode & 0xf0) {
    case 0x00:
      return cut(a + b);
    case 0x10:
      return cut(a - b);
    case 0x20:
      return cut(a * b);
    case 0x30:
      return b === 0n ? 0n : a / b;
    case 0x40:
      return a | b;
    case 0x50:
      return a & b;
    case 0x60:
      return cut(a << shift);
    case 0x70:
      return a >> shift;
    case 0x80:
      return cut(-a);
    case 0x90:
      return b === 0n ? a : a % b;
    case 0xa0:
      return a ^ b;
    case 0xb0:
      return b;
    case 0xc0:
      return cut((is32 ? BigInt.asIntN(32, a) : BigInt.asIntN(64, a)) >> shift);
    case 0xd0: {
      const bytes = Buffer.alloc(8);
      bytes.writeBigUInt64BE(left);
      return Buffer.from(bytes.subarray(8 - bits / 8)).reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
    }
    default:
      throw new Error(`an operation ${opcode}`);
  }
}

function compare(kind: number, left: bigint, right: bigint, is32: boolean): boolean {
  const bits = is32 ? 32 : 64;
  const [a, b] = [BigInt.asUintN(bits, left), BigInt.asUintN(bits, right)];
  const [c, d] = [BigInt.asIntN(bits, left), BigInt.asIntN(bits, right)];
  switch (kind) {
    case 0x10:
      return a === b;
    case 0x20:
      return a > b;
    case 0x30:
      return a >= b;
    case 0x40:
      return (a & b) !== 0n;
    case 0x50:
      return a !== b;
    case 0x60:
      return c > d;
    case 0x70:
      return c >= d;
    case 0xa0:
      return a < b;
    case 0xb0:
      return a <= b;
    case 0xc0:
      return c < d;
    case 0xd0:
      return c <= d;
    default:
      throw new Error(`a comparison ${kind}`);
  }
}
