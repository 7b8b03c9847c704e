import { describe, expect, test } from 'vitest';
import { UsageError } from '../base/errors.js';
import { NO_PACKETS } from '../filter/packet-query.js';
import { OUTPUT_NAMES } from '../output/outputs.js';
import { PAGE_SIZE } from '../sys/page-size.js';
import { namesProgram, parseCommandLine } from './options.js';

/** What is understood, with the parts of the plan beside the rest. */
const parse = (line: string) => parseWords(line.split(' ').filter(Boolean));
const parseWords = (words: readonly string[]) => {
  const request = parseCommandLine(words);
  if (request.action === 'list') return { ...request, ...request.plan.probes };
  if (request.action !== 'trace') return request;
  const { plan, ...rest } = request;
  const { packets, probes, fields, until, limits, ...whole } = plan;
  return { ...rest, ...whole, ...packets, ...probes, ...fields, ...until, ...limits };
};

test('parseCommandLine: defaults', () => {
  expect(parse('-m 0xdeadbeef')).toEqual({
    ...NO_PACKETS,
    ...{ action: 'trace', mark: 0xdeadbeef, output: 'aggregate', ringSizeBytes: 16 << 20 },
    ...{
      samplePeriod: 1,
      snaplen: 0,
      who: false,
      raiseLimits: true,
      verbose: false,
      tracer: 'function',
      backend: undefined,
      followModules: false,
    },
    ...{
      extension: { kind: 'c', paths: [] },
      builtin: [],
      show: [],
      compileTimeoutSeconds: 60,
      functionPattern: undefined,
      modulePattern: undefined,
      probePort: undefined,
      readyFile: undefined,
    },
    ...{ time: 'mono', count: undefined, durationMs: undefined, color: 'auto', outputFile: undefined },
    ...{
      follow: false,
      strict: false,
      jsonEventsOnly: false,
      once: false,
      width: undefined,
      plainText: false,
      warnings: [],
      names: { where: '--where', show: '--show', countBy: '--count-by', histogram: '--hist' },
      ringIsGiven: false,
      maxMemoryIsGiven: false,
      diff: undefined,
      maxMemoryBytes: expect.any(Number),
    },
    ...{ only: undefined, slowerNs: undefined, fold: 'auto', order: 'end' },
  });
});

test('parseCommandLine: --where chooses packets, and --show adds fields', () => {
  const args = ['--where', 'skb->len > 1', '--show', 'skb->len, skb->mark as m:hex', '--show', 'cpu'];
  const request = parseCommandLine(args);
  if (request.action !== 'trace') throw new Error(request.action);
  const { packets, fields, follow } = request.plan;
  expect([packets.where, packets.mark, follow]).toEqual(['skb->len > 1', undefined, true]);
  expect(fields.show.flatMap(({ items }) => items.map(({ name }) => name))).toEqual(['len', 'm', 'cpu']);
});

test('parseCommandLine: what is counted instead', () => {
  expect(parse('--count-by skb->dev->name --count-by func --hist skb->len --per call')).toMatchObject({
    action: 'trace',
    follow: true,
    snaplen: 0,
    who: false,
    where: '1',
    counting: {
      by: [{ text: 'skb->dev->name' }, { text: 'func' }],
      histogram: { text: 'skb->len', item: { name: 'len' } },
      per: 'call',
    },
    intervalMs: undefined,
  });
  expect(parse('--hist skb->len --interval 500ms -m 7 -o json')).toMatchObject({
    counting: { by: [], per: 'packet' },
    ...{ intervalMs: 500, where: undefined, follow: false },
  });
  expect(parse('--count-by func --connection icmp')).toMatchObject({ snaplen: 0, connection: true });
  expect(parse('--count-by func -- curl')).toMatchObject({ snaplen: 0, who: false });
});

test.each<[string[], RegExp]>([
  [['--per', 'call', '-m', '1'], /^--per says what is counted: it needs --count-by or --hist$/],
  [['--interval', '1s', '-m', '1'], /^--interval is said of counts/],
  [['--count-by', 'func', '--show', 'skb->len'], /^--show is said of events or journeys, and --count-by makes none/],
  [['--hist', 'skb->len', '-e', 'a.c'], /^--extension is said of events or journeys, and --hist makes none/],
  [['--count-by', 'func', '--count', '3'], /^--count is said of/],
  [['--count-by', 'func', '--only', 'dropped'], /^--only is said of journeys/],
  [['--count-by', 'func', '-t', 'function_graph'], /^--count-by counts entries of functions/],
  [['--count-by', 'func', '-o', 'html'], /there is no -o html of it$/],
  [['--count-by', 'func', '--per', 'flow'], /^--per 'flow' is unknown: there are packet, call/],
  [['--hist', 'skb->len', '--hist', 'skb->mark'], /^--hist is given twice/],
  [['record', 'x', '-m', '1', '--count-by', 'func'], /^ipft record does not take --count-by/],
  [['--count-by', 'func', '-w', 'x'], /does not take --count-by/],
  [['ui', '--count-by', 'func'], /does not take --count-by/],
  [['--count-by', ''], /^--count-by: the expression is empty/],
])('parseCommandLine: %j is refused', (args, message) => {
  expect(() => parseWords(args)).toThrow(message);
});

