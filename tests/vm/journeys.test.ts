/** Packets whose fate is known: what ipft says of them is the truth. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type JourneyLine, Network, parseEvents, Route, splitJson, Tracing, traceWhile } from './harness.js';
import { CHOOSES_FIRST, HAS_ALL_TESTS, KERNEL } from './kernels.js';

let route: Route;
beforeAll(() => {
  for (const module of ['veth', 'nf_tables', 'dummy', 'act_mirred', 'cls_matchall', 'sch_ingress']) {
    execFileSync('modprobe', [module]);
  }
  route = new Route();
  // A device that leads nowhere; what goes there is copied to another one.
  for (const device of ['nowhere', 'mirror']) {
    route.exec(route.near, 'ip', 'link', 'add', device, 'type', 'dummy');
    route.exec(route.near, 'ip', 'link', 'set', device, 'up');
    const network = device === 'nowhere' ? '10.33.0' : '10.34.0';
    route.exec(route.near, 'ip', 'route', 'add', `${network}.0/24`, 'dev', device);
    route.exec(route.near, 'ip', 'neigh', 'add', `${network}.1`, 'lladdr', '02:00:00:00:00:01', 'dev', device);
  }
  route.exec(route.near, 'tc', 'qdisc', 'add', 'dev', 'nowhere', 'clsact');
  route.exec(
    route.near,
    'tc',
    'filter',
    'add',
    'dev',
    'nowhere',
    'egress',
    'matchall',
    'action',
    'mirred',
    'egress',
    'mirror',
    'dev',
    'mirror',
  );
});
afterAll(() => route?.[Symbol.dispose]());

const MARK = 0x51;
/** Of each way, a function that the packet passes at its beginning, in the middle and at its end. */
const FUNCTIONS = [
  ...[
    '__ip_local_out',
    'ip_output',
    'ip_finish_output2',
    'dev_hard_start_xmit',
    'ip_rcv',
    'ip_forward',
    'ip_local_deliver',
  ],
  ...['icmp_rcv', 'kfree_skbmem', 'consume_skb', 'skb_release_data', 'validate_xmit_skb', 'dummy_xmit', 'nf_hook_slow'],
];
const SOME = ['-r', `^(${FUNCTIONS.join('|')})$`];

/** What was done, and the journeys that began meanwhile. */
class Fates {
  readonly #windows = new Map<string, [bigint, bigint]>();

  /** Does something to packets, and remembers when. */
  do(name: string, action: () => unknown): void {
    const from = process.hrtime.bigint();
    action();
    this.#windows.set(name, [from, process.hrtime.bigint()]);
  }

  of(name: string, journeys: readonly JourneyLine[]): JourneyLine[] {
    const [from, to] = this.#windows.get(name) ?? [0n, 0n];
    return journeys.filter(({ begin }) => BigInt(begin) >= from && BigInt(begin) <= to);
  }
}

