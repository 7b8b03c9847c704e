/** Extensions in TypeScript on real traffic: what they read is what those in C, and expressions, read of the same packets. */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readExamples } from '../../scripts/examples.js';
import { Session } from '../../src/capture/session.js';
import { KernelTypes } from '../../src/expression/kernel-types.js';
import { readShow, showSource } from '../../src/fields/expression/show.js';
import { chooseExtension, extensionSource } from '../../src/fields/extension.js';
import { combineFields, type FieldSet } from '../../src/fields/field-set.js';
import { createLayout } from '../../src/fields/layout.js';
import { typescriptSource } from '../../src/fields/typescript/source.js';
import { markFilter } from '../../src/filter/mark.js';
import { compileWhere } from '../../src/filter/where.js';
import { kernelTypeSource } from '../../src/kernel/type-source.js';
import { chooseBackend } from '../../src/probes/backends.js';
import { loadTargets } from '../../src/probes/targets.js';
import { compiled, example, ipft, Network, parseEvents, ROOT, recordWhile, traceWhile } from './harness.js';
import { KERNEL } from './kernels.js';

let network: Network;
const dir = mkdtempSync(join(tmpdir(), 'ipft-typescript-'));
const types = () => new KernelTypes(kernelTypeSource());
beforeAll(() => {
  execFileSync('modprobe', ['veth']);
  network = new Network();
  network.trackConnections();
});
afterAll(() => {
  network?.[Symbol.dispose]();
  rmSync(dir, { recursive: true });
});

const MARK = 51;
type Fields = Readonly<Record<string, unknown>>;

/** A set whose fields have a word before their names, since two sets have none of the same name. */
function named(set: FieldSet, word: string): FieldSet {
  const { layout, computed } = set;
  const rename = <T extends { readonly name: string }>(one: T): T => ({ ...one, name: `${word}.${one.name}` });
  return {
    ...set,
    layout: createLayout({ ...layout, createFields: (symbols) => layout.createFields(symbols).map(rename) }),
    computed: computed && { ...computed, compute: (data, at) => computed.compute(data, at).map(rename) },
  };
}

/** The ways in which an example is written. */
interface Example {
  readonly name: string;
  readonly ts: string;
  readonly show: readonly string[];
  readonly where: string | undefined;
  /** The traced functions. */
  readonly functions: RegExp;
}

const USUAL = /^(dev_hard_start_xmit|ip_rcv|ipv6_rcv)$/;

/** @param change of the text, of the module's and of the expressions' */
function exampleOf(name: string, functions = USUAL, change = (text: string) => text): Example {
  const { options } = readExamples().find((one) => one.name === name)!;
  const given = (option: string) => options.flatMap((one) => (one.option === option ? [change(one.value)] : []));
  const file = join(dir, `${name}.ts`);
  writeFileSync(file, change(readFileSync(example(`${name}.ts`), 'utf8')));
  return { name, ts: file, show: given('--show'), where: given('--where')[0], functions };
}

interface Read {
  readonly c: Fields;
  readonly ts: Fields;
  readonly show: Fields;
}

/** What the three kinds read of all packets that are sent. */
async function readAll({ name, ts, show, where, functions }: Example, traffic: () => void): Promise<Read[]> {
  const kernel = types();
  const sets = [
    named(await extensionSource(chooseExtension([compiled(example(`${name}.bpf.c`))]), {}).load(), 'c'),
    named(await typescriptSource(ts, () => kernel, {}).load(), 'ts'),
    named(await showSource(readShow(show, '--show'), '--show', () => kernel).load(), 'show'),
  ];
  const fields = combineFields(sets);
  const { backend } = await chooseBackend('function', undefined);
  const { targets, deciding } = await loadTargets(backend, { functionPattern: { regExp: functions, text: '' } });
  const marked = markFilter(MARK, 0xffffffff);
  const packets = where === undefined ? marked : { ...marked, where: compileWhere(where, '--where', kernel) };
  using session = await Session.open({
    ...{ backend, targets, deciding, tracer: 'function', packets },
    ...{ samplePeriod: 1, snaplen: 0, follow: true, ringSizeBytes: 1 << 20, fields },
  });
  await session.attach(new AbortController().signal);
  traffic();
  const read = fields.createReader(() => {});
  const events: Read[] = [];
  session.read({
    event({ hasFields, data, dataOffset }) {
      if (!hasFields) return;
      const event: Record<'c' | 'ts' | 'show', Record<string, unknown>> = { c: {}, ts: {}, show: {} };
      for (const [key, value] of Object.entries(read(data, dataOffset))) {
        const [word, field] = key.split('.') as ['c' | 'ts' | 'show', string];
        event[word][field] = value;
      }
      events.push(event);
    },
    ...{ began() {}, moved() {}, snapshot() {}, process() {}, ended() {} },
  });
  await session.release();
  for (const { computed } of sets) computed?.end?.();
  return events;
}