test.each<[string[], RegExp]>([
  [['--where', ''], /^--where: the expression is empty/],
  [['--where', 'skb->len >'], /^--where: the expression ends too early, at the end of 'skb->len >'$/],
  [['--where', 'a', '--where', 'b'], /--where is given twice/],
  [['-m', '1', '--show', 'a,,b'], /^--show: , can't stand here, at character 3 of 'a,,b'$/],
  [['-m', '1', '--show', 'a', '--show', 'x->a'], /^--show: a and x->a are both called a/],
  [['--show', 'skb->len'], /the mark is missing, or an expression/],
])('parseCommandLine: %j is refused', (args, message) => {
  expect(() => parseCommandLine(args)).toThrow(UsageError);
  expect(() => parseCommandLine(args)).toThrow(message);
});

test('parseCommandLine: packets are followed, but by a mark alone', () => {
  const follows = (args: string) => {
    const request = parseCommandLine(args.split(' '));
    return 'plan' in request && request.plan.follow;
  };
  for (const args of ['-m 1 --follow', '-m 1 --connection', '-m 1 --dev lo', '--netns blue', 'tcp port 80', '-m 1 udp'])
    expect(follows(args), args).toBe(true);
  for (const args of ['-m 1', '-m 1 --no-follow', '--dev lo --no-follow', 'tcp --no-follow'])
    expect(follows(args), args).toBe(false);
});

test('parseCommandLine: journeys have processes, but with a mark alone', () => {
  const who = (args: string) => {
    const request = parseCommandLine(args.split(' '));
    return 'plan' in request && request.plan.who;
  };
  for (const args of ['-m 1 --who', '-m 1 --dev lo', '--pid 1', 'tcp port 80', 'tcp --snaplen 0'])
    expect(who(args), args).toBe(true);
  for (const args of ['-m 1', '-m 1 --snaplen 96', '-m 1 --no-who', 'tcp --no-who'])
    expect(who(args), args).toBe(false);
});

describe('parseCommandLine: what is meant', () => {
  test.each([
    ['-m 10 --ring-size 64K', { ringSizeBytes: 65536 }],
    ['-m 10 --ring-size 1M --perf-page-count 65536', { ringSizeBytes: 1 << 20 }],
    ['-m 0 --mask 0xff', { mark: 0, mask: 255 }],
    ['-m 4294967295', { mark: 0xffffffff }],
    ['-m 1 --enable-probe-server', { probePort: 13720 }],
    ['-m 1 --enable-probe-server --probe-server-port 99', { probePort: 99 }],
    ['-m 1 --probe-server-port 99', { probePort: undefined }],
    [
      '-m 1 -e x.c -o json --no-set-rlimit',
      { extension: { kind: 'c', paths: ['x.c'] }, output: 'json', raiseLimits: false },
    ],
    ['-m 1 -b kprobe-multi -t function', { action: 'trace', backend: 'kprobe-multi', tracer: 'function' }],
    ['-m 1 -b fentry -t function_graph', { backend: 'ftrace', tracer: 'function_graph' }],
    ['-l -b fentry-multi --follow-modules', { action: 'list', backend: 'fentry-multi' }],
    ['doctor --json', { action: 'doctor', json: true }],
    ['-m 1 -e x.lua', { extension: { kind: 'lua', paths: ['x.lua'] } }],
    ['-m 1 -s x', { extension: { kind: 'lua', paths: ['x'] } }],
    ['-m 1 --script x.c', { extension: { kind: 'lua', paths: ['x.c'] } }],
    ['-m 1 -s x -e y.lua', { extension: { kind: 'lua', paths: ['y.lua'] } }],
    ['-m 1 -e y.lua -s x -s z', { extension: { kind: 'lua', paths: ['z'] } }],
    ['check x.lua', { action: 'check', extension: { kind: 'lua', paths: ['x.lua'] } }],
    ['-m 1 -e a.c -e b.o', { extension: { kind: 'c', paths: ['a.c', 'b.o'] } }],
    ['check a.c b.o', { action: 'check', extension: { kind: 'c', paths: ['a.c', 'b.o'] }, compileTimeoutSeconds: 60 }],
    ['check --compile-timeout 7 -v --color always a.c', { action: 'check', compileTimeoutSeconds: 7, verbose: true }],
    ['check --where skb->len', { action: 'check', extension: { kind: 'c', paths: [] }, where: 'skb->len', show: [] }],
    ['types', { action: 'types', structs: [], path: undefined }],
    [
      'types nf_conn xfrm_state -o types/kernel.d.ts',
      { structs: ['nf_conn', 'xfrm_state'], path: 'types/kernel.d.ts' },
    ],
    ['-m 1 -e a.ts', { extension: { kind: 'typescript', paths: ['a.ts'] } }],
    ['check a.mjs', { action: 'check', extension: { kind: 'typescript', paths: ['a.mjs'] } }],
    ['-l -r ^ip', { action: 'list', functionPattern: { regExp: /^ip/, text: '^ip' } }],
    ['-m 1 --follow --strict -o json --json-events-only', { follow: true, strict: true, jsonEventsOnly: true }],
    ['-m 1 -o pcapng --once', { output: 'pcapng', once: true, snaplen: 256 }],
    ['-m 1 -o live --width 132', { output: 'live', width: 132, snaplen: 96 }],
    ['-m 1 -o html', { snaplen: 96 }],
    ['-m 1 -o html --snaplen 0', { snaplen: 0 }],
    ['tcp -o pcapng --snaplen 64', { output: 'pcapng', once: false, snaplen: 64 }],
    ['-m 1 -o paths --diff 1 3 --max-memory 2G', { output: 'paths', diff: [1, 3], maxMemoryBytes: 2 ** 31 }],
    ['-o paths --diff 10 2 -m 1', { diff: [10, 2] }],
    ['-m 1 -o paths --diff', { diff: 'most-frequent' }],
    ['-m 1 --diff -o paths', { diff: 'most-frequent' }],
    ['-m 1 --ring-size 1G', { ringSizeBytes: 2 ** 30, ringIsGiven: true }],
    ['-m 1 --ring-size 16m', { ringSizeBytes: 2 ** 24 }],
    ['-m 1 --max-memory 1g', { maxMemoryBytes: 2 ** 30 }],
    ['-m 3 --mask 1', { warnings: ['--mark has bits that --mask leaves out; they are ignored'] }],
    [
      '-m 1 --ext x.c --out json --no-set',
      { extension: { kind: 'c', paths: ['x.c'] }, output: 'json', raiseLimits: false },
    ],
    ['-m 1 --extension=x.c --perf-p=65536', { extension: { kind: 'c', paths: ['x.c'] } }],
    ['--li --reg --mod', { action: 'list', functionPattern: { regExp: /--mod/, text: '--mod' } }],
    ['-m 1 -r --ext', { functionPattern: { regExp: /--ext/, text: '--ext' }, extension: { kind: 'c', paths: [] } }],
    ['-lr --ext', { functionPattern: { regExp: /--ext/, text: '--ext' } }],
    ['doctor --js', { action: 'doctor', json: true }],
    ['mark-help --fr 10.0.0.1', { action: 'mark-help' }],
    ['-m 1 --count 3 --duration 1.5 --time wall', { count: 3, durationMs: 1500, time: 'wall' }],
    ['-m 1 --duration 500ms', { durationMs: 500 }],
    ['-m 1 --duration 2m', { durationMs: 120_000 }],
    ['-m 1 --duration 10s --color=always --output-file x', { durationMs: 10_000, color: 'always', outputFile: 'x' }],
    ['doctor --color never --output-file x', { action: 'doctor', color: 'never', outputFile: 'x' }],
    ['completion zsh', { action: 'completion', shell: 'zsh' }],
    ['completion --functions=^ip_', { action: 'names', of: 'functions', prefix: '^ip_' }],
    ['completion --modules=', { action: 'names', of: 'modules', prefix: '' }],
    ['--gen bpf-module-header', { action: 'generate', what: 'bpf-module-header' }],
  ])('%s', (line, expected) => {
    expect(parse(line)).toMatchObject(expected);
  });

  test('a page count raises the ring above its default', () => {
    const request = parseCommandLine(['-m', '1', '--perf-page-count', '65536']);
    const size = request.action === 'trace' && request.plan.limits.ringSizeBytes;
    expect(size).toBeGreaterThanOrEqual(65536 * 4096);
  });

  test.each([
    [String(PAGE_SIZE), PAGE_SIZE],
    ['16k', 1 << 14],
    ['1m', 1 << 20],
    ['1024M', 1 << 30],
    ['1G', 1 << 30],
  ])('--ring-size %s', (text, bytes) => {
    expect(parse(`-m 1 --ring-size ${text}`)).toMatchObject({ ringSizeBytes: bytes, ringIsGiven: true });
  });

  test.each([
    ...['0', '3M', '2G', '2048M', String(PAGE_SIZE / 2), String(PAGE_SIZE + 1), '1T', 'M', '0x100000'],
    ...['-1', '1e3', '1.5M', '١'],
  ])('--ring-size %s is refused', (text) => {
    const problem = `--ring-size needs a power of two from ${PAGE_SIZE} to ${1 << 30} bytes (K, M and G may stand behind the number), not '${text}'`;
    expect(() => parseCommandLine(['-m', '1', `--ring-size=${text}`])).toThrow(problem);
  });
});

describe('parseCommandLine: usage errors', () => {
  test.each([
    '',
    '-m 12x',
    '-m 0x',
    '-m -1',
    '-m 0x100000000',
    '-m 1.5',
    '-m 1e3',
    '-m 0',
    '-m 0 --mask 0xffffffff',
    '-m 1 --mask 0',
    '-m 1 --mask',
    '-m 1 -e x.txt',
    '-m 1 -e x.c -e y.lua',
    '-m 1 -s y -e x.o',
    '-m 1 -e x',
    '-m 1 -o xml',
    '-m 1 -t graph',
    '-m 1 -b magic',
    '-m 1 -r (',
    '-m 1 -o paths --diff 1',
    '-m 010',
    '-m 08',
    '-m 1 --mask 00',
    '-m 1 --count 010',
    '-m 1 --ring-size 01M',
    '-m 1 --ring-size 2G',
    '-m 1 --script',
    '-m 1 --script=',
    '-m 1 --perf 1',
    '-m 1 --ma 1',
    '-m 1 --diff',
    '-m 1 --once',
    '-m 1 -o json --once',
    '-m 1 --width 80',
    '-m 1 -o live --width 19',
    '-m 1 -o live --width 1001',
    '-m 1 -o live --width wide',
    '-m 1 -o pcapng --snaplen 0',
    '-m 1 -o paths --diff 1 2 3',
    '-m 1 -o paths --diff 0 1',
    '-m 1 --diff 1 2',
    '-m 1 --max-memory 1T',
    '-m 1 --max-memory 0',
    '-m 1 --module-regex [',
    '-m 1 --ring-size 5000',
    '-m 1 --ring-size 1K',
    '-m 1 --ring-size 4G',
    '-m 1 --ring-size -4096',
    '-m 1 --perf-page-count 0',
    '-m 1 --snaplen 1025',
    '-m 1 --snaplen all',
    '-m 1 --perf-sample-period 0',
    '-m 1 --perf-wakeup-events x',
    '-m 1 --probe-server-port 65536',
    '--gen nothing',
    '-m 1 --nonsense',
    '-m 1 word',
    'check',
    'check x.txt',
    'check x.lua y.c',
    'check --compile-timeout 0 a.c',
    '-t function_graph -b kprobe -m 1',
    'doctor now',
    'types --output=',
    '-m 1 -e a.ts -e b.c',
    '-m 1 -e a.d.ts',
    'completion',
    'completion csh',
    'completion bash zsh',
    '-m 1 --count 0',
    '-m 1 --count x',
    '-m 1 --duration 0',
    '-m 1 --duration 0.0001s',
    '-m 1 --duration -1s',
    '-m 1 --duration 10d',
    '-m 1 --duration 10 s',
    '-m 1 --duration 25000h',
    '-m 1 --duration Infinity',
    '-m 1 --time utc',
    '-m 1 --color',
    '-m 1 --color sometimes',
    '-m 1 --output-file=',
  ])('%s', (line) => {
    expect(() => parse(line)).toThrow(UsageError);
  });

  test('an empty mark', () => {
    expect(() => parseCommandLine(['-m', ''])).toThrow(UsageError);
  });
});

test.each([
  ['-m 1 -o jsno', 'did you mean json?'],
  ['-m 1 -t funtion', 'did you mean function?'],
  ['-m 1 -b kprobe_multi', 'did you mean kprobe-multi?'],
  ['-m 1 --color allways', 'did you mean always?'],
  ['-m 1 --time wal', 'did you mean wall?'],
  ['--gen skeleton', 'did you mean bpf-module-skeleton?'],
  ['--gen', 'needs one of bpf-module-skeleton, bpf-module-header'],
  ['--regx ip', 'did you mean --regex?'],
  ['docter', 'did you mean doctor?'],
  ['doctor --jsn', 'did you mean --json?'],
  ['completion bahs', 'did you mean bash?'],
])('parseCommandLine: %s suggests what may be meant', (line, suggestion) => {
  expect(() => parse(line)).toThrow(suggestion);
});

test.each([
  ['-m 010', "--mark '010' begins with 0, which C and ipftrace2 take for octal"],
  ['-m 1 --perf 2', '--perf may be --perf-page-count, --perf-sample-period or --perf-wakeup-events'],
  ['-m 1 -e x.txt', 'must end in .c (C source), .o (BPF object), .lua (Lua script), .ts (TypeScript)'],
  ['-m 1 -e a.c -s b', 'the extension b is a script in Lua, and a.c is in C'],
  ['-m 1 --scr x -e a.o', 'the extension a.o is in C, and x is a script in Lua'],
  ['-m 1 --count 0', "--count needs a number from 1 to 9007199254740991, not '0'"],
])('parseCommandLine: %s says why not', (line, problem) => {
  expect(() => parse(line)).toThrow(problem);
});

test('parseCommandLine: what resembles nothing gets no suggestion', () => {
  expect(() => parse('-m 1 -o xml')).toThrow(`--output 'xml' is unknown: there are ${OUTPUT_NAMES.join(', ')}`);
  expect(() => parse('frobnicate')).toThrow(/^there is no command 'frobnicate'$/);
  expect(() => parse('\x1b[2J')).toThrow(/^there is no command '\\x1b\[2J'$/);
});

test.each([
  ['10.0.0.5', 'host 10.0.0.5'],
  ['2001:db8::1', 'host 2001:db8::1'],
  ['host', 'host 10.0.0.5'],
  ['example.com', 'host 10.0.0.5'],
])('parseCommandLine: %s is no command, and the hint has an expression', (word, example) => {
  const hint = `an expression says which packets to trace, as in: ipft ${example}; ipft --help shows the options`;
  const message = `there is no command '${word}'`;
  expect(() => parse(word)).toThrow(expect.objectContaining({ message, hint }));
  expect(() => parse('docter')).toThrow(expect.objectContaining({ hint: 'ipft --help shows the options' }));
});

test('parseCommandLine: a recording alone is no command, and the hint says what shows it', () => {
  const hint = 'ipft show FILE shows a recording, ipft ui FILE in a browser';
  expect(() => parse('./trace.ipft')).toThrow(expect.objectContaining({ hint }));
});

test('parseCommandLine: a second --inner is refused, since only one would count', () => {
  expect(parse('--inner icmp')).toMatchObject({ inner: 'icmp' });
  for (const command of ['', 'record x.ipft '])
    expect(() => parse(`${command}--inner icmp --inner tcp`)).toThrow(/^--inner is given twice$/);
});

test('parseCommandLine: built-in fields, each once, in the order given', () => {
  expect(parse('-m 1 --fields tuple,dev --fields ct,dev')).toMatchObject({ builtin: ['tuple', 'dev', 'ct'] });
  for (const line of ['--fields help', 'record x.ipft --fields help', '-w x.ipft --fields help'])
    expect(parse(line)).toMatchObject({ action: 'fields-help' });
  expect(() => parse('-m 1 --fields tupel')).toThrow(
    /^--fields 'tupel' is unknown: there are tuple, .*mean tuple\?\)$/,
  );
  for (const none of ['tuple,', ',', ''])
    expect(() => parseCommandLine(['-m', '1', '--fields', none])).toThrow(UsageError);
});

