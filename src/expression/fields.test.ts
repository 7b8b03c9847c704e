import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { runBpf } from '../../tests/support/bpf-machine.js';
import { FUNCTION, fakeKernel, HEAD, memory, NUMBERS, SKB } from '../../tests/support/fake-kernel.js';
import { ExpressionError } from '../base/expression-error.js';
import { TextBuffer } from '../base/text-buffer.js';
import { parseBtf } from '../btf/btf.js';
import { findDirectReads } from '../btf/direct-reads.js';
import { parseElf, sectionBytes } from '../bytecode/elf.js';
import { parseEventStruct } from '../fields/event-struct.js';
import { compileCondition, compileFields, type FieldsQuery } from './fields.js';
import { parseExpression, parseShow } from './parse.js';

const types = fakeKernel();
const WAYS = [
  { name: 'without helpers', direct: findDirectReads(types.source.vmlinux) },
  { name: 'with helpers', direct: undefined },
];
const DATA = 0xffffc90001000000n;
const CONTEXT = 0x1234n;

/** Runs an object's function. */
function run(object: Uint8Array, more: readonly bigint[], writable?: { address: bigint; bytes: Uint8Array }) {
  const elf = parseElf(object);
  const code = sectionBytes(object, elf, '.text')!;
  const relocations = sectionBytes(object, elf, '.rel.text');
  const functions = new Map<
    number,
    (given: readonly bigint[], store: (address: bigint, value: bigint) => void) => bigint
  >();
  const names = elf.symbols.map(({ name }) => name);
  for (let at = 0; relocations && at < relocations.length; at += 16) {
    const view = Buffer.from(relocations);
    const index = Number(view.readBigUInt64LE(at)) / 8;
    const name = names[Number(view.readBigUInt64LE(at + 8) >> 32n)];
    functions.set(index, (given, store) => {
      // Where the header is looked for, its TTL is 64.
      if (name === 'ipft_find_header') return given[1] === 1n ? HEAD + 24n : 0n;
      expect(given[0], name).toBe(CONTEXT);
      if (name === 'ipft_func_ip') return FUNCTION;
      if (given[1]! > 1n) return -22n;
      store(given[2]!, SKB);
      return 0n;
    });
  }
  const helpers = { 5: 123_456n, 8: 3n, 14: (77n << 32n) | 78n };
  return runBpf(code, CONTEXT, memory(), { more, functions, helpers, comm: 'curl', ...(writable && { writable }) });
}

/** The text of fields, as it is shown. */
function show(text: string, direct: (typeof WAYS)[number]['direct']): string {
  const fields = parseShow(text).map((item) => ({ ...item, line: 1 }));
  return showQuery({ fields, functionName: 'ipft_show', sourceFile: 'test' }, direct);
}

function showQuery(query: FieldsQuery, direct: (typeof WAYS)[number]['direct']): string {
  const compiled = compileFields(query, types);
  const bytes = new Uint8Array(compiled.dataBytes);
  run(compiled.createObject(direct), [SKB, DATA], { address: DATA, bytes });
  const layout = parseEventStruct(parseBtf(compiled.btf));
  const out = new TextBuffer(1 << 12);
  layout
    .createWriter((to, low, high) => to.text(`symbol:${high.toString(16)}${low.toString(16)}`))
    .text(out, new DataView(bytes.buffer), 0);
  return out.takeText().trimStart();
}

