/** Packets and calls are counted in the kernel, by each backend's programs. */
import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, expect } from 'vitest';
import { Network } from './harness.js';
import { METHODS, optionsOf, testMethod } from './kernels.js';
import { counted } from './printed-counts.js';

let network: Network;
beforeAll(() => {
  execFileSync('modprobe', ['veth']);
  network = new Network();
});
afterAll(() => network?.[Symbol.dispose]());

const MARK = 0x51;
const OUT = '^(ip_output|dev_hard_start_xmit|ip_rcv)$';
const send = () => network.ping(MARK, { count: 7 });

for (const method of METHODS.filter((one) => one.endsWith(' function'))) {
  testMethod(method, 'calls, packets, and a histogram of these', async () => {
    const options = [...optionsOf(method), '-r', OUT, '-m', String(MARK)];
    // A packet that leaves a namespace has no mark any more.
    expect(await counted([...options, '--count-by', 'func, skb->dev->name', '--per', 'call'], send)).toMatchObject({
      per: 'call',
      end: true,
      total: 14,
      rows: [
        { by: { func: 'dev_hard_start_xmit', name: 'veth-a' }, count: 7 },
        { by: { func: 'ip_output', name: null }, count: 7 },
      ],
    });
    const sized = await counted([...options, '--count-by', 'skb->dev->name', '--hist', '(int)skb->len - 1000'], () => {
      send();
      network.ping(MARK, { count: 2, bytes: 1400 });
    });
    // Once, at the first call where there is a device: 98 and 1,442 bytes with the Ethernet header.
    expect(sized.rows).toEqual([
      {
        by: { name: 'veth-a' },
        count: 9,
        histogram: [
          { least: -1023, greatest: -512, count: 7 },
          { least: 256, greatest: 511, count: 2 },
        ],
      },
    ]);
  });
}

/** As many values as there is room for, most of which may be absent: each has two ways through the code. */
const WIDEST =
  'ip4(skb)->saddr, ip6(skb)->saddr as saddr6, ip4(skb)->ttl, ip4(skb)->protocol, tcp(skb)->dest as dport, udp(skb)->dest as uport, ' +
  'icmp(skb)->type, eth(skb)->h_proto, skb->dev->name, skb->dev->mtu, skb->sk->sk_protocol, skb->sk->__sk_common.skc_dport, ' +
  'skb->sk->__sk_common.skc_family, cpu';

for (const method of METHODS.filter((one) => one.endsWith(' function'))) {
  testMethod(method, 'the verifier takes as many values as there is room for', async () => {
    const options = [...optionsOf(method), '-r', '^dev_hard_start_xmit$', '-m', String(MARK), '--per', 'call'];
    const most = Array.from({ length: 60 }, (_, index) => `ip4(skb)->ttl as ttl${index}`).join(', ');
    expect((await counted([...options, '--count-by', most], send)).total).toBe(7);
    const { rows, total } = await counted([...options, '--count-by', WIDEST, '--hist', 'skb->len'], send);
    expect(total).toBe(7);
    for (const { by } of rows) {
      expect(by).toMatchObject({
        saddr: '10.11.0.1',
        saddr6: null,
        ttl: 64,
        protocol: 1,
        dport: null,
        type: 8,
        name: 'veth-a',
      });
    }
  });
}