/** What C shows where there is nothing. */
const NOTHING = new Set<unknown>([0, 0n, '', '::', '0', '<none>', undefined]);

/** Names that the kernel has none for: where it has, all three show a name. */
const BITS = {
  flags: ['fin', 'syn', 'rst', 'psh', 'ack', 'urg', 'ece', 'cwr'],
  gso_type: ['tcpv4', 'dodgy', 'tcp_ecn', 'tcp_fixedid', 'tcpv6'],
  status: ['expected', 'seen_reply', 'assured', 'confirmed'],
};
const NUMBERS: Record<string, Record<string, string>> = {
  family: { 1: 'unix', 2: 'inet', 10: 'inet6', 16: 'netlink', 17: 'packet' },
  protocol: { 1: 'icmp', 6: 'tcp', 17: 'udp', 58: 'icmpv6', 132: 'sctp' },
  state: {
    ...{ '-1': 'untracked', IP_CT_ESTABLISHED: 'established', IP_CT_RELATED: 'related', IP_CT_NEW: 'new_connection' },
    ...{ IP_CT_IS_REPLY: 'established_reply', IP_CT_ESTABLISHED_REPLY: 'established_reply' },
  },
};

/** A value as C shows it. */
function asInC(field: string, value: unknown): unknown {
  // The cookie is signed in the kernel's struct, and C's extension shows it as it is meant.
  if (typeof value === 'bigint') return BigInt.asUintN(64, value);
  const text = String(value);
  const bits = BITS[field as keyof typeof BITS];
  if (bits && text.startsWith('0x')) return bits.filter((_, bit) => Number(text) & (1 << bit)).join('|') || '<none>';
  if (field === 'reason') return text.replace('SKB_DROP_REASON_', '').toLowerCase();
  return NUMBERS[field]?.[text] ?? value;
}

/** Compares what the three read. @returns the values of each field that were seen, as C shows them */
function compare(events: readonly Read[]): Map<string, Set<unknown>> {
  const seen = new Map<string, Set<unknown>>();
  expect(events.length).toBeGreaterThan(0);
  for (const { c, ts, show } of events) {
    const about = JSON.stringify({ c, ts, show }, (_, value) => (typeof value === 'bigint' ? String(value) : value));
    for (const field of new Set([...Object.keys(ts), ...Object.keys(show)])) {
      const [inTs, inShow] = [ts, show].map((fields) => fields[field]).map((value) => value !== undefined);
      expect(inTs, `${field} of ${about}`).toBe(inShow);
      const value = asInC(field, ts[field]);
      expect(asInC(field, show[field]), `${field} of ${about}`).toEqual(value);
      seen.set(field, (seen.get(field) ?? new Set()).add(value));
      // C has addresses of both versions in one field.
      expect(c[field.replace(/6$/, '')], `${field} of ${about}`).toEqual(value);
    }
    // What is absent in the others is nothing in C.
    for (const [field, value] of Object.entries(c)) {
      if (ts[field] === undefined && ts[`${field}6`] === undefined && field !== 'number')
        expect(NOTHING, `${field} of ${about}`).toContain(value);
    }
  }
  return seen;
}

