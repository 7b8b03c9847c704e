import { readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { SEQUENCE_UNKNOWN } from '../base/event.js';
import { BTF_KIND_STRUCT, parseBtf } from '../btf/btf.js';
import { parseElf, sectionBytes } from '../bytecode/elf.js';
import { unpackObjects } from '../sys/own-objects.js';
import * as layout from './layout.js';

const LAYOUT: Readonly<Record<string, number>> = layout;
const OBJECTS = new URL('../../dist/bpf/', import.meta.url);
/** Sources that have none of these structs. */
const WITHOUT = ['license.br', 'builtin.br', 'find-header.br'];
const sources = readdirSync(OBJECTS).filter((name) => !WITHOUT.includes(name));
const objects = sources.flatMap((name) => [...unpackObjects(new URL(name, OBJECTS))]);

test.each(objects)('%s lays structs out as layout.ts says', (_name, object) => {
  const btf = parseBtf(sectionBytes(object, parseElf(object), '.BTF')!);
  const compared = new Set<string>();
  for (let id = btf.firstId; id < btf.endId; id++) {
    const struct = btf
      .name(id)
      .replace(/^ipft_/, '')
      .toUpperCase();
    if (btf.kind(id) !== BTF_KIND_STRUCT || LAYOUT[`${struct}_SIZE`] === undefined) continue;
    expect(btf.sizeOrType(id), struct).toBe(LAYOUT[`${struct}_SIZE`]);
    for (let member = 0; member < btf.vlen(id); member++) {
      const name = `${struct}_${btf.string(btf.tail(id, member * 3)).toUpperCase()}`;
      expect(btf.tail(id, member * 3 + 2) / 8, name).toBe(LAYOUT[name]);
    }
    compared.add(struct);
  }
  // Structs of maps; of others clang tells only where something refers to them.
  for (const struct of ['JOURNEY', 'CONFIG', 'CPU']) expect(compared).toContain(struct);
});

test('numbers that the base has by itself are those of bpf/abi/', () => {
  expect(SEQUENCE_UNKNOWN).toBe(layout.IPFT_SEQUENCE_UNKNOWN);
});

test('bits of the cookie overlap neither each other nor its numbers', () => {
  const bits = Object.entries(LAYOUT).flatMap(([name, value]) =>
    /^IPFT_TARGET_(?!INDEX|ARGUMENTS|POSITION)/.test(name) ? value : [],
  );
  const numbers = [
    layout.IPFT_TARGET_INDEX,
    // As many bits as their greatest values take.
    (2 ** Math.ceil(Math.log2(layout.IPFT_MAX_ARGUMENTS + 1)) - 1) * 2 ** layout.IPFT_TARGET_ARGUMENTS,
    layout.IPFT_MAX_POSITION * 2 ** layout.IPFT_TARGET_POSITION,
  ];
  let taken = 0n;
  for (const value of [...bits, ...numbers]) {
    expect(taken & BigInt(value)).toBe(0n);
    taken |= BigInt(value);
  }
});
