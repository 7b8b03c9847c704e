import { expect, test } from 'vitest';
import { parseBtf } from '../btf/btf.js';
import { BtfWriter } from '../bytecode/btf-writer.js';
import { KernelTypes } from './kernel-types.js';
import { macroMembers } from './macro-members.js';

function build() {
  const btf = new BtfWriter();
  const [u16, u32] = [btf.integer('unsigned short', 2), btf.integer('unsigned int', 4)];
  const at = (name: string, type: number, offset: number) => ({ name, type, offsetBits: offset * 8 });
  const either = btf.struct('', 4, [at('skc_hash', u32, 0), at('skc_u16hashes', u16, 0)], true);
  const common = btf.struct('sock_common', 16, [
    at('', either, 0),
    at('skc_family', u16, 4),
    at('skc_daddr', u32, 8),
    at('other', u32, 12),
  ]);
  const sock = btf.struct('sock', 40, [at('first', u32, 0), at('__sk_common', common, 8), at('sk_hash', u16, 24)]);
  const inet = btf.struct('inet_sock', 64, [at('sk', sock, 8)]);
  return { btf: parseBtf(btf.bytes()), sock, inet, common };
}

const { btf, sock, inet, common } = build();

test('macroMembers: the names that the source has, through the members that have them', () => {
  expect(
    macroMembers({ btf, id: sock }).map(({ name, path, member }) => [name, path.join('.'), member.offsetBits]),
  ).toEqual([
    ['sk_hash', '__sk_common.skc_hash', 64],
    ['sk_u16hashes', '__sk_common.skc_u16hashes', 64],
    ['sk_family', '__sk_common.skc_family', 96],
    ['sk_daddr', '__sk_common.skc_daddr', 128],
  ]);
  expect(macroMembers({ btf, id: inet }).map(({ name, member }) => [name, member.offsetBits])).toEqual([
    ['inet_daddr', 192],
  ]);
  expect(macroMembers({ btf, id: common })).toEqual([]);
});

test('KernelTypes.member: what a struct has itself counts first', () => {
  const types = new KernelTypes({ vmlinux: btf, modules: () => new Map(), addressesOf: () => [] });
  expect(types.member({ btf, id: sock }, 'sk_family')?.offsetBits).toBe(96);
  expect(types.member({ btf, id: sock }, 'sk_hash')?.offsetBits).toBe(192);
  expect(types.member({ btf, id: sock }, 'sk_other')).toBeUndefined();
  expect(types.nearestMember({ btf, id: sock }, 'sk_famly')).toBe('sk_family');
});

test('macroMembers: a kernel without the members that lead there has none', () => {
  const other = new BtfWriter();
  const u32 = other.integer('unsigned int', 4);
  const id = other.struct('sock', 8, [{ name: '__sk_common', type: u32, offsetBits: 0 }]);
  expect(macroMembers({ btf: parseBtf(other.bytes()), id })).toEqual([]);
});
