import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { writeExpression } from '../../../../tests/support/written-expression.js';
import { compileFunction } from './compile.js';
import { Linker } from './linker.js';
import { findExtension } from './placeholders.js';
import { Problem } from './problem.js';

const dir = mkdtempSync(join(tmpdir(), 'ipft-compile-'));
afterAll(() => rmSync(dir, { recursive: true }));
let count = 0;

const HEAD =
  "import { extension, arg, cast, comm, cpu, func, icmp, ip, ip4, ip6, mac, now, ntohs, pid, sizeof, tcp, u64, udp, TCP_ESTABLISHED, type sk_buff } from 'ipft/extension';\n";

/** Compiles the field f. @param before the lines before it */
async function compile(field: string, before = '', suffix = '.ts') {
  const path = join(dir, `${count++}${suffix}`);
  writeFileSync(path, `${HEAD}${before}\nexport default extension({ fields: { f: ${field} } });\n`);
  const linker = new Linker();
  const { module, exports } = await linker.load(path);
  const { spec } = findExtension(exports['default'])!;
  const { f } = (spec as { fields: Record<string, unknown> }).fields;
  const { node } = compileFunction(linker.world, f, { module, what: 'f' });
  return { node, text: module.syntax.text };
}

const written = async (field: string, before?: string) => writeExpression((await compile(field, before)).node);

test.each([
  ['(skb) => skb.dev.name', 'skb.dev.name'],
  ['(skb) => skb.dev?.name', 'skb.dev.name'],
  ["(skb) => skb['dev'].name", 'skb.dev.name'],
  ['(skb: sk_buff): string => skb.dev!.name as string', 'skb.dev.name'],
  ['function (packet) { return packet.len; }', 'skb.len'],
  ['(skb) => { const { len, dev: { name } } = skb; return len; }', 'skb.len'],
  ['(skb) => skb.len === 3', '(skb.len == 3)'],
  ['(skb) => skb.len !== 0x10', '(skb.len != 16)'],
  ['(skb) => skb.hash & 0xffff_ffff', '(skb.hash & 4294967295:unsigned int)'],
  ['(skb) => skb.hash & 4294967295', '(skb.hash & 4294967295:long)'],
  ['(skb) => skb._nfct & ~7', '(skb._nfct & -8)'],
  ['(skb) => skb._nfct & 0xffff_ffff_ffff_fff8n', '(skb._nfct & 18446744073709551608:unsigned long)'],
  ['(skb) => skb._nfct & u64(~7n & 0xffffn)', '(skb._nfct & 65528)'],
  ['(skb) => -skb.len + +skb.len - ~skb.len', '((-skb.len + +skb.len) - ~skb.len)'],
  ['(skb) => 2 * 3 + skb.len % 4', '(6 + (skb.len % 4))'],
  ['(skb) => skb.len << 2 >> 1 | 1 ^ skb.mark', '(((skb.len << 2) >> 1) | (1 ^ skb.mark))'],
  ['(skb) => !skb.sk', '!skb.sk'],
  ['(skb) => !!skb.sk && !!skb.dev', '(!!skb.sk && !!skb.dev)'],
  ['(skb) => skb.sk && skb.sk.sk_err === 1', '(skb.sk && (skb.sk.sk_err == 1))'],
  ['(skb) => skb.sk && skb.sk.sk_err', '(skb.sk ? skb.sk.sk_err : absent)'],
  ['(skb) => skb.sk === null ? 1 : 0', '((skb.sk == 0) ? 1 : 0)'],
  ['(skb) => skb.sk.sk_err ?? -1', '(skb.sk.sk_err ?? -1)'],
  ['(skb) => skb.len > 5 ? skb.len : undefined', '((skb.len > 5) ? skb.len : absent)'],
  ['(skb) => (skb.len > 5 || skb.mark < 3 ? 1 : 2)', '(((skb.len > 5) || (skb.mark < 3)) ? 1 : 2)'],
  ["(skb) => skb.dev.name === 'eth0'", '(skb.dev.name == "eth0")'],
  ['(skb) => skb.cb[3]', 'skb.cb[3]'],
  ['(skb) => skb.head[skb.network_header + 8]', 'skb.head[(skb.network_header + 8)]'],
  ['(skb) => tcp(skb).syn', 'tcp(skb).syn'],
  ["(skb) => ip4(skb).saddr === ip('10.0.0.1')", '(ip4(skb).saddr == ip("10.0.0.1"))'],
  ['(skb) => ntohs(skb.protocol)', 'ntohs(skb.protocol)'],
  ['() => cpu', 'cpu'],
  ['() => [now, pid, comm, func].length', '4'],
  ['() => arg(1)', 'arg(1)'],
  ['(skb) => skb.sk.__sk_common.skc_state === TCP_ESTABLISHED', '(skb.sk.__sk_common.skc_state == TCP_ESTABLISHED)'],
  [
    "(skb) => cast('struct tcphdr', skb.head + skb.transport_header).syn",
    '<struct tcphdr*>(skb.head + skb.transport_header).syn',
  ],
  [
    "(skb) => cast('struct nf_conn@nf_conntrack *', skb._nfct & ~7).status",
    '<struct nf_conn@nf_conntrack*>(skb._nfct & -8).status',
  ],
  ["(skb) => cast('u8', skb.len)", '<u8>skb.len'],
  ["(skb) => cast('u32 *', skb.head)[0]", '<u32*>skb.head[0]'],
  ["() => sizeof('struct tcphdr')", 'sizeof(struct tcphdr)'],
  ['(skb) => sizeof(skb.cb)', 'sizeof(skb.cb)'],
  ['(skb) => [80, 443].includes(tcp(skb).dest)', '((tcp(skb).dest == 80) || (tcp(skb).dest == 443))'],
  ['(skb) => Math.min(skb.len, 100)', '((skb.len < 100) ? skb.len : 100)'],
  ['(skb) => Number(skb.len) + Math.max(1, 7)', '(skb.len + 7)'],
  ['(skb) => Boolean(skb.sk)', '!!skb.sk'],
  ['() => true', '1'],
  ['() => undefined', 'absent'],
  ['() => `a text`', '"a text"'],
] as const)('%s', async (field, expected) => {
  expect(await written(field)).toBe(expected);
});