test('parseCommandLine: which journeys are shown', () => {
  expect(parse('-m 1 --only dropped,unknown --only alive --slower 1.5ms')).toMatchObject({
    only: ['dropped', 'unknown', 'alive'],
    slowerNs: 1_500_000,
  });
  expect(parse('-m 1 --slower 2')).toMatchObject({ slowerNs: 2e9 });
  expect(() => parse('-m 1 --only droped')).toThrow(/^--only 'droped' is unknown: .*\(did you mean dropped\?\)$/);
  expect(() => parse('-m 1 --only dropped,')).toThrow(UsageError);
  for (const time of ['', '1x', '-1', '1e3', '99999999h']) {
    expect(() => parseCommandLine(['-m', '1', '--slower', time])).toThrow(/^--slower needs a time/);
  }
});

test('parseCommandLine: the files of a recording', () => {
  expect(parse('record x.ipft -m 1')).toMatchObject({
    action: 'record',
    file: 'x.ipft',
    rotate: undefined,
    flight: undefined,
  });
  expect(parse('-m 1 -w x.ipft --compress')).toMatchObject({ action: 'record', file: 'x.ipft', deflates: true });
  for (const [text, limit] of [
    ['64M', { bytes: 64 << 20 }],
    ['1g', { bytes: 1 << 30 }],
    ['2048k', { bytes: 2 << 20 }],
    ['10m', { ms: 600_000 }],
    ['1500ms', { ms: 1500 }],
    ['1.5h', { ms: 5_400_000 }],
  ] as const) {
    expect(parse(`record x -m 1 --rotate ${text} --keep 3`), text).toMatchObject({ rotate: limit, keep: 3 });
  }
  for (const text of ['64', '1K', '0M', '-1M', 'x', '10d', '99999999999999G', '99999m']) {
    expect(() => parseCommandLine(['record', 'x', '-m', '1', '--rotate', text]), text).toThrow(/^--rotate needs a /);
  }
  for (const line of ['record x -m 1 --keep 3', 'record x -m 1 --rotate 1M --keep 0', 'record - -m 1 --rotate 1M']) {
    expect(() => parse(line), line).toThrow(UsageError);
  }
  for (const option of ['--rotate 1M', '--keep 1', '--last 64M', '--trigger drop', '--after 1s', '--compress']) {
    expect(() => parse(`-m 1 ${option}`)).toThrow(
      /^--\w+ is said of a recording: it needs -w FILE, or ipft record FILE$/,
    );
  }
});

