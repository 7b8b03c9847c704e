import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ExpressionError } from '../base/expression-error.js';
import type { Expression } from './ast.js';
import { parseExpression, parseShow } from './parse.js';

/** A tree as text, with brackets around all that has parts. */
function print(node: Expression): string {
  switch (node.kind) {
    case 'number':
      return `${node.value}`;
    case 'text':
      return JSON.stringify(node.value);
    case 'name':
      return node.name;
    case 'member':
      return `${print(node.of)}${node.access === 'arrow' ? '->' : '.'}${node.name}`;
    case 'index':
      return `${print(node.of)}[${print(node.index)}]`;
    case 'call':
      return `${node.name}(${node.given.map(print).join(', ')})`;
    case 'cast': {
      const { keyword, name, module, pointers } = node.type;
      return `{${[keyword, name].filter(Boolean).join(' ')}${module === undefined ? '' : `@${module}`}${'*'.repeat(pointers)}}${print(node.of)}`;
    }
    case 'sizeof':
      return `sizeof ${'pointers' in node.of ? node.of.name : print(node.of)}`;
    case 'unary':
      return `(${node.operator}${print(node.of)})`;
    case 'binary':
      return `(${print(node.left)} ${node.operator} ${print(node.right)})`;
    case 'conditional':
      return `(${print(node.condition)} ? ${print(node.then)} : ${print(node.otherwise)})`;
    case 'coalesce':
      return `(${print(node.left)} ?? ${print(node.right)})`;
    case 'absent':
      return 'absent';
  }
}

test.each([
  ['skb->dev->name', 'skb->dev->name'],
  ['1 + 2 * 3 - 4', '((1 + (2 * 3)) - 4)'],
  [
    'a || b && c | d ^ e & f == g < h << i + j * k',
    '(a || (b && (c | (d ^ (e & (f == (g < (h << (i + (j * k))))))))))',
  ],
  ['a - b - c', '((a - b) - c)'],
  ['!a.b[1]->c', '(!a.b[1]->c)'],
  ['*p + -1', '((*p) + (-1))'],
  ['&skb->cb[0]', '(&skb->cb[0])'],
  [
    '((struct tcphdr *)(skb->head + skb->transport_header))->syn',
    '{struct tcphdr*}(skb->head + skb->transport_header)->syn',
  ],
  ['(struct nf_conn@nf_conntrack *)x', '{struct nf_conn@nf_conntrack*}x'],
  ['(u32)x', '{u32}x'],
  ['(unsigned long)x & 7', '({unsigned long}x & 7)'],
  ['(const char *)x', '{char*}x'],
  ['(skb_frag_t *)x', '{skb_frag_t*}x'],
  ['(x) - 1', '(x - 1)'],
  ['(x) & 1', '(x & 1)'],
  ['(__be16)x', '{__be16}x'],
  ['sizeof(struct sk_buff)', 'sizeof sk_buff'],
  ['sizeof skb->cb + 1', '(sizeof skb->cb + 1)'],
  ['sizeof(skb->cb)', 'sizeof skb->cb'],
  ['a ? b : c ? d : e', '(a ? b : (c ? d : e))'],
  ['ntohs(tcp(skb)->dest)', 'ntohs(tcp(skb)->dest)'],
  ['"a\\"b\\n\\x41" == x', '("a\\"b\\nA" == x)'],
  ["'a' + '\\n' + '\\xff'", '((97 + 10) + -1)'],
  ['0x10 + 010 + 0b11 + 10', '(((16 + 8) + 3) + 10)'],
])('parseExpression: %s', (text, printed) => {
  expect(print(parseExpression(text))).toBe(printed);
});