describe('with --follow', () => {
  const fates = new Fates();
  let journeys: JourneyLine[];
  let events: Record<string, unknown>[];
  let stderr: string;

  const ping = (to: string, ...more: string[]) =>
    route.try(route.near, 'ping', '-q', '-c', '1', '-W', '0.1', '-m', String(MARK), ...more, to);
  const nft = (rules: string) => {
    route.exec(route.middle, 'nft', `table ip test { ${rules} }`);
    return { [Symbol.dispose]: () => route.exec(route.middle, 'nft', 'delete', 'table', 'ip', 'test') };
  };
  const tc = (...args: string[]) => route.exec(route.near, 'tc', ...args);

  beforeAll(async () => {
    const result = await traceWhile(['-m', String(MARK), '-o', 'json', '--follow', ...SOME], async (tracing) => {
      fates.do('forwarded', () => ping('10.22.0.3'));
      fates.do('ttl', () => ping('10.22.0.3', '-t', '1'));
      fates.do('closed port', () => route.send('-', 'udp', '10.22.0.3', MARK, 100));
      fates.do('udp', () => route.send(route.far, 'udp', '10.22.0.3', MARK, 100));
      fates.do('bad checksum', () => route.send('-', 'udp-bad-checksum', '10.22.0.3', MARK, 100));
      {
        using _rule = nft('chain c { type filter hook forward priority 0; icmp type echo-request drop; };');
        fates.do('nftables', () => ping('10.22.0.3'));
      }
      tc('qdisc', 'add', 'dev', 'near0', 'root', 'pfifo', 'limit', '0');
      fates.do('qdisc', () => ping('10.22.0.3'));
      tc('qdisc', 'del', 'dev', 'near0', 'root');
      route.exec(route.middle, 'sysctl', '-qw', 'net.ipv4.conf.middle0.rp_filter=1');
      route.exec(route.near, 'ip', 'addr', 'add', '10.99.0.1/32', 'dev', 'lo');
      fates.do('rp_filter', () => ping('10.21.0.2', '-I', '10.99.0.1'));
      fates.do('copied', () => ping('10.33.0.1'));
      // TCP comes last: on a slow machine it may say more than a test waits for.
      fates.do('tcp', () => route.send(route.far, 'tcp', '10.22.0.3', MARK, 100));
      // The device can't cut up what TCP gives it: the kernel does.
      route.exec(route.near, 'ethtool', '-K', 'near0', 'tso', 'off');
      fates.do('segmented', () => route.send(route.far, 'tcp', '10.22.0.3', MARK, 20_000));
      await tracing.until(() => {
        // What was read from a socket is given back to the CPU that it came from, which frees it when it receives again.
        for (const cpu of cpus().keys())
          route.exec(route.near, 'taskset', '-c', String(cpu), 'ping', '-qc1', '10.22.0.3');
        const printed = splitJson(tracing.stdout.slice(0, tracing.stdout.lastIndexOf('\n') + 1));
        const segments = fates.of('segmented', printed.journeys).filter(({ parent }) => parent !== null);
        const begun = new Set(printed.events.map(({ journey }) => journey));
        return segments.length > 0 && begun.size === printed.journeys.length;
      }, 'the end of all journeys');
    });
    expect(result.status).toBe(0);
    ({ journeys, events } = splitJson(result.stdout));
    stderr = result.stderr;
  });

  const only = (name: string): JourneyLine => {
    const found = fates.of(name, journeys);
    expect(found, name).toHaveLength(1);
    return found[0]!;
  };
  const placesOf = ({ journey }: JourneyLine) => [
    ...new Set(events.filter((event) => event['journey'] === journey).map(({ netns, device }) => `${netns} ${device}`)),
  ];
  const namesOf = ({ journey }: JourneyLine) =>
    events.filter((event) => event['journey'] === journey).map((event) => event['function']);

  test('a packet through three namespaces is one journey, with its places', () => {
    const found = only('forwarded');
    expect(found).toMatchObject({ outcome: 'consumed', parent: null, gap: false });
    const [near, middle, far] = [route.near, route.middle, route.far].map((name) => route.inode(name));
    expect(placesOf(found)).toEqual([
      ...[`${near} undefined`, `${near} near0`],
      ...[`${middle} middle0`, `${middle} middle1`],
      `${far} far0`,
    ]);
    const way = ['__ip_local_out', 'ip_forward', 'icmp_rcv', 'kfree_skbmem'];
    expect(namesOf(found).filter((name) => way.includes(String(name)))).toEqual(way);
    expect(namesOf(found).filter((name) => name === 'ip_rcv')).toHaveLength(2);
  });

  test.each([
    ['ttl', 'IP_INHDR', /^ip_forward\+0x/],
    ['closed port', 'NO_SOCKET', /^(__udp4_lib_rcv|udp_rcv)\+0x/],
    ['bad checksum', 'UDP_CSUM', /^(__udp4_lib_rcv|udp_rcv)\+0x/],
    ['nftables', 'NETFILTER_DROP', /^(nf_hook_slow|nft_do_chain)\+0x/],
    [
      'qdisc',
      'QDISC_\\w+',
      /^(__dev_queue_xmit|(kfree_skb_list|__tcf_kfree_skb_list)(_reason)?|pfifo_enqueue|__dev_xmit_skb)\+0x/,
    ],
    ['rp_filter', 'IP_RPFILTER', /^ip_rcv_finish(_core\S*)?\+0x/],
  ])('%s: dropped, with reason %s, where it was', (name, reason, endedIn) => {
    // What the sender is told of, it sends again.
    const found = name === 'qdisc' ? fates.of(name, journeys)[0]! : only(name);
    expect(found).toMatchObject({ outcome: 'dropped', gap: false, ended_in: expect.stringMatching(endedIn) });
    if (KERNEL.hasDropReasons) expect(found.reason).toMatch(new RegExp(`^SKB_DROP_REASON_(${reason}|NOT_SPECIFIED)$`));
    else expect(found.reason).toBeNull();
    // Netfilter and checksums have had a reason since there are any.
    if (KERNEL.hasDropReasons && !reason.startsWith('QDISC')) expect(found.reason).toMatch(new RegExp(reason));
  });

  test('delivered, to which socket', () => {
    expect(only('udp')).toMatchObject({ outcome: 'delivered', family: 'AF_INET', protocol: 'UDP', reason: null });
    const segments = fates.of('tcp', journeys);
    expect(segments.length).toBeGreaterThanOrEqual(3);
    for (const segment of segments.slice(0, 3)) {
      expect(segment).toMatchObject({ outcome: 'delivered', family: 'AF_INET', protocol: 'TCP' });
    }
  });

  test('transmitted, to which device; and its copy, which names its parent', () => {
    const [original, ...others] = fates.of('copied', journeys).sort((a, b) => a.begin - b.begin);
    expect(original).toMatchObject({ outcome: 'transmitted', device: 'nowhere', parent: null });
    if (!KERNEL.hasModuleBtf) return; // it passes no function of the kernel proper that is traced here
    const copy = others.find(({ parent }) => parent === original?.journey);
    expect(copy).toMatchObject({ outcome: 'transmitted', device: 'mirror' });
  });

  test('segments of a large packet are journeys with a parent', () => {
    const segments = fates.of('segmented', journeys);
    const told = segments.map((one) => JSON.stringify(one)).join('\n');
    const parents = segments.filter(({ journey }) => segments.some(({ parent }) => parent === journey));
    expect(parents.length, told).toBeGreaterThanOrEqual(1);
    for (const parent of parents) {
      const children = segments.filter((one) => one.parent === parent.journey);
      expect(children.length, told).toBeGreaterThanOrEqual(2);
      expect(
        children.map(({ outcome }) => outcome),
        told,
      ).toContain('delivered');
      expect(parent.outcome, told).toBe('consumed');
    }
  });

  test('each event belongs to one journey, in the order of time, and each journey has ended', () => {
    for (const { journey, events: count, begin, end } of journeys) {
      const its = events.filter((event) => event['journey'] === journey);
      expect(its).toHaveLength(count);
      const times = its.map(({ timestamp }) => Number(timestamp));
      expect(times).toEqual([...times].sort((a, b) => a - b));
      expect(times[0]).toBe(begin);
      expect(times.at(-1)).toBeLessThanOrEqual(end);
    }
    expect(new Set(journeys.map(({ journey }) => journey)).size).toBe(journeys.length);
    expect(journeys.filter(({ outcome }) => outcome === 'unknown' || outcome === 'alive')).toEqual([]);
    expect(stderr).toMatch(/^\d+ journeys: /m);
  });
});