test.each([
  [
    'an early return',
    '(skb) => { if (!skb.sk) return undefined; const { sk } = skb; return sk.sk_err; }',
    '(!skb.sk ? absent : skb.sk.sk_err)',
  ],
  [
    'a variable that a condition sets',
    '(skb) => { let size = 0; if (skb.len > 5) size = skb.len; else if (skb.mark) size += 7; return size + 1; }',
    '(((skb.len > 5) ? skb.len : (skb.mark ? 7 : 0)) + 1)',
  ],
  ['a condition that is known', '(skb) => { if (1 < 2) return skb.len; return skb.mark; }', 'skb.len'],
  [
    'a loop with a bound',
    '(skb) => { let sum = 0; for (let i = 0; i < 3; i++) sum += skb.cb[i]; return sum; }',
    '(((0 + skb.cb[0]) + skb.cb[1]) + skb.cb[2])',
  ],
  [
    'a loop that is left',
    '(skb) => { for (let i = 0; i < 3; i++) { if (skb.cb[i] === 0) return i; } return -1; }',
    '((skb.cb[0] == 0) ? 0 : ((skb.cb[1] == 0) ? 1 : ((skb.cb[2] == 0) ? 2 : -1)))',
  ],
  [
    'break and continue',
    '(skb) => { let n = 0; for (const i of [0, 1, 2]) { if (i === 1) continue; if (skb.cb[i] === 0) break; n++; } return n; }',
    '((skb.cb[0] == 0) ? 0 : ((skb.cb[2] == 0) ? 1 : 2))',
  ],
  ['while', '(skb) => { let i = 4; while (i > 2) i--; return skb.len + i; }', '(skb.len + 2)'],
  [
    'switch, with cases that share a body, and a default',
    '(skb) => { switch (ip4(skb).protocol) { case 6: return 1; case 17: case 132: return 2; default: return 0; } }',
    '((ip4(skb).protocol == 6) ? 1 : ((ip4(skb).protocol == 17) ? 2 : ((ip4(skb).protocol == 132) ? 2 : 0)))',
  ],
  [
    'a function within',
    '(skb) => { const twice = (x: number) => x * 2; return twice(twice(skb.len)); }',
    '((skb.len * 2) * 2)',
  ],
])('%s', async (_, field, expected) => {
  expect(await written(field)).toBe(expected);
});