test.each([
  ['2147483647', 'int'],
  ['2147483648', 'long'],
  ['0x80000000', 'unsigned int'],
  ['0xffffffffffffffff', 'unsigned long'],
  ['18446744073709551615', 'unsigned long'],
  ['1u', 'unsigned int'],
  ['1L', 'long'],
  ['1ull', 'unsigned long'],
])('parseExpression: the type of %s is %s', (text, type) => {
  expect(parseExpression(text)).toMatchObject({ kind: 'number', type });
});

test.each<[string, RegExp, number | undefined]>([
  ['', /empty/, 0],
  ['skb->', /name of a member/, 5],
  ['skb->len >', /ends too early/, 10],
  ['skb->len = 5', /= can't stand here/, 9],
  ['(skb', /\) is missing/, 4],
  ['skb->cb[1', /\] is missing/, 9],
  ['a ? b', /: is missing/, 5],
  ['a b', /b can't stand here/, 2],
  ['09', /no number/, 0],
  ['1.5', /no number/, 0],
  ['12x', /no number/, 0],
  ['0x10000000000000000', /does not fit/, 0],
  ['"abc', /not closed/, 0],
  ["''", /quote/, 0],
  ["'ab'", /quote|character/, 0],
  ['a # b', /'#' has no meaning/, 2],
  ['(struct *)x', /name of a struct/, 8],
  ['(struct a@ *)x', /name of a kernel module/, 11],
  ['"\\xff"', /no character/, 0],
  ['('.repeat(200), /nested too deep/, undefined],
  ['!'.repeat(200), /nested too deep/, undefined],
  ['1'.repeat(70_000), /characters/, undefined],
  ['1+'.repeat(5000), /too long/, undefined],
])('parseExpression: %s is refused with its place', (text, message, from) => {
  let error: unknown;
  try {
    parseExpression(text);
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toBeInstanceOf(ExpressionError);
  expect((error as ExpressionError).message).toMatch(message);
  if (from !== undefined) expect((error as ExpressionError).at?.from).toBe(from);
});

test('parseShow: names, formats, and commas outside of brackets only', () => {
  const text =
    'skb->dev->name, skb->mark as m:hex, ntohs(tcp(skb)->dest), (a ? b : c) as d:enum:tcp_state, cpu, arg(2), x->y[3]';
  const items = parseShow(text);
  expect(items.map(({ name, format, text }) => [name, format?.text, text])).toEqual([
    ['name', undefined, 'skb->dev->name'],
    ['m', 'hex', 'skb->mark'],
    ['dest', undefined, 'ntohs(tcp(skb)->dest)'],
    ['d', 'enum:tcp_state', '(a ? b : c)'],
    ['cpu', undefined, 'cpu'],
    ['arg2', undefined, 'arg(2)'],
    ['y', undefined, 'x->y[3]'],
  ]);
});

test.each([
  ['1 + 2', /needs a name/],
  ['skb->len as', /a name must stand behind as/],
  ['skb->len:', /a format must stand/],
  ['skb->len,', /ends too early/],
  [', skb->len', /, can't stand here/],
])('parseShow: %s is refused', (text, message) => {
  expect(() => parseShow(text)).toThrow(message);
});

test('parseExpression: whatever the words, a tree or an ExpressionError', () => {
  const word = fc.constantFrom(
    ...['skb', '->', '.', 'len', '(', ')', '[', ']', '1', '0x7f', '"a"', "'c'", '+', '-', '*', '/', '%', '&', '&&'],
    ...[
      '|',
      '||',
      '^',
      '~',
      '!',
      '<',
      '<<',
      '==',
      '?',
      ':',
      ',',
      'struct',
      'u32',
      'sizeof',
      'as',
      '@',
      'tcp',
      'é',
      '#',
    ],
  );
  fc.assert(
    fc.property(fc.array(word, { maxLength: 30 }), (words) => {
      for (const parse of [parseExpression, parseShow]) {
        try {
          parse(words.join(' '));
        } catch (error) {
          if (!(error instanceof ExpressionError)) throw error;
        }
      }
    }),
    { numRuns: 3000 },
  );
});
