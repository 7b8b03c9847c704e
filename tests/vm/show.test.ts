/** Fields and conditions that are expressions: what they read is what C reads, and the verifier takes what the checker takes. */
import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { BackendName, TracerName } from '../../src/base/method.js';
import { TextBuffer } from '../../src/base/text-buffer.js';
import { Session } from '../../src/capture/session.js';
import { Checker } from '../../src/expression/check.js';
import { INLINE_FUNCTIONS } from '../../src/expression/inline-functions.js';
import { KernelTypes } from '../../src/expression/kernel-types.js';
import { parseExpression } from '../../src/expression/parse.js';
import { readType, type TypeRef } from '../../src/expression/types.js';
import { readShow, showSource } from '../../src/fields/expression/show.js';
import { chooseExtension, extensionSource } from '../../src/fields/extension.js';
import { type EventFields, loadFields } from '../../src/fields/field-set.js';
import { markFilter } from '../../src/filter/mark.js';
import { ANY_MARK, type PacketFilter } from '../../src/filter/packet-filter.js';
import { compileWhere } from '../../src/filter/where.js';
import { loadSymbolWriter } from '../../src/kernel/symbols.js';
import { kernelTypeSource } from '../../src/kernel/type-source.js';
import { BACKENDS } from '../../src/probes/backends.js';
import { loadTargets } from '../../src/probes/targets.js';
import { Chance } from '../support/frames.js';
import { compiled, extension, ipft, Network } from './harness.js';
import { CHOSEN_METHODS, KERNEL, LARGEST_METHODS, type Method, testMethod } from './kernels.js';

let network: Network;
let types: KernelTypes;
beforeAll(() => {
  execFileSync('modprobe', ['veth']);
  network = new Network();
  types = new KernelTypes(kernelTypeSource());
});
afterAll(() => network?.[Symbol.dispose]());

const MARK = 0x30;
/** Each beside what C reads for it. */
const SHOWN = {
  name: 'skb->dev->name',
  len: 'skb->len',
  mtu: 'skb->dev->mtu',
  mark: 'skb->mark',
  ifindex: 'skb->dev->ifindex',
  type: 'skb->pkt_type',
  summed: 'skb->ip_summed',
  cloned: 'skb->cloned',
  protocol: 'skb->protocol',
  network: 'skb->network_header',
  inum: 'skb->dev->nd_net.net->ns.inum',
  family: 'skb->sk->sk_family',
  dport: 'skb->sk->__sk_common.skc_dport',
  sum: 'skb->len * 3 + skb->mark',
  rest: '(skb->len << 4 ^ skb->mark) % 1000',
  negative: '(int)(skb->network_header - 5000) / 7',
  head: '(u64)skb->head',
  destructor: 'skb->destructor',
  version: '((struct iphdr *)(skb->head + skb->network_header))->version',
  saddr: '((struct iphdr *)(skb->head + skb->network_header))->saddr',
  ttl: '*(skb->head + skb->network_header + 8)',
};
const FORMATS: Partial<Record<keyof typeof SHOWN, string>> = { head: ':hex' };
const ALL = Object.entries(SHOWN)
  .map(([name, text]) => `${text} as ${name}${FORMATS[name as keyof typeof SHOWN] ?? ''}`)
  .join(', ');

async function open(method: Method, fields: EventFields, packets: PacketFilter): Promise<Session> {
  const [name, tracer] = method.split(' ') as [BackendName, TracerName];
  const backend = BACKENDS.find((one) => one.name === name)!;
  const { targets, deciding } = await loadTargets(backend, {
    functionPattern: {
      regExp: /^(ip_output|ip_local_out|dev_hard_start_xmit|netif_rx|__netif_receive_skb_core|ip_rcv|icmp_rcv)$/,
      text: '',
    },
  });
  const about = { backend, tracer, targets, deciding, packets, samplePeriod: 1, snaplen: 0, follow: false };
  return await Session.open({ ...about, ringSizeBytes: 1 << 20, fields });
}

