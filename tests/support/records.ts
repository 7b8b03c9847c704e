/** Structs of `bpf/abi/`, as the kernel side fills them. */
import * as layout from '../../src/abi/layout.js';

/** `event` is struct ipft_event. */
export type StructName =
  | 'event'
  | 'return'
  | 'begin'
  | 'moved'
  | 'snapshot'
  | 'end'
  | 'place'
  | 'journey'
  | 'whose'
  | 'holder';
export type Values = Readonly<Record<string, number | bigint | string>>;

const LAYOUT: Readonly<Record<string, number>> = layout;
/** A record does not lie at the beginning of its buffer. */
export const LEAD = 8;

export const sizeOf = (struct: StructName): number => LAYOUT[`${struct.toUpperCase()}_SIZE`]!;

/** Where a member lies. */
export function offsetOf(struct: StructName, member: string): number {
  const offset = LAYOUT[`${struct}_${member}`.toUpperCase()];
  if (offset === undefined) throw new Error(`struct ipft_${struct} has no member ${member}`);
  return offset;
}

/** Where the member behind it lies, or the end of the struct. */
function endOf(struct: StructName, member: string): number {
  const prefix = `${struct}_`.toUpperCase();
  const offsets = Object.keys(LAYOUT).flatMap((name) =>
    name.startsWith(prefix) && !name.endsWith('_SIZE') ? LAYOUT[name]! : [],
  );
  return Math.min(sizeOf(struct), ...offsets.filter((offset) => offset > offsetOf(struct, member)));
}

/** Fills members of a struct that begins at `at`; the others stay what they are. */
export function fill(view: DataView, at: number, struct: StructName, values: Values): void {
  for (const [member, value] of Object.entries(values)) {
    const begin = at + offsetOf(struct, member);
    const size = endOf(struct, member) - offsetOf(struct, member);
    if (typeof value === 'string') {
      Buffer.from(view.buffer, view.byteOffset + begin, size).write(value);
      continue;
    }
    for (let i = 0; i < size; i++) view.setUint8(begin + i, Number((BigInt(value) >> BigInt(8 * i)) & 0xffn));
  }
}

/** A struct with these values, all else zero, `LEAD` bytes into its buffer. */
export function build(struct: StructName, values: Values, event: Values = {}): DataView {
  const view = new DataView(new ArrayBuffer(LEAD + sizeOf(struct)));
  fill(view, LEAD, struct, values);
  fill(view, LEAD, 'event', event);
  return view;
}