test('parseCommandLine: a flight recorder, and what triggers it', () => {
  const flight = (options: string) => parse(`record x -m 1 --last 64M ${options}`);
  expect(flight('')).toMatchObject({ flight: { lastBytes: 64 << 20, triggers: { end: true }, afterNs: undefined } });
  expect(flight('--trigger drop,gap --trigger slower=5ms,slower=2ms --after 3s --keep 7')).toMatchObject({
    ...{ keep: 7, rotate: undefined },
    flight: { triggers: { drop: true, gap: true, slowerNs: 2_000_000 }, afterNs: 3e9 },
  });
  expect(flight('--trigger signal')).toMatchObject({ flight: { triggers: {} } });
  for (const [options, message] of [
    [
      '--trigger drops',
      /^--trigger 'drops' is unknown: there are drop, slower=TIME, gap, signal \(did you mean drop\?\)$/,
    ],
    ['--trigger drop,', /^--trigger '' is unknown/],
    ['--trigger slower=', /^--trigger slower needs a time/],
    ['--trigger slower', /^--trigger 'slower' is unknown/],
    ['--trigger slower=0', /^--trigger slower needs a time/],
    ['--rotate 64M', /^--rotate and --last do not go together/],
    ['--after x', /^--after needs a time/],
  ] as const) {
    expect(() => flight(options), options).toThrow(message);
  }
  for (const size of ['1M', 'x', '65G', '']) {
    expect(() => parseCommandLine(['record', 'x', '-m', '1', '--last', size]), size).toThrow(/^--last needs a /);
  }
  expect(() => parse('record - -m 1 --last 64M')).toThrow(/^--last writes several files, and '-' is one$/);
  expect(() => parse('record x -m 1 --trigger drop')).toThrow(/^--trigger is said of a flight recorder/);
  expect(() => parse('record x -m 1 --after 2s')).toThrow(/^--after is said of a flight recorder/);
});