interface Shown {
  readonly isReturn: boolean;
  readonly target: number;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** The fields of all events while something is sent. */
async function trace(method: Method, fields: EventFields, packets: PacketFilter, send: () => void): Promise<Shown[]> {
  using session = await open(method, fields, packets);
  await session.attach(new AbortController().signal);
  send();
  const writer = fields.createWriter(loadSymbolWriter());
  const out = new TextBuffer(1 << 12);
  const shown: Shown[] = [];
  session.read({
    event({ isReturn, hasFields, data, dataOffset, target }) {
      if (!hasFields) return;
      writer.json(out, data, dataOffset);
      shown.push({ isReturn, target, fields: JSON.parse(`{${out.takeText().slice(1)}}`) });
    },
    ...{ began() {}, moved() {}, snapshot() {}, process() {}, ended() {} },
  });
  await session.release();
  return shown;
}

const where = (text: string): PacketFilter => ({ mark: ANY_MARK, where: compileWhere(text, '--where', types) });

test('what is to be written instead of functions of the source is taken', () => {
  execFileSync('modprobe', ['nf_conntrack']);
  const known = new KernelTypes(kernelTypeSource());
  for (const [name, text] of INLINE_FUNCTIONS) {
    expect(() => new Checker(known).value(parseExpression(text)), name).not.toThrow();
    expect(() => new Checker(known).value(parseExpression(`${name}(skb)`)), name).toThrow(/can't be called/);
  }
});

describe('values are those that C reads', () => {
  for (const method of LARGEST_METHODS) {
    testMethod(method, 'all of them, and packets by a condition', async () => {
      const fields = await loadFields([
        showSource(
          readShow(
            [ALL, 'ip4(skb)->ttl as ip_ttl, icmp(skb)->type as icmp_type, tcp(skb)->syn, comm, arg(0) as first:hex'],
            '--show',
          ),
          '--show',
          () => types,
        ),
        extensionSource(chooseExtension([compiled(extension('reference.bpf.c'))]), {}),
      ]);
      const condition = `skb->mark == ${MARK} && skb->len > 1000 || skb->mark == ${MARK} && skb->dev->name == "nosuch"`;
      const shown = await trace(method, fields, where(condition), () => {
        network.ping(MARK, { count: 1 });
        network.ping(MARK, { count: 2, bytes: 1080 });
        network.ping(MARK, { count: 1, bytes: 1200, to: 'fd11::2' });
        network.ping(MARK + 1, { count: 1, bytes: 1100 });
      });
      expect(shown.length).toBeGreaterThanOrEqual(5);
      for (const { fields } of shown) {
        const own = Object.fromEntries(Object.keys(SHOWN).map((name) => [name, fields[name]]));
        const inC = Object.fromEntries(Object.keys(SHOWN).map((name) => [name, fields[`c_${name}`]]));
        // What is behind a NULL is absent here, and 0 there.
        for (const [name, value] of Object.entries(own)) if (value === undefined) expect([0, '']).toContain(inC[name]);
        expect(own).toEqual(
          Object.fromEntries(
            Object.entries(inC).map(([name, value]) => [name, own[name] === undefined ? undefined : value]),
          ),
        );
        expect(fields['len']).toBeGreaterThan(1000);
        expect(fields).not.toHaveProperty('syn');
        if (fields['ip_ttl'] !== undefined) expect(fields['ip_ttl']).toBe(fields['ttl']);
      }
      expect(shown.some(({ fields }) => fields['ip_ttl'] === 64)).toBe(true);
      expect(shown.some(({ fields }) => fields['icmp_type'] === 8)).toBe(true);
      expect(shown.some(({ fields }) => fields['family'] === 2)).toBe(true);
      expect(shown.some(({ fields }) => fields['comm'] === 'ping')).toBe(true);
    });
  }
});

/** Makes expressions of members that can be reached from the skb. */
class Maker {
  readonly #chance: Chance;

  constructor(seed: number) {
    this.#chance = new Chance(seed);
  }

  /** A number or a pointer, of members a few steps away. */
  path(): string {
    const skb = (types.pointerTo('sk_buff', { from: 0, to: 0 }) as { to: () => { ref: TypeRef } }).to().ref;
    let [text, ref, steps] = ['skb->', skb, 0];
    for (;;) {
      const names = types.memberNames(ref);
      const name = this.#chance.pick(names);
      const member = types.member(ref, name)!;
      text += name;
      let type = readType(member.type);
      while (type.kind === 'array') {
        if (type.length < 2) return 'skb->len';
        text += `[${this.#chance.below(2) === 0 ? this.#chance.below(type.length) : 'skb->len & 15'}]`;
        type = readType({ btf: type.ref.btf, id: type.ref.btf.tail(type.ref.id, 0) });
      }
      if (type.kind === 'opaque') return 'skb->len';
      if (type.kind === 'integer') return text;
      if (type.kind === 'pointer') {
        const to = type.to();
        if (to.kind !== 'struct' || to.bytes === undefined || steps++ > 3) return text;
        [text, ref] = [`${text}->`, to.ref];
      } else [text, ref] = [`${text}.`, type.ref];
      if (types.memberNames(ref).length === 0) return 'skb->len';
    }
  }

  number(depth = 0): string {
    const { pick, below } = {
      pick: this.#chance.pick.bind(this.#chance),
      below: this.#chance.below.bind(this.#chance),
    };
    if (depth > 3 || below(3) === 0) {
      return (
        pick(['(u64)', '(int)', '(u8)', '(s16)']) +
        pick([this.path(), this.path(), this.path(), 'cpu', 'now', 'arg(1)', 'tcp(skb)->dest', 'ip4(skb)->saddr'])
      );
    }
    const [left, right] = [this.number(depth + 1), this.number(depth + 1)];
    switch (below(5)) {
      case 0:
        return `(${left} ${pick(['/', '%'])} ${right})`;
      case 1:
        return `(${left} ${pick(['<<', '>>'])} (${right} & 31))`;
      case 2:
        return `(${left} ${pick(['<', '==', '&&', '||', '>='])} ${right})`;
      case 3:
        return `(${left} ? ${right} : ${this.number(depth + 1)})`;
      default:
        return `(${left} ${pick(['+', '-', '*', '&', '|', '^'])} ${pick(['-', '~', '!', ''])}${right})`;
    }
  }
}

for (const method of CHOSEN_METHODS.filter((one) => one.endsWith('function_graph'))) {
  testMethod(method, 'the verifier takes what the checker takes', async () => {
    const seed = Number(process.env['IPFT_SEED'] ?? 1);
    for (let round = 0; round < 2; round++) {
      const maker = new Maker(seed * 1000 + round);
      const fields = Array.from(
        { length: 40 },
        (_, index) => `${index % 2 === 0 ? maker.path() : maker.number()} as f${index}`,
      );
      const condition = Array.from({ length: 4 }, () => maker.number()).join(' && ');
      const source = showSource(readShow([fields.join(', ')], '--show'), '--show', () => types);
      using _session = await open(method, await loadFields([source]), where(condition));
    }
  });
}

test('a condition without a mark, by the command line; what is wrong is told with its place', () => {
  const wrong = ipft('--where', 'skb->dev->nam == "lo"');
  expect(wrong.status).toBe(2);
  expect(wrong.stderr).toBe(
    `ipft: --where: struct net_device has no member nam; name?, at character 11 of 'skb->dev->nam == "lo"'\n`,
  );
  const module = ipft(
    '-m',
    '1',
    '--show',
    '((struct nf_conn *)(skb->_nfct & ~7))->mark as m, ((struct nf_conx *)1)->x',
  );
  expect(module.stderr).toContain('struct nf_conx');
  expect(module.status).toBe(2);
});

test('a module has types of its own, where it has BTF', async () => {
  const text = 'sizeof(struct veth_priv) as s, sizeof(struct veth_priv@veth) as m, sizeof(struct sk_buff@veth) as k';
  const load = async () => await loadFields([showSource(readShow([text], '--show'), '--show', () => types)]);
  if (!KERNEL.hasModuleBtf) {
    await expect(load()).rejects.toThrow('neither the kernel nor a loaded module has a struct veth_priv');
    return;
  }
  const shown = await trace(CHOSEN_METHODS[0]!, await load(), markFilter(MARK, 0xffffffff), () => {
    network.ping(MARK, { count: 1 });
  });
  const [first] = shown;
  expect(first?.fields['s']).toBeGreaterThan(8);
  expect(first?.fields['m']).toBe(first?.fields['s']);
  expect(first?.fields['k']).toBeGreaterThan(200);
  const nowhere = readShow(['sizeof(struct a@nosuch) as a'], '--show');
  await expect(loadFields([showSource(nowhere, '--show', () => types)])).rejects.toThrow('no module nosuch');
});