describe('thousands of packets', () => {
  const COUNT = 2000;
  const DROPPED = 3;

  test('one after the other are as many journeys, and the three that were dropped stand out', async () => {
    // Requests are marked by ping, replies by the one that answers.
    const rules = `
      chain out { type route hook output priority 0; icmp type echo-reply meta mark set ${MARK}; };
      chain in { type filter hook prerouting priority 0; icmp type echo-request icmp sequence { 700, 1500, 1900 } drop; };`;
    route.exec(route.middle, 'nft', `table ip many { ${rules} }`);
    route.exec(route.near, 'sysctl', '-qw', 'net.ipv4.ping_group_range=0 2147483647');
    try {
      const args = ['-m', String(MARK), '--follow', '--strict', '-o', 'paths', '--diff', '1', '3', ...SOME];
      const result = await traceWhile(args, () => {
        const said = route.try(
          route.near,
          'ping',
          '-q',
          '-f',
          '-c',
          String(COUNT),
          '-W',
          '1',
          '-m',
          String(MARK),
          '10.21.0.2',
        );
        expect(said.stdout).toContain(`${COUNT} packets transmitted, ${COUNT - DROPPED} received`);
      });
      const headings = [...result.stdout.matchAll(/^#(\d+) {2}(\d+) journeys? \((\S+) %\), (.*)$/gm)];
      const answered = COUNT - DROPPED;
      // Newer kernels give ping's socket the reply itself; older ones a copy, and use up the reply.
      const total = Number(/^\d+/.exec(result.stdout)?.[0]);
      expect([COUNT + answered, COUNT + 2 * answered]).toContain(total);
      const dropped = headings.find(([, , , , outcome = '']) => outcome.startsWith('dropped'));
      expect(dropped?.[2]).toBe(String(DROPPED));
      expect(dropped?.[4]).toMatch(KERNEL.hasDropReasons ? /NETFILTER_DROP in nf/ : /dropped in nf/);
      const of = (outcome: string) =>
        headings
          .filter(([, , , , text = '']) => text.startsWith(outcome))
          .reduce((sum, [, , count]) => sum + Number(count), 0);
      expect(of('consumed')).toBe(total - answered - DROPPED);
      expect(of('delivered to AF_INET ICMP')).toBe(answered);
      expect(result.stdout).toContain('here they part');
      expect(result.stderr).toContain(
        `${total} journeys: ${answered} delivered, ${DROPPED} dropped, ${total - answered - DROPPED} consumed`,
      );
      // What the kernel left out, if it did, is told; nothing else may be missing.
      const missed = / were missed, of whatever packet/.test(result.stderr);
      expect(result.stderr).not.toMatch(/were lost|no room|too late|not watched/);
      expect([result.status, missed]).toEqual([missed ? 3 : 0, missed]);
      if (!missed) expect(result.stderr).toMatch(/^(Nothing was lost|Every event found room)/m);
    } finally {
      route.exec(route.middle, 'nft', 'delete', 'table', 'ip', 'many');
    }
  });

  test.runIf(CHOOSES_FIRST)(
    'under a flood, what is shown and what is lost are all that there was, and gaps are marked',
    async () => {
      const way = ['__ip_local_out', 'ip_output', 'ip_finish_output', 'ip_finish_output2', 'dev_hard_start_xmit'];
      // These wait for the address of their neighbour, and go on while the ring is full.
      const DELAYED = 5;
      const neighbor = (...state: string[]) =>
        route.exec(route.near, 'ip', 'neigh', 'replace', '10.33.0.1', 'dev', 'nowhere', ...state);
      const known = ['lladdr', '02:00:00:00:00:01', 'nud', 'permanent'];
      const tracefs = '/sys/kernel/tracing';
      writeFileSync(`${tracefs}/kprobe_events`, way.map((name) => `p:ipft_test/${name} ${name}`).join('\n'));
      try {
        writeFileSync(`${tracefs}/events/ipft_test/enable`, '1');
        const hits = () =>
          [...readFileSync(`${tracefs}/kprobe_profile`, 'latin1').matchAll(/^ *\S+ +(\d+) +(\d+)/gm)].reduce(
            (sum, [, hit, missed]) => sum + Number(hit) + Number(missed),
            0,
          );
        // With kprobes, older kernels don't count what they leave out.
        const backend = KERNEL.chosen.function === 'kprobe' ? ['-b', 'ftrace'] : [];
        using tracing = new Tracing([
          ...backend,
          '-m',
          '0x61',
          '-o',
          'json',
          '--strict',
          '--ring-size',
          '64K',
          '-r',
          `^(${way.join('|')})$`,
        ]);
        await tracing.ready();
        const before = hits();
        const ping = (to: string, ...more: string[]) =>
          route.try(route.near, 'ping', '-q', '-W', '0.1', '-m', String(0x61), ...more, to);
        // Printed so far: events that were read later come behind them.
        const printed = () => parseEvents(tracing.stdout.slice(0, tracing.stdout.lastIndexOf('\n') + 1)).length;
        neighbor('nud', 'incomplete');
        ping('10.33.0.1', '-c', String(DELAYED), '-i', '0.01');
        await tracing.until(() => printed() === DELAYED * (way.length - 1), 'the events until they wait');
        // The reader stands still, so that the ring is full for a while.
        tracing.process.kill('SIGSTOP');
        ping('10.34.0.1', '-f', '-c', '700', '-l', '100');
        neighbor(...known);
        const resumedNs = process.hrtime.bigint();
        const lines = () => tracing.stdout.slice(0, tracing.stdout.lastIndexOf('\n') + 1);
        const shownBefore = lines().length;
        tracing.process.kill('SIGCONT');
        // What is sent now is lost until the reader has made room: until one of these is shown whole.
        const isWhole = ({ begin, events: count, gap }: JourneyLine) =>
          BigInt(begin) > resumedNs && count === way.length && !gap;
        await tracing.until(() => {
          ping('10.34.0.1', '-c', '1');
          return splitJson(lines().slice(shownBefore)).journeys.some(isWhole);
        }, 'a packet that is shown whole');
        ping('10.34.0.1', '-c', '3', '-i', '0.01');
        const counted = hits() - before;
        const result = await tracing.stop();
        expect(result.status).toBe(3);
        const { journeys, events } = splitJson(result.stdout);
        const lost = Number(/warning: (\d+) events were lost/.exec(result.stderr)?.[1]);
        expect(lost).toBeGreaterThan(0);
        const missed = Number(/(\d+) calls of traced functions were missed/.exec(result.stderr)?.[1] ?? 0);
        expect(events.length + lost + missed).toBe(counted);
        // A copy of those that are delayed begins where it is made.
        const whole = ({ parent }: JourneyLine) => (parent === null ? way.length : 1);
        for (const one of journeys) {
          const { journey, events: count, gap, lost: missing = 0 } = one;
          if (count < whole(one)) expect(gap, `journey ${journey}`).toBe(true);
          else if (missed === 0) expect(gap, `journey ${journey}`).toBe(false);
          if (missed === 0) expect(count + missing).toBe(whole(one));
        }
        const inOrder = [...journeys].sort((a, b) => a.begin - b.begin);
        const delayed = inOrder.filter(({ parent }) => parent === null).slice(0, DELAYED);
        expect(delayed.map(({ gap, lost: missing, outcome }) => [gap, missing, outcome])).toEqual(
          delayed.map(() => [true, 1, 'transmitted']),
        );
        const last = inOrder.slice(-3);
        expect(last.map(({ gap, events: count }) => [gap, count])).toEqual([0, 1, 2].map(() => [false, way.length]));
      } finally {
        neighbor(...known);
        writeFileSync(`${tracefs}/events/ipft_test/enable`, '0');
        writeFileSync(`${tracefs}/kprobe_events`, '');
      }
    },
  );
});

test('what fragments are made of, and what is put together from them, is told by parents', async () => {
  for (const module of ['nf_nat', 'nft_masq']) execFileSync('modprobe', [module]);
  using network = new Network();
  const functions = ['ip_output', 'ip6_output', 'dev_hard_start_xmit', 'ip_rcv', 'ipv6_rcv', 'icmp_rcv', 'icmpv6_rcv'];
  const args = ['-o', 'json', '-r', `^(${functions.join('|')})$`];
  const requests = 'icmp[0] = 8 or icmp6[icmp6type] = 128';
  const trace = async (traffic: () => unknown) => {
    const { events, journeys } = splitJson((await traceWhile([...args, requests], traffic)).stdout);
    const passed = events.map((event) => String(event['function']));
    const counts = functions.map((name) => passed.filter((one) => one === name).length);
    if (KERNEL.tellsOfFragments) expect(journeys.filter(({ outcome }) => outcome === 'dropped')).toEqual([]);
    return { counts, roots: journeys.filter(({ parent }) => parent === null).length };
  };
  // The router puts the packet together for NAT, and cuts it up again.
  const chain = 'chain out { type nat hook postrouting priority 100; oifname "middle1" masquerade; };';
  route.exec(route.middle, 'nft', `table ip nat { ${chain} }`);
  const ping = ['ping', '-q', '-c1', '-w300', '-s', '3000'] as const;
  const { counts, roots } = await trace(() => {
    route.exec(route.near, ...ping, '10.22.0.3');
    route.exec(route.middle, 'nft', 'delete', 'table', 'ip', 'nat');
    network.exec(...ping, 'fd11::2');
  });
  expect(roots).toBe(2);
  // Of IPv6 three fragments are sent, to one device.
  expect(counts).toEqual([2, 1, 6 + 3, 6, 3, 1, 1]);
  // A fragment that is asked for is followed, and not those that are sent after it: so our side takes it on all kernels.
  if (!HAS_ALL_TESTS) return;
  const asked = 'ip[6:2] = 0x20b9 or (ip6[6] = 44 and ip6[42:2] & 0xfff8 = 1448)';
  const ping4500 = () => {
    for (const to of ['10.11.0.2', 'fd11::2']) network.exec('ping', '-q', '-c1', '-w300', '-s', '4500', to);
  };
  const { journeys } = splitJson((await traceWhile([...args, asked], ping4500)).stdout);
  expect(journeys.map(({ parent }) => parent)).toEqual([null, null, null, null]);
});
