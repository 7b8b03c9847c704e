/** Extensions in TypeScript on real traffic: what they read is what those in C, and expressions, read of the same packets. */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Session } from '../../src/capture/session.js';
import { KernelTypes } from '../../src/expression/kernel-types.js';
import { readShow, showSource } from '../../src/fields/expression/show.js';
import { chooseExtension, extensionSource } from '../../src/fields/extension.js';
import { combineFields, type FieldSet } from '../../src/fields/field-set.js';
import { createLayout } from '../../src/fields/layout.js';
import { typescriptSource } from '../../src/fields/typescript/source.js';
import { markFilter } from '../../src/filter/mark.js';
import { kernelTypeSource } from '../../src/kernel/type-source.js';
import { chooseBackend } from '../../src/probes/backends.js';
import { loadTargets } from '../../src/probes/targets.js';
import { compiled, example, ipft, Network, parseEvents, ROOT, recordWhile, traceWhile } from './harness.js';

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

/** What the three kinds read of all packets that are sent. */
async function readAll(name: string, shown: string): Promise<{ c: Fields; ts: Fields; show: Fields }[]> {
  const kernel = types();
  const sets = [
    named(await extensionSource(chooseExtension([compiled(example(`${name}.bpf.c`))]), {}).load(), 'c'),
    named(await typescriptSource(example(`${name}.ts`), () => kernel, {}).load(), 'ts'),
    named(await showSource(readShow([shown], '--show'), '--show', () => kernel).load(), 'show'),
  ];
  const fields = combineFields(sets);
  const { backend } = await chooseBackend('function', undefined);
  const { targets, deciding } = await loadTargets(backend, {
    functionPattern: { regExp: /^(dev_hard_start_xmit|ip_rcv|ipv6_rcv)$/, text: '' },
  });
  using session = await Session.open({
    ...{ backend, targets, deciding, tracer: 'function', packets: markFilter(MARK, 0xffffffff) },
    ...{ samplePeriod: 1, snaplen: 0, follow: true, ringSizeBytes: 1 << 20, fields },
  });
  await session.attach(new AbortController().signal);
  network.ping(MARK, { count: 1 });
  for (const to of ['10.11.0.2', 'fd11::2']) {
    network.send('udp', to, MARK, 100);
    network.send('tcp', to, MARK, 3000);
  }
  const read = fields.createReader(() => {});
  const events: { c: Fields; ts: Fields; show: Fields }[] = [];
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

describe('the examples in C and in TypeScript, and expressions', () => {
  test.each([
    ['skb-len', 'skb->len', ['len']],
    [
      'device',
      'skb->dev->name as device, skb->dev->ifindex, skb->dev->nd_net.net->ns.inum as netns',
      ['device', 'ifindex', 'netns'],
    ],
    ['ttl', 'ip4(skb)->ttl', ['ttl']],
    ['tcp', 'tcp(skb)->window, tcp(skb)->seq:be32, tcp(skb)->ack_seq:be32', ['window', 'seq', 'ack_seq']],
    ['socket', 'skb->sk->__sk_common.skc_cookie.counter as cookie, skb->sk->sk_uid.val as uid', ['cookie', 'uid']],
    [
      'gso',
      'skb->len, skb->data_len, ((struct skb_shared_info *)(skb->head + skb->end))->gso_size, ((struct skb_shared_info *)(skb->head + skb->end))->gso_segs',
      ['len', 'data_len', 'gso_size', 'gso_segs'],
    ],
    ['five-tuple', 'tcp(skb)->source as sport, tcp(skb)->dest as dport', ['sport', 'dport']],
  ])('%s', async (name, shown, compared) => {
    const events = await readAll(name, shown);
    expect(events.length).toBeGreaterThan(3);
    for (const { c, ts, show } of events) {
      for (const field of compared) {
        // The cookie is signed in the kernel's struct, and C's extension shows it as it is meant.
        const [inC, inTs] = [c[field], ts[field]].map((value) =>
          typeof value === 'bigint' ? BigInt.asUintN(64, value) : value,
        );
        if (inTs === undefined)
          expect(NOTHING.has(inC) || name === 'socket', `${field} of ${JSON.stringify(inC)}`).toBe(true);
        else expect(inTs, field).toEqual(inC);
        if (show[field] !== undefined) expect(show[field], field).toEqual(ts[field]);
      }
      for (const field of ['flags', 'family', 'protocol']) {
        if (ts[field] !== undefined) expect(ts[field], field).toBe(c[field]);
      }
      if (name === 'five-tuple') {
        expect(ts['saddr'] ?? ts['saddr6'] ?? '::').toBe(c['saddr']);
        expect(ts['daddr'] ?? ts['daddr6'] ?? '::').toBe(c['daddr']);
      }
    }
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