const sendAll = () => {
  network.ping(MARK, { count: 1 });
  for (const to of ['10.11.0.2', 'fd11::2']) {
    network.send('udp', to, MARK, 100);
    network.send('tcp', to, MARK, 3000);
  }
};

describe('the examples in C and in TypeScript, and expressions', () => {
  test.each([
    ['skb-len', ['len']],
    ['device', ['device', 'ifindex', 'netns']],
    ['ttl', ['ttl']],
    ['tcp', ['flags', 'window', 'seq', 'ack_seq']],
    ['socket', ['cookie', 'family', 'uid']],
    ['gso', ['len', 'data_len', 'gso_size', 'gso_segs', 'gso_type']],
    ['five-tuple', ['protocol', 'saddr', 'daddr', 'saddr6', 'daddr6', 'sport', 'dport']],
  ])('%s', async (name, fields) => {
    const events = await readAll(exampleOf(name), sendAll);
    expect(events.length).toBeGreaterThan(3);
    expect([...compare(events).keys()].sort()).toEqual(fields.sort());
  });

  test('conntrack', async () => {
    const conntrack = exampleOf('conntrack', /^(__ip_local_out|ip_output)$/);
    const seen = compare(await readAll(conntrack, () => network.ping(MARK, { count: 2 })));
    expect(seen.get('state')).toEqual(new Set(['untracked', 'new_connection', 'established']));
    expect([...(seen.get('status') ?? [])].at(-1)).toMatch(/^seen_reply\|confirmed/);
  });

  test('drop-reason', async () => {
    const isNew = types().source.addressesOf('sk_skb_reason_drop').length > 0;
    // As its comment says.
    const before = (text: string) =>
      text.replaceAll('sk_skb_reason_drop', 'kfree_skb_reason').replaceAll('arg(2)', 'arg(1)');
    const dropped = exampleOf('drop-reason', /^(sk_skb_reason_drop|kfree_skb_reason)$/, isNew ? undefined : before);
    const nft = (text: string) => execFileSync('ip', ['netns', 'exec', network.there, 'nft', text]);
    nft('table ip6 ipft_drop { chain in { type filter hook input priority 0; meta l4proto udp drop; }; }');
    try {
      const reading = readAll(dropped, () => {
        for (const to of ['10.11.0.2', 'fd11::2']) network.sendInVain(to, MARK, 100);
      });
      if (!KERNEL.hasDropReasons) {
        await expect(reading).rejects.toThrow(/no function kfree_skb_reason|enum skb_drop_reason/);
        return;
      }
      expect(compare(await reading).get('reason')).toEqual(new Set(['no_socket', 'netfilter_drop']));
    } finally {
      nft('delete table ip6 ipft_drop');
    }
  });

  test('there is no other example', () => {
    const tested = ['conntrack', 'device', 'drop-reason', 'five-tuple', 'gso', 'skb-len', 'socket', 'tcp', 'ttl'];
    expect(readExamples().map(({ name }) => name)).toEqual(tested);
    const inC = readdirSync(example('')).flatMap((file) => (file.endsWith('.bpf.c') ? [basename(file, '.bpf.c')] : []));
    expect(inC.sort()).toEqual(tested);
  });
});