test('parseCommandLine: help and version are text', () => {
  const text = (line: string) => {
    const request = parse(line);
    return request.action === 'print' ? request.text : undefined;
  };
  expect(text('--version')).toMatch(/^\d+\.\d+\.\d+\n$/);
  expect(text('-m 1 --help')).toMatch(
    /^Usage: ipft \[options\] \[EXPRESSION\.\.\.\]\n +ipft .* -- PROGRAM .*\n +ipft -m MARK .*^Which packets:$.*^Commands:$.*^Examples:$.*^Exit status:$/ms,
  );
  expect(text('doctor -h')).toContain('--json');
  expect(text('help')).toBe(text('--help'));
  expect(text('help trace')).toBe(text('--help'));
  expect(text('help doctor')).toBe(text('doctor --help'));
  expect(() => parse('help docter')).toThrow(/^there is no command 'docter' \(did you mean doctor\?\)$/);
  expect(text('completion --help')).not.toContain('--functions');
  expect(text('--help --color always')).toContain('\x1b[1mUsage:');
});

test('parseCommandLine: IPFT_COMPAT chooses the output of another tool', () => {
  const withProfile = (profile: string) => parseCommandLine(['-m', '1'], { IPFT_COMPAT: profile });
  expect(withProfile('ipftrace2')).toMatchObject({ plainText: true, order: 'begin', jsonEventsOnly: true });
  expect(withProfile('')).toMatchObject({ plainText: false, order: 'end', jsonEventsOnly: false });
  expect(() => withProfile('ipftrace')).toThrow(UsageError);
  expect(() => withProfile('x\x1b[m')).toThrow(
    /^the environment variable IPFT_COMPAT names 'x\\x1b\[m': there is ipftrace2$/,
  );
});

