/** What a page may ask the tracer for: it may come from anybody who knows its address. */
import { describe, expect, test } from 'vitest';
import { GROUPS, PAGE_OPTIONS, splitFlags } from './option-table.js';
import { parseCommandLine, parsePageWords } from './options.js';

test('packets, functions and how many are chosen as on the command line', () => {
  const { plan, command } = parsePageWords(['-r', '^ip_', '--snaplen', '64', '--count', '3', 'tcp', 'port', '443']);
  expect(plan.packets.expression).toBe('tcp port 443');
  expect([plan.snaplen, plan.until.count, command]).toEqual([64, 3, undefined]);
  // A page says which packet each is, also of those with a mark.
  expect(parsePageWords(['-m', '1']).plan.snaplen).toBe(96);
  expect(parsePageWords(['-m', '7']).plan.packets.mark).toBe(7);
  expect(parsePageWords(['--netns', 'blue', '--no-who']).plan.packets.netns).toEqual(['blue']);
});

/** All that the command line has and the page must not say, with a value where it takes one. */
const REFUSED = GROUPS.flatMap(({ options }) => options)
  .map((entry) => splitFlags(entry))
  .filter(({ long }) => !PAGE_OPTIONS.includes(long))
  .map(({ long, value }) => (value?.startsWith('<') ? [long, '1'] : [long]));

test.each(REFUSED)('refuses %s', (...words) => {
  const given = words.filter((word) => word !== undefined);
  expect(() => parsePageWords(['icmp', ...given])).toThrow();
  expect(() => parsePageWords([...given, 'icmp'])).toThrow();
});

describe('refuses', () => {
  test.each([
    ['a program', ['icmp', '--', 'id']],
    ['a program alone', ['--', 'id']],
    ['an extension, joined', ['icmp', '-e/tmp/x.c']],
    ['an extension, abbreviated', ['icmp', '--ext', '/tmp/x.c']],
    ['an extension behind a letter', ['icmp', '-ve', '/tmp/x.c']],
    ['a file, with =', ['icmp', '--output-file=/tmp/x']],
    ['another command', ['record', '/tmp/x', 'icmp', '-w', '/tmp/x']],
    ['no packets', []],
    ['functions alone', ['-r', '^ip_']],
    ['what no option is', ['icmp', '--nothing']],
    ['a value that is none', ['icmp', '--count', 'many']],
  ])('%s', (_what, words) => expect(() => parsePageWords(words)).toThrow());

  test.each([
    ['--extension', ['-e', 'x.lua']],
    ['--extension', ['-e', 'x.ts']],
    ['--extension', ['-s', 'x']],
    ['--show', ['--show', 'skb->len']],
    ['--where', ['--where', 'skb->len > 100']],
  ])('%s, by saying what takes it: %j', (long, words) => {
    expect(() => parsePageWords(['icmp', ...words])).toThrow(
      expect.objectContaining({
        message: `the page does not take ${long}`,
        hint: 'ipft ui takes it, on the command line that opens the page',
      }),
    );
  });

  test('a command is no command there, but a word of an expression', () => {
    expect(parsePageWords(['doctor']).plan.packets.expression).toBe('doctor');
  });
});

describe('ipft ui', () => {
  const parse = (...args: string[]) => {
    const request = parseCommandLine(['ui', ...args], {}, 80);
    if (request.action !== 'ui') throw new Error(request.action);
    return request;
  };

  test('shows a recording, a trace, or nothing yet; the words of the trace are the page’s', () => {
    expect(parse('trace.ipft')).toMatchObject({ file: 'trace.ipft', trace: undefined, words: [], port: 0 });
    expect(parse('./trace', '--port', '4711')).toMatchObject({ file: './trace', port: 4711 });
    expect(parse('--port=4711', 'net 10.0.0.0/8', '-r', 'ip', '-v')).toMatchObject({
      ...{ file: undefined, port: 4711, words: ['net 10.0.0.0/8', '-r', 'ip'], verbose: true },
      trace: { plan: { packets: { expression: 'net 10.0.0.0/8' } } },
    });
    expect(parse('icmp', '--color', 'never').words).toEqual(['icmp']);
    expect(parse('--color=never', 'trace.ipft')).toMatchObject({ file: 'trace.ipft', words: [] });
    expect(parse('-m', '7').trace?.plan.packets.mark).toBe(7);
    expect(parse()).toMatchObject({ file: undefined, trace: undefined, words: [] });
  });

  test('takes an extension and expressions, which its page does not; no output, no file', () => {
    for (const [suffix, kind] of [
      ['c', 'c'],
      ['lua', 'lua'],
      ['ts', 'typescript'],
    ] as const) {
      const { trace, words } = parse('icmp', '-e', `x.${suffix}`);
      expect(trace?.plan.fields.extension).toEqual({ kind, paths: [`x.${suffix}`] });
      expect(words).toEqual(['icmp', '-e', `x.${suffix}`]);
    }
    const { trace } = parse('icmp', '--show', 'skb->len', '--where', 'skb->len > 100');
    expect(trace?.plan).toMatchObject({
      fields: { show: [{ text: 'skb->len' }] },
      packets: { where: 'skb->len > 100' },
    });
    for (const more of [['-o', 'json'], ['-w', 'x'], ['--output-file', 'x'], ['--strict']])
      expect(() => parse('icmp', ...more)).toThrow('ipft ui does not take');
    expect(() => parse('trace.ipft', '-r', 'x')).toThrow('no options of a trace');
    expect(() => parse('--port', '0')).toThrow('--port');
  });

  test('says that it shows one recording; -- ends options', () => {
    expect(() => parse('a.ipft', './b.ipft')).toThrow('one recording at a time');
    expect(parse('--', '-a.ipft')).toMatchObject({ file: '-a.ipft', words: [] });
    expect(parse('-m7', '--', 'icmp').words).toEqual(['-m7', 'icmp']);
  });
});