describe('ipft -e FILE.ts', () => {
  const trace = (file: string, ...more: string[]) =>
    traceWhile(['-m', String(MARK), '-o', 'json', '-r', '^dev_hard_start_xmit$', '-e', file, ...more], () => {
      network.ping(MARK, { count: 2 });
      network.send('udp', '10.11.0.2', MARK, 200);
    });

  test('conditions, loops, show, keep and --show in one trace', async () => {
    const file = join(dir, 'all.ts');
    writeFileSync(
      file,
      `import { cpu, extension, icmp, ip4, sizeof, type sk_buff } from 'ipft/extension';
const NAMES = ['small', 'large'] as const;
const isIcmp = (skb: sk_buff) => ip4(skb).protocol === 1;
export default extension({
  fields: {
    size: { read: (skb) => (skb.len > 150 ? 1 : 0), show: (size: number) => NAMES[size]! },
    name: (skb) => { let sum = 0; for (let i = 0; i < 4; i++) sum += skb.dev.name[i]; return sum; },
    kind: (skb) => { if (!isIcmp(skb)) return undefined; return icmp(skb).type; },
    header: () => sizeof('struct iphdr'),
    none: (skb) => skb.dev.ifindex > 0 ? undefined : 1,
    processor: () => cpu,
  },
  keep: (skb) => skb.len === 98 || !isIcmp(skb),
});
`,
    );
    const { stdout, stderr, status } = await trace(file, '--show', 'skb->len');
    expect([status, stderr]).toEqual([0, expect.not.stringMatching(/^\s+at /m)]);
    const sum = [...'veth'].reduce((total, letter) => total + letter.charCodeAt(0), 0);
    const events = parseEvents(stdout);
    expect(events).toMatchObject([
      { size: 'small', name: sum, kind: 8, header: 20, len: 98 },
      { size: 'small', name: sum, kind: 8, header: 20, len: 98 },
      { size: 'large', name: sum, header: 20, len: 242 },
    ]);
    for (const event of events) expect(event).not.toHaveProperty('none');
    expect(events[2]).not.toHaveProperty('kind');
  });

  test('a show that never ends is an error that ends the trace', async () => {
    const file = join(dir, 'endless.ts');
    writeFileSync(
      file,
      "import { extension } from 'ipft/extension';\nexport default extension({ fields: { a: { read: (skb) => skb.len, show: () => { for (;;) {} } } } });\n",
    );
    const { stderr, status } = await trace(file);
    expect([status, stderr]).toEqual([1, expect.stringMatching(/show of the field a has not ended after 1 s/)]);
    expect(stderr).not.toMatch(/^\s+at /m);
  });

  test('a recording has fields with show as they were read, and that is told', async () => {
    const file = join(dir, 'tcp.ipft');
    const args = ['-m', String(MARK), '-r', '^dev_hard_start_xmit$', '-e', example('tcp.ts')];
    const { status, stderr } = await recordWhile(file, args, () => network.send('tcp', '10.11.0.2', MARK, 3000));
    expect(stderr).toContain('tcp.ts: flags is recorded as read, without show\n');
    expect(status).toBe(0);
    const events = parseEvents(ipft('show', file, '-o', 'json').stdout);
    // What only has the bit of SYN comes first.
    expect(events[0]).toMatchObject({ flags: 2, ack_seq: 0 });
    for (const event of events) expect(Object.keys(event)).toEqual(expect.arrayContaining(['flags', 'window', 'seq']));
  });

  test('an unknown member is told with its line, before anything is attached', () => {
    const file = join(dir, 'unknown.ts');
    writeFileSync(
      file,
      "import { extension } from 'ipft/extension';\nexport default extension({ fields: { a: (skb) => skb.dev.nam } });\n",
    );
    const { status, stderr } = ipft('-m', '1', '-e', file);
    expect([status, stderr]).toEqual([
      1,
      expect.stringContaining('unknown.ts:2:58: struct net_device has no member nam'),
    ]);
  });

  test('check executes it, says so, and asks the verifier', () => {
    const { status, stdout, stderr } = ipft('check', example('tcp.ts'));
    expect([status, stdout]).toEqual([0, expect.stringMatching(/window +be16/)]);
    expect(stderr).toMatch(/tcp\.ts is executed/);
    expect(stderr).toMatch(/the verifier accepts it/);
  });
});

test('ipft types: the examples are right by the types of this kernel', () => {
  const folder = join(dir, 'types');
  cpSync(join(ROOT, 'examples/extensions'), folder, { recursive: true });
  const { status, stdout } = ipft('types', '-o', folder);
  expect([status, stdout]).toEqual([0, expect.stringMatching(/ipft-env\.d\.ts has \d{3,} structs of Linux/)]);
  expect(readdirSync(folder)).toEqual(expect.arrayContaining(['ipft-env.d.ts', 'tsconfig.json']));
  execFileSync(join(ROOT, 'node_modules/.bin/tsc'), ['-p', folder], { encoding: 'utf8' });
});
