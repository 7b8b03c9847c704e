import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { UsageError } from '../../base/errors.js';
import { parseCommandLine } from '../options.js';
import { formatMarkHelp, interpretMarkHelp, makeWays } from './mark-help.js';

const mask = '0xffffffff';
const lines = (title: string, raw: object) =>
  makeWays(interpretMarkHelp({ mask, ...raw })).find((way) => way.title === title)?.add;

describe('interpretMarkHelp', () => {
  test.each([
    [{}, { mark: 0xdeadbeef, family: undefined, device: 'eth0' }],
    [
      { mark: '5', to: '10.0.0.0/8', from: '10.0.0.1' },
      { mark: 5, to: '10.0.0.0/8', from: '10.0.0.1', family: 4 },
    ],
    [
      { to: 'FE80::1/128', port: '65535' },
      { to: 'FE80::1/128', family: 6, port: 65535 },
    ],
    [{ mask: '0xff00' }, { mark: 0xbe00, mask: 0xff00 }],
    [{ mask: '0x10' }, { mark: 0x10, mask: 0x10 }],
  ])('%j', (raw, expected) => {
    expect(interpretMarkHelp({ mask, ...raw })).toMatchObject(expected);
  });

  test.each([
    [{ to: 'example.org' }, "--to needs an IPv4 or IPv6 address, or a prefix, not 'example.org'"],
    [{ from: '10.0.0.1; reboot' }, "--from needs an IPv4 or IPv6 address, or a prefix, not '10.0.0.1; reboot'"],
    [{ to: '10.0.0.1/33' }, "the prefix length of --to needs a number from 1 to 32, not '33'"],
    [{ to: '::/0' }, "the prefix length of --to needs a number from 1 to 128, not '0'"],
    [{ to: 'fe80::1%eth0' }, "--to needs an IPv4 or IPv6 address, or a prefix, not 'fe80::1%eth0'"],
    [{ to: '10.0.0.1', from: 'fe80::1' }, '--to and --from are of different families'],
    [{ port: '0' }, "--port needs a number from 1 to 65535, not '0'"],
    [{ port: '80 -j DROP' }, "--port needs a number from 1 to 65535, not '80 -j DROP'"],
    [{ dev: '-x' }, "--dev needs the name of a network device, not '-x'"],
    [{ dev: 'a$(id)' }, "--dev needs the name of a network device, not 'a$(id)'"],
    [{ dev: 'sixteen-letters-' }, "--dev needs the name of a network device, not 'sixteen-letters-'"],
    [{ mark: '0' }, 'mark 0 is what packets without a mark have: take another one'],
    [{ mask: '0' }, '--mask 0 compares nothing: every packet would match'],
    [{ mark: '0x101', mask: '0xff' }, 'mark 0x101 has bits that mask 0xff leaves out'],
  ])('%j: %s', (raw, message) => {
    expect(() => interpretMarkHelp({ mask, ...raw })).toThrow(expect.objectContaining({ code: 'USAGE', message }));
  });

  test('whatever is given, a shell takes no part of it for something else', () => {
    const text = fc.string({ unit: fc.constantFrom(...'0123456789abf:./;$`\'"\\|&<>(){}*?~#! \n\t-@%') });
    const option = fc.constantFrom('to', 'from', 'port', 'dev', 'mark');
    fc.assert(
      fc.property(option, fc.oneof(text, fc.ipV4(), fc.ipV6()), (name, value) => {
        let ways: ReturnType<typeof makeWays>;
        try {
          ways = makeWays(interpretMarkHelp({ mask, [name]: value }));
        } catch (error) {
          expect(error).toBeInstanceOf(UsageError);
          return;
        }
        const commands = ways.filter(({ undo, title }) => undo.length > 0 || title === 'ping');
        for (const line of commands.flatMap(({ add, undo }) => [...add, ...undo])) {
          // What nftables needs is quoted; nothing else has a meaning.
          expect(line.replaceAll(/'\{ [a-z, ;]+ \}'/g, '')).toMatch(/^[\w.:/@ -]+$/);
        }
      }),
    );
  });
});

describe('makeWays', () => {
  test('nftables: address, port and mask', () => {
    expect(lines('nftables', { mark: '0x12', mask: '0xff', to: 'fd11::/64', port: '53' })?.at(-1)).toBe(
      "nft add rule inet ipft_12 came ip6 daddr fd11::/64 meta l4proto '{ tcp, udp }' th dport 53 " +
        'counter meta mark set meta mark and 0xffffff00 or 0x12',
    );
  });

  test('iptables: both families where no address says which', () => {
    expect(lines('iptables', { mark: '1' })).toEqual([
      'iptables -t raw -A OUTPUT -j MARK --set-mark 0x1',
      'iptables -t raw -A PREROUTING -j MARK --set-mark 0x1',
      'ip6tables -t raw -A OUTPUT -j MARK --set-mark 0x1',
      'ip6tables -t raw -A PREROUTING -j MARK --set-mark 0x1',
    ]);
  });

  test('tc: a filter for each protocol', () => {
    expect(lines('tc', { mark: '1', from: '10.0.0.1', port: '80', dev: 'wlan0.7' })).toEqual([
      'tc qdisc add dev wlan0.7 clsact',
      ...['tcp', 'udp'].map(
        (protocol) =>
          'tc filter add dev wlan0.7 ingress protocol ip pref 5704 ' +
          `flower src_ip 10.0.0.1 ip_proto ${protocol} dst_port 80 action skbedit mark 0x1 continue`,
      ),
    ]);
  });

  test('ping: the mark in decimal, and no prefix for an address', () => {
    expect(lines('ping', { to: 'fd11::2' })).toEqual(['ping -m 3735928559 fd11::2']);
    expect(lines('ping', { to: 'fd11::/64' })).toEqual(['ping -m 3735928559 ADDRESS']);
  });
});

test('formatMarkHelp: the trace compares what was set', () => {
  expect(formatMarkHelp(interpretMarkHelp({ mark: '2', mask: '2' }))).toMatch(
    /\n {4}ipft -m 0x2 --mask 0x2 --follow\n$/,
  );
});

test('parseCommandLine: the mark may stand before and behind mark-help', () => {
  for (const line of ['-m 7 mark-help --port 53', 'mark-help -m 7 --port 53']) {
    expect(parseCommandLine(line.split(' '))).toMatchObject({ action: 'mark-help', help: { mark: 7, port: 53 } });
  }
  expect(() => parseCommandLine(['mark-help', 'more'])).toThrow(UsageError);
});