describe.each(WAYS)('$name', ({ direct }) => {
  test.each([
    ['skb->dev->name', 'name: eth0'],
    ['skb->dev->label', 'label: eth0'],
    ['skb->dev->next->label', ''],
    ['skb->len', 'len: 1500'],
    ['skb->mark:hex', 'mark: 0xfffffff0'],
    ['skb->pkt_type', 'pkt_type: 5'],
    ['skb->ip_summed', 'ip_summed: 2'],
    ['skb->signed_bits', 'signed_bits: -3'],
    ['skb->wide_bits:hex', 'wide_bits: 0xabcdef0123'],
    ['skb->protocol', 'protocol: 2048'],
    ['skb->protocol:hex', 'protocol: 0x800'],
    ['skb->saddr', 'saddr: 10.0.0.1'],
    ['ip(skb->saddr)', 'saddr: 10.0.0.1'],
    ['ntohl(skb->saddr) as a:hex', 'a: 0xa000001'],
    ['skb->cookie:hex', 'cookie: 0x102030405060708'],
    ['skb->cb', 'cb: control'],
    ['skb->cb[1]', 'cb: 111'],
    ['skb->cb[1]:char', 'cb: o'],
    ['skb->dev->ifindex + 1', 'ifindex: 8'],
    ['skb->dev->state', 'state: UP'],
    ['skb->dev->ifindex as i:enum:state', 'i: 7'],
    ['skb->dev->ifindex - 4 as i:enum_flags:status', 'i: SEEN|GONE'],
    ['skb->dev->ifindex + 5 as i:enum_flags:status', 'i: ODD_BIT|LAST'],
    [
      'skb->dev->ifindex - 6 as a:enum_flags:status, skb->dev->ifindex - 6 as b:enum:status, skb->dev->ifindex - 5 as c:enum_flags:status',
      'a: SEEN b: SEEN c: GONE',
    ],
    ['skb->dev->dev_addr:mac', 'dev_addr: 02:42:ac:11:00:02'],
    ['mac(skb->dev->dev_addr)', 'dev_addr: 02:42:ac:11:00:02'],
    ['skb->dev->addr', 'addr: fe80::1'],
    ['ip(skb->dev->addr)', 'addr: fe80::1'],
    ['skb->dev->numbers', 'numbers: [11, 22, 33, 44]'],
    ['skb->dev->numbers[2]', 'numbers: 33'],
    ['skb->dev->numbers[skb->pkt_type - 2]', 'numbers: 44'],
    ['skb->dev->kind', 'kind: veth'],
    ['skb->dev->kind[1]:char', 'kind: e'],
    ['*skb->dev->kind as k:char', 'k: v'],
    ['skb->dev->setup', 'setup: symbol:ffffffff81000010'],
    ['skb->dev->left, skb->dev->both', 'left: 1 both: 8589934593'],
    ['skb->dev->up', 'up: true'],
    ['skb->dev:hex', 'dev: 0xffff888000020000'],
    ['skb->sk', 'sk: 0x0'],
    ['((struct header *)(skb->head + skb->network_header))->type', 'type: 34525'],
    ['((struct header *)(skb->head + skb->network_header))->flag', 'flag: 1'],
    ['((struct header *)&skb->head[skb->network_header])->value:hex', 'value: 0x1020304'],
    ['(u64)skb->head + 1 as h:hex', 'h: 0xffff888000040001'],
    ['&skb->dev->ifindex as p', 'p: 0xffff888000020010'],
    ['(long)(&skb->dev->ifindex - (int *)skb->dev) as d', 'd: 4'],
    ['sizeof(struct sk_buff) as s, sizeof(skb->cb) as c, sizeof(u16) as u', 's: 232 c: 48 u: 2'],
    ['((struct sk_buff *)arg(0))->len as l', 'l: 1500'],
    ['arg(1) as a:hex', 'a: 0xffff888000010000'],
    ['cpu, now, pid, comm, func', 'cpu: 3 now: 123456 pid: 77 comm: curl func: symbol:ffffffff81000010'],
    ['ip4(skb)->ttl as t', 't: 0'],
    ['DOWN as d, UP as u, LOST as l, IPPROTO_ICMP as i, ETH_P_IP as e', 'd: 0 u: 6 l: -1 i: 1 e: 2048'],
    ['skb->len > 1400 && !(skb->pkt_type == 1) as big', 'big: 1'],
    ['skb->sk ? 1 : 2 as s', 's: 2'],
    ['skb->dev->name == "eth0" as n', 'n: 1'],
    ['skb->len / skb->zero as a, skb->len as b', 'b: 1500'],
    ['skb->dev->next->ifindex as a, skb->len', 'len: 1500'],
    ['skb->error->ifindex as a, skb->len', 'len: 1500'],
    ['skb->dev->numbers[skb->len] as a, skb->len', 'len: 1500'],
    ['arg(2) as a, skb->len', 'len: 1500'],
    ['tcp(skb)->value as a, skb->len', 'len: 1500'],
  ])('%s', (text, shown) => {
    expect(show(text, direct)).toBe(shown);
  });

  test.each<[string, boolean]>([
    ['skb->dev->name == "eth0"', true],
    ['skb->dev->name == "eth"', false],
    ['skb->dev->name == "eth01"', false],
    ['skb->dev->name != "eth1"', true],
    ['skb->dev->kind == "veth"', true],
    ['skb->dev->kind == "vet"', false],
    ['skb->dev->kind == "veth2"', false],
    ['skb->dev->next->name == "eth0"', false],
    ['skb->dev->next->name != "eth0"', false],
    ['!(skb->dev->next->name == "eth0")', false],
    ['!skb->dev->next', true],
    ['skb->dev->next->ifindex == 0 || skb->len == 1500', true],
    ['skb->len == 1500 || skb->dev->next->ifindex', true],
    ['skb->len == 1501 || skb->dev->next->ifindex == 0', false],
    ['!(skb->len == 1501 || skb->dev->next->ifindex == 0)', false],
    ['!(skb->len == 1501 && skb->dev->next->ifindex == 0)', true],
    ['!(skb->dev->next->ifindex == 0 && skb->len == 1501)', true],
    ['comm == "curl"', true],
    ['comm == "cur"', false],
    ['func == "ip_rcv"', true],
    ['func != "ip_rcv"', false],
    ['skb->protocol == 0x0800', true],
    ['skb->protocol == htons(ETH_P_IP)', true],
    ['ntohs(skb->protocol) == ETH_P_IP', true],
    ['skb->protocol == ntohs(0x0800)', true],
    ['(u16)skb->protocol == 8', true],
    ['(__be16)skb->network_header == 0x800', true],
    ['skb->saddr == "10.0.0.1"', true],
    ['skb->saddr == ip("10.0.0.1")', true],
    ['skb->saddr == 0x0a000001', true],
    ['(skb->saddr & 0xff000000) == 0x0a000000', true],
    ['(skb->saddr & htonl(0xff000000)) == htonl(0x0a000000)', true],
    ['skb->dev->addr == ip("fe80::1")', true],
    ['skb->dev->addr == "fe80::2"', false],
    ['skb->dev->dev_addr == mac("02:42:ac:11:00:02")', true],
    ['mac(skb->dev->dev_addr) == "02:42:ac:11:00:03"', false],
    ['ip(skb->saddr) == "10.0.0.1"', true],
    ['skb->dev->state == UP', true],
    ['skb->tiny == LOST - 4', true],
    ['skb->tiny < 1u', false],
    ['-1 < 1u', false],
    ['skb->half / 7 == -42 && skb->half % 7 == -6', true],
    ['skb->wide >> 3 == -625000000', true],
    ['skb->mark >> 4 == 0xfffffff', true],
    ['skb->dev == skb->error', false],
    ['skb->sk == 0 && !skb->sk && skb->sk == NULL', true],
    ['skb', true],
    ['1', true],
    ['0', false],
  ])('%s: %s', (text, isTrue) => {
    const about = { functionName: 'ipft_is_where', sourceFile: 'test', stackBytes: 256 };
    const { createObject } = compileCondition({ expression: parseExpression(text), text, line: 1 }, types, about);
    const { result, stackBytes } = run(createObject(direct), [SKB]);
    expect(result).toBe(isTrue ? 1 : 0);
    expect(stackBytes).toBeLessThanOrEqual(256);
    expect(run(createObject(direct), [0n]).result).toBe(0);
  });

  test('64 fields, each of which may be absent', () => {
    const wanted = Array.from({ length: 64 }, (_, index) =>
      index % 3 === 0 ? `skb->dev->ifindex as f${index}` : `skb->dev->next->ifindex as f${index}`,
    );
    const shown = wanted.flatMap((_, index) => (index % 3 === 0 ? [`f${index}: 7`] : []));
    expect(show(wanted.join(', '), direct)).toBe(shown.join(' '));
  });

  test('keep: what is left out', () => {
    const keep = (text: string) => {
      const field = { name: 'keep', text, line: 1 };
      const query = {
        fields: [{ ...parseShow('skb->len')[0]!, line: 1 }],
        functionName: 'ipft_script',
        sourceFile: 'test',
      };
      const compiled = compileFields({ ...query, keep: { ...field, expression: parseExpression(text) } }, types);
      const bytes = new Uint8Array(compiled.dataBytes);
      return run(compiled.createObject(direct), [SKB, DATA], { address: DATA, bytes }).result;
    };
    expect([keep('skb->len'), keep('skb->zero'), keep('skb->dev->next->ifindex'), keep('1'), keep('0')]).toEqual([
      0, 1, 1, 0, 1,
    ]);
  });
});