test.each([40, 60, 80, 200])('parseCommandLine: help fits a terminal of %i columns', (columns) => {
  for (const line of ['--help', 'mark-help --help']) {
    const request = parseCommandLine(line.split(' '), {}, columns);
    const lines = request.action === 'print' ? request.text.split('\n') : [];
    // A word that is longer than the room stays whole, as do commands that are to be copied.
    const long = lines.filter(
      (one) =>
        one.length > columns && / \S.* \S/.test(one.trim()) && !/^ {0,7}(-|ipft|source|Usage|completion)/.test(one),
    );
    expect(long).toEqual([]);
  }
});

test('parseCommandLine: what is shown of recordings', () => {
  const parse = (...args: string[]) => parseCommandLine(['show', ...args], {});
  expect(parse('a', 'b', '--journey', '3,7-9', '--journey', '12', '--count', '9')).toMatchObject({
    ...{ action: 'show', files: ['a', 'b'], most: 5, until: { durationMs: undefined } },
    ...{
      numbers: [
        [3, 3],
        [7, 9],
        [12, 12],
      ],
      shownTargets: undefined,
      info: false,
      followFile: false,
    },
  });
  expect(parse('a', '--count', '2', '--only', 'dropped', '--outcome', 'alive,unknown')).toMatchObject({
    ...{ most: 2, only: ['dropped', 'alive', 'unknown'], numbers: undefined },
  });
  expect(parse('a', '-r', '^tcp_', '--follow-file')).toMatchObject({
    ...{ followFile: true, shownTargets: { functions: { text: '^tcp_' }, modules: undefined } },
  });
  expect(() => parse('a', '--outcome', 'lost')).toThrow("--outcome 'lost' is unknown");
  expect(() => parse('a', '--info', '-o', 'paths')).toThrow('--info is text');
  expect(parse('a', '-o', 'perfetto', '--time', 'mono')).toMatchObject({ output: 'perfetto', time: 'mono' });
  expect(() => parse('a', '-o', 'perfetto', '--time', 'wall')).toThrow('-o perfetto has the times of all clocks');
  expect(() => parse('a', '-o', 'speedscope', '--time', 'relative')).toThrow('-o speedscope has no clock');
  expect(parse('a', '-o', 'chrome', '--time', 'relative')).toMatchObject({ output: 'chrome', time: 'relative' });
  for (const option of ['--count 2', '--journey 1', '--module-regex x', '-r x', '--only alive', '--slower 1s']) {
    expect(() => parse('a', '--info', ...option.split(' ')), option).toThrow(/^--info counts all that there is/);
  }
  expect(() => parse('a', '--info', '--module-regex', 'x')).toThrow('and --module-regex chooses');
  expect(() => parse('-')).toThrow('a pipe is not read');
  expect(() => parse('')).toThrow('needs the path of a file');
  expect(() => parse()).toThrow("missing required argument 'FILE'");
});

