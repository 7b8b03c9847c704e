import { execFileSync, spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { UsageError } from '../base/errors.js';
import { parsePattern } from './pattern.js';

const matches = (pattern: string, name: string) => parsePattern('-r', pattern).regExp.test(name);

test.each([
  '^(?!__)',
  '^(ip|tcp)_',
  '(?<n>a)\\k<n>',
  '(a)?\\1b',
  '[[]',
  '[^]',
  'a{,3}',
  '\\u0041',
  '[\\w-]+',
  'x{2}',
  '\\-',
])("parsePattern: JavaScript's %s stays as it is", (text) => {
  expect(parsePattern('-r', text).regExp.source).toBe(new RegExp(text).source);
});

test.each([
  ['[[:digit:]]', 'ip6_rcv', 'ip_rcv'],
  ['[[:^alnum:]_]b', 'a_b', 'ab'],
  ['^[[:alpha:]_]+$', 'ip_rcv', 'ip6_rcv'],
  ['(?i)^IP_', 'ip_rcv', 'tcp_rcv'],
  ['(?i)[^A-Y]', 'z', 'y'],
  ['ip(?i:_RCV)$', 'ip_rcv', 'IP_rcv'],
  ['^(?:a(?i)b|c)$', 'C', 'A'],
  ['\\Aip\\z', 'ip', 'ip_'],
  ['_rcv\\Z', 'ip_rcv', 'ip_rcv_'],
  ['^ip(?# a comment )_', 'ip_rcv', 'ip#_'],
  ['(?x) ^ip   _ # words\n rcv', 'ip_rcv', 'ip _rcv'],
  ['^\\w*+$', 'ip_rcv', 'ip-rcv'],
  ['^(?P<word>[a-z]+)_(?P=word)$', 'ip_ip', 'ip_tcp'],
  ['^\\Qa.b\\E+$', 'a.bb', 'axb'],
  ['^(?>a+|b)c', 'aac', 'abc'],
  ['^ip_\\Krcv', 'ip_rcv', 'rcv'],
  ['^\\x{69}p', 'ip', 'x'],
  ['^(a)(?>b+)(c)\\g{-1}\\g1$', 'abcca', 'abcac'],
  ['^a{2}{2}$', 'aaaa', 'aaa'],
  ['^\\p{Ll}+$', 'abc', 'aBc'],
  ['^\\H\\N\\h$', 'ab ', 'abc'],
  ['(?s)^a.b(?-s)$', 'a\nb', 'ab'],
  ['(?m)^b$', 'a\nb', 'ab'],
])("parsePattern: Perl's %s matches %j, not %j", (pattern, name, other) => {
  expect(matches(pattern, name)).toBe(true);
  expect(matches(pattern, other)).toBe(false);
});

test('parsePattern: what has one meaning in Perl and another here does not match what Perl does not match', () => {
  expect(matches('^a++a$', 'aaa')).toBe(false);
  expect(matches('^(?>a|ab)c$', 'abc')).toBe(false);
});

test.each([
  ['(', /^-r '\(': unterminated group$/],
  ['[:digit:]', /within another pair of brackets: \[\[:digit:\]\]$/],
  ['[[:nothing:]]', /\[:nothing:\] is not known/],
  ['[[.a.]]', /\[\.a\.\] is not known/],
  ['[]a]', /write \[\\\]$/],
  ['(?R)', /recursion/],
  ['(?1)', /recursion/],
  ['(a)?(?>b)\\1', /may not have matched/],
  ['(?>b)\\1', /a group that there is not/],
  ['(?(1)a|b)', /condition/],
  ['(*ACCEPT)', /Perl's matching/],
  ['(?<=a++)b', /lookbehind/],
  ['(?n)a', /flag n/],
  ['\\Xa', /can't be translated/],
  ['\\p{Nothing}', /property/],
  ['(?#', /no end/],
  ['[z-a]', /out of order/],
  ['\x1b[', /^-r '\\x1b\[': /],
])('parsePattern: %s is refused', (pattern, message) => {
  expect(() => parsePattern('-r', pattern)).toThrow(UsageError);
  expect(() => parsePattern('-r', pattern)).toThrow(message);
});

/** Patterns of what both dialects have, or only Perl. */
const piece = fc.letrec<{ pattern: string; atom: string }>((tie) => ({
  atom: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom(
      ...'abAB1_',
      '.',
      '\\w',
      '\\d',
      '\\h',
      '\\H',
      '\\N',
      '\\x{61}',

      '(?#b)a',
      '\\061',
      '\\R',
    ),
    fc.constantFrom('[[:digit:]]', '[[:^digit:]]', '[a[:upper:]_]', '[^[:punct:]]', '[\\x{41}-C]', '[^a-b\\h]'),
    fc.constantFrom('\\A', '\\z', '\\Z', '^', '$', '\\b', '(?=a)', '(?!b)', '(?<=a)', '(?<!1)', '\\K', '\\G'),
    fc
      .tuple(
        fc.constantFrom(
          '(',
          '(?:',
          '(?>',
          '(?i:',
          '(?-i:',
          '(?s:',
          '(?m:',
          '(?x: ',
          '(?=',
          '(?!',
          '(?|',
          '(?i)(',
          '(?^:',
        ),
        tie('pattern'),
      )
      .map(([open, inner]) => `${open}${inner})`),
  ),
  pattern: fc
    .array(
      fc.tuple(tie('atom'), fc.constantFrom('', '', '', '*', '+', '?', '*+', '++', '?+', '{2}', '{1,2}+', '??', '*?')),
      { maxLength: 4 },
    )
    .chain((parts) =>
      fc
        .constantFrom('', '', '|', '(?i)', '(?x) ')
        .map((between) => parts.map(([atom, quantifier]) => `${atom}${quantifier}`).join(between)),
    ),
}));
const NAMES = [
  '',
  'a',
  'b',
  'A',
  '1',
  'aa',
  'ab',
  'ba',
  'aB',
  'a1b',
  'aab',
  'abab',
  'a.b',
  'a b',
  'b\na',
  '_a',
  'AAB',
  '1a_b',
];
const hasPerl = spawnSync('perl', ['-v']).status === 0;

/** What the real Perl says of each pattern and name: `1`, `0`, or nothing for a pattern that it refuses. */
function askPerl(patterns: readonly string[]): string[] {
  const program = [
    'no warnings; use re; chomp(my $line = <STDIN>); my @names = map { pack "H*", $_ } split /,/, $line, -1;',
    'while (<STDIN>) { chomp; my $text = pack "H*", $_; my $re = eval { qr/$text/ };',
    'print defined $re ? join("", map { $_ =~ $re ? 1 : 0 } @names) : "", "\\n"; }',
  ].join(' ');
  const hex = (text: string) => Buffer.from(text).toString('hex');
  const input = [NAMES.map(hex).join(','), ...patterns.map(hex), ''].join('\n');
  return execFileSync('perl', ['-e', program], { input, encoding: 'latin1' }).split('\n');
}

test.skipIf(!hasPerl)('parsePattern: what is translated matches what Perl matches', () => {
  const patterns = fc.sample(piece.pattern, { numRuns: 4000, seed: 14 });
  const answers = askPerl(patterns);
  let compared = 0;
  for (const [index, pattern] of patterns.entries()) {
    const answer = answers[index];
    let regExp: RegExp;
    try {
      ({ regExp } = parsePattern('-r', pattern));
    } catch (error) {
      expect(error).toBeInstanceOf(UsageError);
      continue;
    }
    if (answer === undefined || answer === '') continue;
    const ours = NAMES.map((name) => (regExp.test(name) ? '1' : '0')).join('');
    expect({ pattern, source: regExp.source, answer: ours }).toEqual({ pattern, source: regExp.source, answer });
    compared++;
  }
  expect(compared).toBeGreaterThan(2000);
});