test.each<[string, RegExp]>([
  ['skb->sk->len', /neither the kernel nor a loaded module has a struct sock/],
  ['skb->dev->nam', /struct net_device has no member nam; name\?/],
  ['skb->dev->ifinde', /struct net_device has no member ifinde; ifindex\?/],
  ['skb.len', /pointer/],
  ['skb->cb->x', /no members/],
  ['skb->dev->name.x', /no members/],
  ['skb->nosuch->x', /no member nosuch/],
  ['foo', /there is no foo/],
  ['skbb', /there is no skbb/],
  ['tcp', /there is no tcp/],
  ['foo(skb)', /no function foo\(\)/],
  ['tcp_hdr(skb)->syn', /tcp_hdr\(\) is a function of the kernel's source/],
  ["skb->dev->name == 'eth0'", /single quotes are for one character/],
  ['ip4(1)', /ip4\(\) takes skb/],
  ['ip4(skb, skb)', /takes one value, and 2/],
  ['arg(6)', /from 0 to 5/],
  ['arg(skb->len)', /number of an argument/],
  ['ntohs(skb)', /pointer|number must stand/],
  ['skb->cb == 5', /the array char\[48\], and no number/],
  ['skb->cb * 2', /array/],
  ['(int)skb->cb', /array/],
  ['skb->dev->addr + 1', /struct in6_addr, and no number/],
  ['!skb->dev->addr', /struct in6_addr, and no number/],
  ['skb->len / 0', /divides by zero/],
  ['skb->len % (1 - 1)', /divides by zero/],
  ['skb->len << 32', /beyond the 32 bits/],
  ['skb->len >> -1', /beyond the 32 bits/],
  ['skb->dev->numbers[4]', /beyond the 4 elements/],
  ['skb->dev->numbers[-1]', /beyond the 4 elements/],
  ['skb->dev->name == "sixteen letters ."', /has 17 bytes/],
  [`skb->dev->kind == "${'x'.repeat(64)}"`, /63 at most/],
  ['comm == "sixteen-letters-"', /15 at most/],
  ['skb->len == "eth0"', /not compared with a text/],
  ['skb->dev->name < "a"', /compared with == and !=/],
  ['"a" == "a"', /not compared with a text/],
  ['skb->saddr == ip("10.0.0")', /is no address/],
  ['skb->saddr == ip("::1")', /not compared with an address of IPv6/],
  ['mac("x")', /is no address/],
  ['func == "nosuch"', /no function nosuch/],
  ['(struct nosuch *)skb', /neither the kernel nor a loaded module has a struct nosuch/],
  ['(struct net_devic *)skb', /struct net_devic/],
  ['(struct doubled *)skb', /ambiguous/],
  ['(nosuch_t)skb->len', /no type nosuch_t/],
  ['(struct net_device)skb->len', /a cast makes an integer or a pointer/],
  ['(enum nosuch)1', /enum nosuch/],
  ['TWICE', /ambiguous/],
  ['&skb->pkt_type', /bit-field has no address/],
  ['&1', /& takes a member/],
  ['*skb->len', /a pointer must stand here/],
  ['sizeof(skb->pkt_type)', /bit-field has no size/],
  ['sizeof(struct sock)', /struct sock/],
  ['sizeof(void)', /size of void is not known/],
  ['*(void *)skb', /no type/],
  ['skb + skb', /can't be added/],
  ['1 - skb', /subtracted/],
  ['skb == skb->len', /pointer is compared with a number/],
  ['skb->len ? skb : 1', /a pointer and a number/],
])('%s is refused', (text, message) => {
  const query = (expression: string) => {
    const [item] = parseShow(`${expression} as x`);
    return { fields: [{ ...item!, line: 1 }], functionName: 'f', sourceFile: 'test' };
  };
  let error: unknown;
  try {
    compileFields(query(text), types);
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toBeInstanceOf(ExpressionError);
  expect((error as ExpressionError).message).toMatch(message);
  expect((error as ExpressionError).at).toBeDefined();
});

test.each<[string, RegExp]>([
  ['skb->len:hexx', /hexx/],
  ['skb->len:enum', /enum needs the name of an enum/],
  ['skb->len:enum:nosuch', /enum nosuch/],
  ['skb->dev->rest', /has no length that the kernel's types tell/],
  ['skb->len:hex:hex', /no format hex:hex/],
  ['"text" as t', /same for all packets/],
  ['ip("10.0.0.1") as t', /same for all packets/],
])('%s is refused', (text, message) => {
  expect(() => show(text, undefined)).toThrow(message);
});

test('the format of an enum is called as the enum is', () => {
  const formats = (text: string) => {
    const fields = parseShow(text).map((item) => ({ ...item, line: 1 }));
    const { btf } = compileFields({ fields, functionName: 'ipft_show', sourceFile: 'test' }, types);
    return parseEventStruct(parseBtf(btf)).fields.map(({ format }) => format);
  };
  expect(formats('skb->len as a:enum:state, skb->len as b:enum_flags:status, skb->len as c:enum:state')).toEqual([
    'enum:state',
    'enum_flags:status',
    'enum:state',
  ]);
  // The same enum is another one where its values are bits.
  expect(formats('skb->len as a:enum:status, skb->len as b:enum_flags:status')[0]).toBe('enum:status');
});

test('costs: instructions and calls of each field', () => {
  const fields = parseShow('skb->len, skb->dev->ifindex as i, ip4(skb)->ttl, cpu').map((item) => ({
    ...item,
    line: 1,
  }));
  const { costs } = compileFields({ fields, functionName: 'f', sourceFile: 'test' }, types);
  const [direct, byHelper] = WAYS.map((way) => costs(way.direct));
  // A member of the skb: its address, a cast, a load and a store; or a copy by a helper.
  expect([direct![0], byHelper![0]]).toEqual([
    { instructions: 6, calls: 0 },
    { instructions: 6, calls: 1 },
  ]);
  expect(direct!.map(({ calls }) => calls)).toEqual([0, 0, 0, 1]);
  expect(byHelper!.map(({ calls }) => calls)).toEqual([1, 2, 1, 1]);
});

test('too many fields, and fields that are too large', () => {
  const many = Array.from({ length: 65 }, (_, index) => `skb->len as f${index}`).join(', ');
  expect(() => show(many, undefined)).toThrow(/65 fields, and there may be 64/);
  const large = Array.from({ length: 17 }, (_, index) => `skb->dev->kind as f${index}`).join(', ');
  expect(() => show(large, undefined)).toThrow(/with f15 the fields have 1048 bytes, and all together may have 1024/);
});

/** C's arithmetic once more, written apart from the checker's. */
interface CValue {
  readonly text: string;
  readonly value: bigint;
  readonly bits: 32 | 64;
  readonly isSigned: boolean;
}
const wrap = (value: bigint, bits: number, isSigned: boolean) =>
  isSigned ? BigInt.asIntN(bits, value) : BigInt.asUintN(bits, value);
const leaf: fc.Arbitrary<CValue> = fc.oneof(
  fc.constantFrom(...Object.entries(NUMBERS)).map(([name, [, bytes, type, value]]): CValue => {
    const isSigned = bytes < 4 || !type.startsWith('unsigned');
    return { text: `skb->${name}`, value, bits: bytes === 8 ? 64 : 32, isSigned };
  }),
  fc
    .integer({ min: 0, max: 0x7fffffff })
    .map((value): CValue => ({ text: `${value}`, value: BigInt(value), bits: 32, isSigned: true })),
  fc
    .bigInt({ min: 0n, max: (1n << 64n) - 1n })
    .map((value): CValue => ({ text: `${value}UL`, value, bits: 64, isSigned: false })),
);
function combine(operator: string, a: CValue, b: CValue): CValue {
  const text = `(${a.text} ${operator} ${b.text})`;
  const of = (value: bigint, bits: 32 | 64 = 32, isSigned = true): CValue => ({
    text,
    bits,
    isSigned,
    value: wrap(value, bits, isSigned),
  });
  if (operator === '<<' || operator === '>>') {
    const count = b.value & BigInt(a.bits - 1);
    const shift = `(${a.text} ${operator} (${b.text} & ${a.bits - 1}))`;
    return { ...of(operator === '<<' ? a.value << count : a.value >> count, a.bits, a.isSigned), text: shift };
  }
  if (operator === '&&' || operator === '||') {
    const [x, y] = [a.value !== 0n, b.value !== 0n];
    return of((operator === '&&' ? x && y : x || y) ? 1n : 0n);
  }
  const bits = a.bits === 64 || b.bits === 64 ? 64 : 32;
  const isSigned = ![a, b].some((one) => one.bits === bits && !one.isSigned);
  const [x, y] = [wrap(a.value, bits, isSigned), wrap(b.value, bits, isSigned)];
  const truth = (is: boolean) => of(is ? 1n : 0n);
  switch (operator) {
    case '+':
      return of(x + y, bits, isSigned);
    case '-':
      return of(x - y, bits, isSigned);
    case '*':
      return of(x * y, bits, isSigned);
    case '&':
      return of(x & y, bits, isSigned);
    case '|':
      return of(x | y, bits, isSigned);
    case '^':
      return of(x ^ y, bits, isSigned);
    case '/':
    case '%': {
      // Never by zero.
      const divisor = `(${b.text} | 1)`;
      const by = wrap(wrap(b.value, b.bits, b.isSigned) | 1n, bits, isSigned);
      return { ...of(operator === '/' ? x / by : x % by, bits, isSigned), text: `(${a.text} ${operator} ${divisor})` };
    }
    case '<':
      return truth(x < y);
    case '>=':
      return truth(x >= y);
    case '==':
      return truth(x === y);
    default:
      return truth(x !== y);
  }
}
const { tree } = fc.letrec<{ tree: CValue }>((tie) => ({
  tree: fc.oneof(
    { depthSize: 'medium', withCrossShrink: true },
    leaf,
    fc
      .tuple(
        fc.constantFrom('+', '-', '*', '/', '%', '&', '|', '^', '<<', '>>', '<', '>=', '==', '!=', '&&', '||'),
        tie('tree'),
        tie('tree'),
      )
      .map(([operator, a, b]) => combine(operator, a, b)),
    fc.tuple(fc.constantFrom('-', '~', '!'), tie('tree')).map(([operator, of]): CValue => {
      const text = `(${operator}${of.text})`;
      if (operator === '!') return { text, value: of.value === 0n ? 1n : 0n, bits: 32, isSigned: true };
      return { ...of, text, value: wrap(operator === '-' ? -of.value : ~of.value, of.bits, of.isSigned) };
    }),
    fc
      .tuple(fc.constantFrom('u8', 's8', 'u16', 's16', 'u32', 's32', 'u64', 's64'), tie('tree'))
      .map(([type, of]): CValue => {
        const width = Number(type.slice(1));
        const value = wrap(of.value, width, type.startsWith('s'));
        return {
          text: `(${type})${of.text}`,
          value,
          bits: width === 64 ? 64 : 32,
          isSigned: width < 32 || type.startsWith('s'),
        };
      }),
    fc.tuple(tie('tree'), leaf, leaf).map(([condition, a, b]): CValue => {
      const bits = a.bits === 64 || b.bits === 64 ? 64 : 32;
      const isSigned = ![a, b].some((one) => one.bits === bits && !one.isSigned);
      const text = `(${condition.text} ? +${a.text} : +${b.text})`;
      return { text, bits, isSigned, value: wrap(condition.value === 0n ? b.value : a.value, bits, isSigned) };
    }),
  ),
}));

test.each(WAYS)('arithmetic is that of C, $name', ({ direct }) => {
  fc.assert(
    fc.property(tree, ({ text, value }) => {
      // A dividend or a divisor may be constant, and the whole then, too.
      const shown = show(`(s64)${text} as x`, direct);
      expect(shown).toBe(`x: ${BigInt.asIntN(64, value)}`);
    }),
    { numRuns: 2000 },
  );
});
