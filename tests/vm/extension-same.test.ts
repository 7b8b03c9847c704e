/** Extensions, as in extension.test.ts: what no kernel does otherwise, for one of them. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { example, extension, ipft, Network, parseEvents, traceWhile } from './harness.js';

let network: Network;
beforeAll(() => {
  execFileSync('modprobe', ['veth']);
  network = new Network();
});
afterAll(() => network?.[Symbol.dispose]());

/** The events of an example, at some functions, while packets with the mark 9 are sent. */
async function show(file: string, functions: string, traffic: () => unknown): Promise<Record<string, unknown>[]> {
  const args = ['-m', '9', '-o', 'json', '-r', `^(${functions})$`, '-e', file];
  const result = await traceWhile(args, traffic);
  expect(result.status).toBe(0);
  return parseEvents(result.stdout);
}

describe('examples/extensions', () => {
  test('ttl: the time to live of IPv4 packets, and of no others', async () => {
    const events = await show(example('ttl.bpf.c'), 'dev_hard_start_xmit', () => {
      network.ping(9, { count: 1, more: ['-t', '7'] });
      network.ping(9, { count: 1, to: 'fd11::2' });
    });
    expect(events).toMatchObject([{ ttl: 7 }]);
  });

  test('tcp: flags and sequence numbers of a connection', async () => {
    const events = await show(example('tcp.bpf.c'), 'dev_hard_start_xmit', () => {
      network.ping(9, { count: 1 });
      network.send('tcp', 'fd11::2', 9, 5);
    });
    const [first, second, third] = events;
    expect(first).toMatchObject({ flags: 'syn', ack_seq: 0 });
    expect(second).toMatchObject({ flags: 'ack', seq: Number(first?.['seq']) + 1 });
    expect(third).toMatchObject({ flags: 'psh|ack', seq: second?.['seq'], ack_seq: second?.['ack_seq'] });
  });
});

describe('an extension', () => {
  test('may come in several files with licenses of their own, and asks for arguments and function', async () => {
    const both = ['-e', extension('main.bpf.c'), '-e', extension('second.bpf.c')];
    const result = await traceWhile(['-m', '9', '-o', 'json', '-r', '^ip_output$', ...both], () =>
      network.ping(9, { count: 1 }),
    );
    const [event] = parseEvents(result.stdout);
    expect(event).toMatchObject({ ip: 'ip_output', third: event?.['packet_id'], beyond: -22 });
  });

  test('that never ends is refused, by check too', () => {
    for (const args of [['check'], ['-m', '9', '-r', '^ip_output$', '-e']]) {
      const result = ipft(...args, extension('endless.bpf.c'));
      expect(result.status).toBe(1);
      expect(result.stderr).toContain('infinite loop detected');
      expect(result.stderr).not.toMatch(/^ +at /m);
    }
  });

  test('of the guide, word for word, from a file with an awkward name', async () => {
    const path = `/tmp/it's; a "guide" $(id).bpf.c`;
    writeFileSync(path, GUIDE);
    const result = await traceWhile(['-m', '9', '-r', '^dev_hard_start_xmit$', '-e', path], () =>
      network.ping(9, { count: 1 }),
    );
    expect(result.stdout).toMatch(/ dev_hard_start_xmit \( len: 98 \)\n$/);
  });
});

/** The minimal extension of seed/bpf-extension-guide.md. */
const GUIDE = `#include <linux/types.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

#define __ipft_sec_skip __attribute__((section("__ipft_skip")))
#define __ipft_event_struct __ipft_event_struct __ipft_sec_skip

struct event {
  /* Your fields comes here */
  unsigned int len;
} __ipft_event_struct;

/*
 * This is an only subset of actual sk_buff definitions but no problem.
 * Because BPF-CORE feature of libbpf loader takes care of rewrite this
 * program based on actual definition from kernel BTF.
 */
struct sk_buff {
  /* Your fields comes here. Below is an example. */
  unsigned int len;
};

__hidden int
module(void *ctx, struct sk_buff *skb, __u8 data[64])
{
  struct event *ev = (struct event *)data;

  /* Your logic comes here. Below is an example. */
  ev->len = BPF_CORE_READ(skb, len);

  return 0;
}
`;