test('parseCommandLine: which packet it is, is told unless a mark alone says that', () => {
  expect(parse('-m 1')).toMatchObject({ snaplen: 0 });
  expect(parse('-m 1 --snaplen 64')).toMatchObject({ snaplen: 64 });
  expect(parse('tcp')).toMatchObject({ snaplen: 96 });
  expect(parse('-m 1 tcp')).toMatchObject({ snaplen: 96 });
  expect(parse('--snaplen 0 tcp')).toMatchObject({ snaplen: 0 });
});

test('parseCommandLine: operands are an expression', () => {
  const packets = (...args: string[]) => {
    const request = parseCommandLine(args);
    return 'plan' in request ? request.plan.packets : undefined;
  };
  const given = NO_PACKETS;
  expect(packets('tcp port 443')).toEqual({ ...given, expression: 'tcp port 443' });
  expect(packets('tcp', 'port', '443')).toEqual({ ...given, expression: 'tcp port 443' });
  expect(packets('icmp')).toEqual({ ...given, expression: 'icmp' });
  expect(packets('host', '10.0.0.1', '-o', 'json', 'and', 'tcp')).toMatchObject({
    expression: 'host 10.0.0.1 and tcp',
  });
  expect(packets('-m', '7', 'udp')).toEqual({ ...given, mark: 7, expression: 'udp' });
  expect(packets('--inner', 'udp port 53', 'vlan')).toEqual({ ...given, expression: 'vlan', inner: 'udp port 53' });
  expect(packets('--inner', '')).toMatchObject({ inner: '' });
  expect(packets('--netns', 'blue', '--dev', 'eth0@blue', '--dev=lo')).toEqual({
    ...NO_PACKETS,
    netns: ['blue'],
    dev: ['eth0@blue', 'lo'],
  });
  expect(packets('-o', 'paths', '--diff', '1', '2', 'tcp', 'port', '80')).toMatchObject({ expression: 'tcp port 80' });
  expect(packets('-o', 'paths', '--diff', 'tcp', 'port', '80')).toMatchObject({ expression: 'tcp port 80' });
  expect(packets('tcp', 'port', '80', '-w', 'file')).toMatchObject({ expression: 'tcp port 80' });
  expect(packets('record', 'file', 'tcp', 'port', '80')).toMatchObject({ expression: 'tcp port 80' });
  // What libpcap says of more than a word, it says when the trace begins.
  expect(packets('frobnicate the', 'net')).toMatchObject({ expression: 'frobnicate the net' });
  expect(packets('')).toMatchObject({ expression: '' });
  for (const args of [[], ['--connection'], ['--mask', '0xff']])
    expect(() => packets(...args)).toThrow(/^the mark is missing, or an expression/);
});