test('constants of the file have the values that its code gives them, and its functions are followed', async () => {
  const before = `
    const MASK = (1 << 4) - 1, PORTS = [53, 5353], KIND = { dns: PORTS[0]! } as const, LATER = Number('7');
    const isPort = (skb: sk_buff, ports: readonly number[]) => ports.includes(udp(skb).dest);
    function masked(value: number, mask = MASK) { return value & mask; }`;
  expect(await written('(skb) => masked(skb.mark) + KIND.dns + LATER', before)).toBe('(((skb.mark & 15) + 53) + 7)');
  expect(await written('(skb) => isPort(skb, PORTS)', before)).toBe(
    '((udp(skb).dest == 53) || (udp(skb).dest == 5353))',
  );
  expect(await written('masked', 'function masked(skb: sk_buff) { return skb.mark; }')).toBe('skb.mark');
});

test('nodes name their place in the file', async () => {
  const { node, text } = await compile('(skb) => skb.dev.nam + 1');
  const quote = ({ from, to }: { from: number; to: number }) => text.slice(from, to);
  expect(quote(node.at)).toBe('skb.dev.nam + 1');
  if (node.kind !== 'binary' || node.left.kind !== 'member') throw new Error(node.kind);
  expect([quote(node.operatorAt), quote(node.left.nameAt), quote(node.left.of.at)]).toEqual(['+', 'nam', 'skb.dev']);
});