test('parseCommandLine: behind -- stands a program, whatever its words are', () => {
  const parse = (...args: string[]) => {
    const request = parseCommandLine(args);
    if (request.action !== 'trace' && request.action !== 'record') throw new Error(request.action);
    const { command, plan } = request;
    return { ...command, expression: plan.packets.expression, processes: plan.packets.processes };
  };
  const processes = { pids: [], withChildren: false, names: [], groups: [], command: true, withNeighbours: false };
  const settings = { settleMs: 200, asRoot: false, processes };
  expect(parse('--', 'curl', '-v', '--mark', '--', 'x')).toEqual({
    ...{ ...settings, argv: ['curl', '-v', '--mark', '--', 'x'], expression: undefined },
  });
  expect(parse('tcp', 'port', '80', '--as-root', '--settle', '1s', '--', 'record')).toEqual({
    ...{ argv: ['record'], settleMs: 1000, asRoot: true, expression: 'tcp port 80', processes },
  });
  expect(parse('--settle=0', '--', 'check', '-h')).toMatchObject({ settleMs: 0, argv: ['check', '-h'] });
  expect(parse('record', 'file', 'icmp', '--', 'ping', 'h')).toMatchObject({ argv: ['ping', 'h'], expression: 'icmp' });
  expect(parse('-w', 'show', '--', 'ping', 'h')).toMatchObject({ argv: ['ping', 'h'], expression: undefined });
  expect(parse('--with-neighbours', '--', 'x')).toMatchObject({ processes: { withNeighbours: true, command: true } });
  expect(parse('record', 'f', '--with-neighbours', '--', 'x')).toMatchObject({ processes: { withNeighbours: true } });
  expect(parse('--comm', 'nginx', '--', 'x')).toMatchObject({ processes: { names: ['nginx'], command: true } });
  // The value of an option, and operands of other subcommands.
  expect(parse('--inner', '--', 'tcp')).toMatchObject({ expression: 'tcp' });
  expect(parseCommandLine(['check', '--', 'a.bpf.c'])).toMatchObject({ extension: { kind: 'c', paths: ['a.bpf.c'] } });
  expect(parseCommandLine(['show', '--', '-x.ipft'])).toMatchObject({ action: 'show', files: ['-x.ipft'] });
  expect(() => parse('tcp', '--')).toThrow('behind -- there is no program');
  for (const args of [['--as-root'], ['--settle', '1s']]) {
    expect(() => parse('tcp', ...args)).toThrow(`${args[0]} is said of a program`);
    expect(() => parse('record', 'file', 'tcp', ...args)).toThrow(`${args[0]} is said of a program`);
  }
  expect(() => parse('--settle', 'soon', '--', 'x')).toThrow('--settle needs a time from 0ms');
  expect(() => parse('-l', '--', 'x')).toThrow('with --list no program is run');
  expect(() => parse('--gen', 'bpf-module-header', '--', 'x')).toThrow('with --gen no program is run');
});

test('namesProgram: also where the rest makes no sense', () => {
  for (const args of [
    ['--', 'x'],
    ['--no-such', '--', 'x'],
    ['record', '--', 'x'],
    ['--p', '1', '--', 'x'],
  ])
    expect(namesProgram(args)).toBe(true);
  for (const args of [['tcp'], ['show', '--', 'x'], ['--inner', '--']]) expect(namesProgram(args)).toBe(false);
});

test('parseCommandLine: packets of processes', () => {
  const processes = (...args: string[]) => {
    const request = parseCommandLine(args);
    return 'plan' in request ? request.plan.packets?.processes : undefined;
  };
  const none = { pids: [], withChildren: false, names: [], groups: [], command: false, withNeighbours: false };
  expect(processes('--pid', '12,34', '--pid', '5', '--pid-tree')).toEqual({
    ...{ ...none, pids: [12, 34, 5], withChildren: true },
  });
  expect(processes('--comm', 'curl', '--comm', 'a,b', 'tcp')).toEqual({ ...none, names: ['curl', 'a,b'] });
  const groups = [
    '--pod',
    'shop/web-0',
    '--container',
    'a,b',
    '--container',
    'c',
    '--unit',
    'nginx',
    '--cgroup',
    '/a b',
  ];
  expect(processes(...groups, '--pid', '1')).toEqual({
    ...{ ...none, pids: [1] },
    groups: [
      { kind: 'cgroup', name: '/a b' },
      { kind: 'unit', name: 'nginx' },
      { kind: 'container', name: 'a,b' },
      { kind: 'container', name: 'c' },
      { kind: 'pod', name: 'shop/web-0' },
    ],
  });
  expect(processes('-m', '1')).toBeUndefined();
  const many = (option: string, count: number) => Array(count).fill([option, 'x']).flat();
  for (const [args, message] of [
    [['--pod', 'web-0'], "--pod needs NAMESPACE/NAME, as default/web-0, not 'web-0'"],
    [['--pod', 'a/b', '--pod', 'a/b/c'], '--pod needs NAMESPACE/NAME'],
    [['--cgroup', ''], '--cgroup needs a name'],
    [many('--unit', 65), '--unit takes 64 names at most'],
    [
      [...many('--unit', 60), ...many('--container', 5)],
      'there may be 64 control groups, units, containers and pods, and 65 are',
    ],
    [['--pid', '0'], "--pid needs a number from 1 to 4194304, not '0'"],
    [['--pid', '1,x'], '--pid needs a number'],
    [['--pid-tree', '-m', '1'], '--pid-tree needs --pid'],
    [
      ['--with-neighbours', 'tcp'],
      '--with-neighbours needs a program, or --pid, --comm, --unit, --container, --pod or --cgroup',
    ],
    [['--comm', '1234567890123456'], "--comm '1234567890123456' is the name of no process"],
  ] as const)
    expect(() => processes(...args)).toThrow(message);
});

test('parseCommandLine: a mask without a mark is ignored, and it is said', () => {
  const warnings = (...args: string[]) => {
    const request = parseCommandLine(args);
    return 'plan' in request ? request.plan.warnings : undefined;
  };
  expect(warnings('--mask', '0xff', 'icmp')).toEqual(['--mask is ignored: it needs --mark']);
  expect(warnings('-m', '1', '--mask', '0xff', 'icmp')).toEqual([]);
  expect(warnings('icmp')).toEqual([]);
});