/** What can't be compiled: the place that is named, the message, and what to write instead. */
test.each([
  ['async (skb) => skb.len', 'async (skb) => skb.len', /nothing can be waited for/, /leave it out/],
  [
    '(skb) => { for (let i = 0; i < skb.len; i++) {} return 1; }',
    'i < skb.len',
    /depends on the packet/,
    /a bound that is known/,
  ],
  [
    '(skb) => { for (const x of skb.cb) {} return 1; }',
    'skb.cb',
    /a loop over what is not known/,
    /an array that is written out/,
  ],
  ['(skb) => { while (true) {} }', 'while (true) {}', /more than 100 rounds/, /smaller bound/],
  ['(skb) => { do { } while (skb.len); }', 'do { } while (skb.len);', /do … while/, /a loop with for/],
  ['(skb) => { for (const k in skb) {} }', 'for (const k in skb) {}', /for … in/, /for \(const one of/],
  ['(skb) => fetch(skb.len)', 'fetch', /no fetch in the kernel/, /import it/],
  ['(skb) => outside', 'outside', /outside is not constant/, /const outside/],
  ['(skb) => lenght', 'lenght', /no lenght/, /length\?/],
  ['(skb) => skb.dev.name.startsWith("e")', 'skb.dev.name.startsWith("e")', /startsWith/, /===/],
  ['(skb) => skb.dev.foo()', 'skb.dev.foo()', /can't be called/, /functions of this file/],
  ['(skb) => new Map()', 'new Map()', /no objects in the kernel/, /top of the file/],
  ['(skb) => `a$' + '{skb.len}`', '`a$' + '{skb.len}`', /text that is put together/, /show/],
  ['(skb) => /a/', '/a/', /regular expression/, /show/],
  [
    '(skb) => { try { return 1; } catch { return 2; } }',
    'try { return 1; } catch { return 2; }',
    /nothing is thrown/,
    /\?\?/,
  ],
  ['(skb) => { throw new Error(); }', 'throw new Error();', /nothing is thrown/, /return undefined/],
  ['(skb) => { skb.mark = 1; return 1; }', 'skb.mark', /is to be set/, /its own variables/],
  ['(skb) => { remembered++; return 1; }', 'remembered', /remembered is not constant/, /const remembered/],
  ['(skb) => { const x = 1; x = 2; return x; }', 'x', /x is a const/, /let x/],
  ['(skb) => { console.log(skb.len); return 1; }', 'console.log(skb.len)', /nothing is printed/, /make it a field/],
  ['(skb) => { skb.len; return 1; }', 'skb.len', /is not used/, /return it/],
  ['(skb) => skb.len >>> 1', 'skb.len >>> 1', />>>/, />>/],
  ['(skb) => skb.len * 1.5', '1.5', /no integer/, /integers only/],
  ['(skb) => skb.len + HALF', 'HALF', /no integer/, /an integer/],
  ['(skb) => 9007199254740993', '9007199254740993', /exactly/, /u64\(9007199254740993n\)/],
  ['(skb) => skb.len / 0 + 1 / 0', '1 / 0', /division by zero/, undefined],
  ['(skb) => 1 << 64', '1 << 64', /a shift by 64 bits/, undefined],
  ['(skb) => skb.dev.ifindex === undefined', 'skb.dev.ifindex === undefined', /undefined/, /null/],
  ['(skb) => skb.len || skb.mark', 'skb.len || skb.mark', /\|\| between values/, /\?\?/],
  ['(skb, x) => skb.len', 'x', /read from one thing/, /\(skb\) =>/],
  ['(skb) => ({ a: skb.len })', '{ a: skb.len }', /an array or an object/, /a number, a text/],
  ['(skb) => [1, 2][skb.len]', '[1, 2][skb.len]', /not known before the packet/, /a condition for each/],
  ['(skb) => (skb.len ? [1] : [2])', 'skb.len ? [1] : [2]', /depends on the packet/, /numbers or texts/],
  ['(skb) => cast(skb.dev.name, skb)', 'cast(skb.dev.name, skb)', /the name of a type/, /cast\('struct nf_conn', x\)/],
  ["(skb) => cast('struct *', skb)", "'struct *'", /no name of a type/, /as in/],
  ['(skb) => typeof skb', 'typeof skb', /typeof/, /the type that the kernel gives it/],
  ['(skb) => endless(skb)', 'endless(x)', /call each other without end/, undefined],
  [
    '(skb) => { let x = skb.len; for (let i = 0; i < 40; i++) x = x + x; return x; }',
    'x + x',
    /too large|too deep/,
    /several fields/,
  ],
  ['(skb) => this.x', 'this', /no object/, undefined],
  ['(skb) => eval("1")', 'eval', /no eval in the kernel/, undefined],
  ['(skb) => KIND.dsn', 'dsn', /no dsn/, /dns\?/],
  ['(skb) => Math.sqrt(skb.len)', 'Math.sqrt(skb.len)', /Math\.sqrt/, /Math\.min/],
] as const)('%s is refused', async (field, place, message, hint) => {
  const before = `let outside = 1, remembered = 1; const length = 1, HALF = 0.5, KIND = { dns: 1 };
    const endless = (x: unknown): unknown => endless(x);`;
  const problem = await compile(field, before).then(
    ({ node }) => expect.fail(writeExpression(node)),
    (error: unknown) => error,
  );
  if (!(problem instanceof Problem)) throw problem;
  expect(problem.message).toMatch(message);
  if (hint) expect(problem.hint).toMatch(hint);
  expect(problem.source?.text.slice(problem.span?.start, problem.span?.end)).toBe(place);
});

test('a function that closes over a variable of a loop is refused, by the name of the variable', async () => {
  const before = 'const made = []; for (const port of [80, 443]) made.push((skb: sk_buff) => tcp(skb).dest === port);';
  await expect(compile('made[0]', before)).rejects.toMatchObject({
    message: expect.stringMatching(/^port is a variable of the code around the function/),
    hint: expect.stringMatching(/const at the top of the file/),
  });
});

test('what is no function of a file is refused', async () => {
  for (const field of ['5', 'Math.max', '((skb) => skb.len).bind(null)', 'tcp'])
    await expect(compile(field)).rejects.toMatchObject({ message: expect.stringMatching(/^f is no function/) });
});

/** Pieces that functions are made of, and some that can't be. */
const PIECES = [
  ...[
    'skb',
    'skb.len',
    'skb.dev.name',
    '.dev',
    '?.',
    '(',
    ')',
    '{',
    '}',
    '[',
    ']',
    ';',
    ',',
    '=>',
    '=',
    '+',
    '*',
    '<',
    '>>>',
  ],
  ...[
    '===',
    '&&',
    '||',
    '!',
    '??',
    '?',
    ':',
    '1',
    '0',
    '0x7',
    '-1',
    '1.5',
    "'a'",
    '`b`',
    'let x =',
    'const y =',
    'x',
    'y',
    'if',
  ],
  ...[
    '(skb) =>',
    'else',
    'for (let i = 0; i < 3; i++)',
    'for (const z of [1, 2])',
    'z',
    'i',
    'return',
    'break',
    'continue',
    'switch',
  ],
  ...[
    'case',
    'tcp(skb)',
    'cast(',
    'sizeof(',
    'ip(',
    'undefined',
    'null',
    'as any',
    'x++',
    'function f()',
    'await',
    '...',
    '/a/',
  ],
];

test('whatever text stands in the place of a function, it is compiled or refused with a sentence', {
  timeout: 60_000,
}, async () => {
  const text = fc.array(fc.constantFrom(...PIECES), { maxLength: 14 }).map((pieces) => pieces.join(' '));
  await fc.assert(
    fc.asyncProperty(text, async (body) => {
      try {
        await compile(`(skb) => { ${body} }`);
      } catch (error) {
        expect(error).toBeInstanceOf(Problem);
      }
    }),
    { numRuns: 1000 },
  );
});
