/** `ipft mark-help`: commands that put a mark on packets, and those that undo it. */
import { isIP } from 'node:net';
import { UsageError } from '../../base/errors.js';
import { printable } from '../../base/printable.js';
import { parseCount, parseUnsigned32 } from '../numbers.js';

/** The options as they stand on the command line. */
export interface RawMarkHelp {
  readonly mark?: string | undefined;
  readonly mask: string;
  readonly to?: string | undefined;
  readonly from?: string | undefined;
  readonly port?: string | undefined;
  readonly dev?: string | undefined;
}

/** The packets to be marked, and the mark. All texts are safe in a shell command as they are. */
export interface MarkHelp {
  readonly mark: number;
  readonly mask: number;
  /** An address, or a prefix of addresses. */
  readonly to: string | undefined;
  readonly from: string | undefined;
  /** The address family of `to` and `from`; undefined where there is neither. */
  readonly family: 4 | 6 | undefined;
  /** The destination port of TCP and UDP. */
  readonly port: number | undefined;
  readonly device: string;
}

const PROPOSED_MARK = 0xdeadbeef;
const PROPOSED_DEVICE = 'eth0';
const ALL_BITS = 0xffffffff;

/** Reads the options. @throws UsageError */
export function interpretMarkHelp(raw: RawMarkHelp): MarkHelp {
  const mask = parseUnsigned32('--mask', raw.mask);
  const mark = raw.mark === undefined ? propose(mask) : parseUnsigned32('--mark', raw.mark);
  if (mask === 0) throw new UsageError('--mask 0 compares nothing: every packet would match');
  if (mark === 0) throw new UsageError('mark 0 is what packets without a mark have: take another one');
  if ((mark & ~mask) !== 0) {
    throw new UsageError(
      `mark ${hex(mark)} has bits that mask ${hex(mask)} leaves out`,
      'only bits of the mask are set',
    );
  }
  const to = raw.to === undefined ? undefined : parseAddress('--to', raw.to);
  const from = raw.from === undefined ? undefined : parseAddress('--from', raw.from);
  if (to && from && to.family !== from.family) throw new UsageError('--to and --from are of different families');
  const port = raw.port === undefined ? undefined : parseCount('--port', raw.port, { least: 1, most: 0xffff });
  const device = raw.dev === undefined ? PROPOSED_DEVICE : parseDevice(raw.dev);
  return { mark, mask, to: to?.text, from: from?.text, family: (to ?? from)?.family, port, device };
}

/** The mark that the docs use, under the mask; where that is 0, the mask itself. */
function propose(mask: number): number {
  return (PROPOSED_MARK & mask) >>> 0 || mask;
}

/** An address, or a prefix as `ADDRESS/LENGTH`; no host names, no zones. */
function parseAddress(option: string, text: string): { readonly text: string; readonly family: 4 | 6 } {
  const [, address = '', length] = /^([0-9a-fA-F:.]+)(?:\/([0-9]{1,3}))?$/.exec(text) ?? [];
  const family = isIP(address);
  if (family !== 4 && family !== 6) {
    throw new UsageError(`${option} needs an IPv4 or IPv6 address, or a prefix, not '${printable(text)}'`);
  }
  const bits = family === 4 ? 32 : 128;
  if (length === undefined) return { text: address, family };
  const count = parseCount(`the prefix length of ${option}`, length, { least: 1, most: bits });
  return { text: `${address}/${count}`, family };
}

/** Of the names that the kernel takes for a device, those that mean nothing to a shell. */
function parseDevice(text: string): string {
  if (/^[A-Za-z0-9_][A-Za-z0-9_.@-]{0,14}$/.test(text)) return text;
  throw new UsageError(`--dev needs the name of a network device, not '${printable(text)}'`);
}

/** A way to mark packets. Lines of `add` and `undo` are shell commands, or for sockets lines of a program. */
export interface Way {
  readonly title: string;
  /** Whole sentences, without the final period. */
  readonly catches: string;
  readonly not: string;
  readonly add: readonly string[];
  /** Empty where there is nothing to undo. */
  readonly undo: readonly string[];
}

/** All ways, those for most packets first. */
export function makeWays(help: MarkHelp): Way[] {
  return [nftables(help), iptables(help), tc(help), ...sockets(help)];
}

/** Rules in a table of their own, so that one command removes them. They stand before connection tracking. */
function nftables({ mark, mask, to, from, family, port }: MarkHelp): Way {
  const table = `inet ipft_${mark.toString(16)}`;
  const ip = family === 6 ? 'ip6' : 'ip';
  const match = words(
    from && `${ip} saddr ${from}`,
    to && `${ip} daddr ${to}`,
    port && `meta l4proto '{ tcp, udp }' th dport ${port}`,
  );
  const value = mask === ALL_BITS ? hex(mark) : `meta mark and ${hex(~mask)} or ${hex(mark)}`;
  const rule = (chain: string) => words(`nft add rule ${table} ${chain}`, match, `counter meta mark set ${value}`);
  const chain = (name: string, hook: string) =>
    `nft add chain ${table} ${name} '{ type filter hook ${hook} priority raw; }'`;
  return {
    title: 'nftables',
    catches: 'what this machine sends (sent), and what comes in or is forwarded (came)',
    not: 'ARP, what a bridge hands on, other network namespaces: run it in the one that is meant (ip netns exec)',
    add: [`nft add table ${table}`, chain('sent', 'output'), rule('sent'), chain('came', 'prerouting'), rule('came')],
    undo: [`nft delete table ${table}`],
  };
}

function iptables({ mark, mask, to, from, family, port }: MarkHelp): Way {
  const value = mask === ALL_BITS ? `--set-mark ${hex(mark)}` : `--set-xmark ${hex(mark)}/${hex(mask)}`;
  const commands = family === undefined ? ['iptables', 'ip6tables'] : [family === 6 ? 'ip6tables' : 'iptables'];
  const protocols = port === undefined ? [''] : ['tcp', 'udp'];
  const rules = (action: string) =>
    commands.flatMap((command) =>
      ['OUTPUT', 'PREROUTING'].flatMap((chain) =>
        protocols.map((protocol) =>
          words(
            `${command} -t raw ${action} ${chain}`,
            from && `-s ${from}`,
            to && `-d ${to}`,
            protocol && `-p ${protocol} --dport ${port}`,
            `-j MARK ${value}`,
          ),
        ),
      ),
    );
  return {
    title: 'iptables',
    catches: 'what this machine sends (OUTPUT), and what comes in or is forwarded (PREROUTING)',
    not: 'as with nftables',
    add: rules('-A'),
    undo: rules('-D'),
  };
}

/** `continue` lets other filters see the packet, too. A preference can hold filters of one protocol only. */
function tc({ mark, mask, to, from, family, port, device }: MarkHelp): Way {
  const value = mask === ALL_BITS ? hex(mark) : `${hex(mark)}/${hex(mask)}`;
  const action = `action skbedit mark ${value} continue`;
  const protocols = port === undefined ? [''] : ['tcp', 'udp'];
  const families = family === undefined ? ([4, 6] as const) : [family];
  const qdisc = (what: string) => `tc qdisc ${what} dev ${device} clsact`;
  const filter = (what: string, of: 4 | 6) =>
    `tc filter ${what} dev ${device} ingress protocol ${of === 4 ? 'ip' : 'ipv6'} pref 570${of}`;
  const add = families.flatMap((of) =>
    protocols.map((protocol) => {
      const match = words(
        from && `src_ip ${from}`,
        to && `dst_ip ${to}`,
        protocol && `ip_proto ${protocol} dst_port ${port}`,
      );
      return words(filter('add', of), match === '' ? 'matchall' : `flower ${match}`, action);
    }),
  );
  return {
    title: 'tc',
    catches: `what comes in at ${device}, also what a bridge hands on; before netfilter sees it`,
    not: `what this machine sends. If the first line fails, ${device} has a clsact qdisc already: leave out that line and the last`,
    add: [qdisc('add'), ...add],
    undo: [...families.map((of) => filter('del', of)), qdisc('del')],
  };
}

function sockets({ mark, to }: MarkHelp): Way[] {
  const address = to === undefined || to.includes('/') ? 'ADDRESS' : to;
  const needs = 'what the socket receives, other sockets. Needs CAP_NET_ADMIN, since Linux 5.17 CAP_NET_RAW is enough';
  return [
    {
      title: 'ping',
      catches: 'the requests that it sends; the number is the mark in decimal',
      not: 'the replies',
      add: [`ping -m ${mark} ${address}`],
      undo: [],
    },
    {
      title: 'SO_MARK in C',
      catches: 'what the socket fd sends from then on, until it is closed',
      not: needs,
      add: [`setsockopt(fd, SOL_SOCKET, SO_MARK, &(unsigned int){${hex(mark)}}, sizeof(unsigned int));`],
      undo: [],
    },
    {
      title: 'SO_MARK in Python',
      catches: 'what the socket sock sends from then on, until it is closed',
      not: 'the same (import socket, struct)',
      add: [`sock.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, struct.pack("I", ${hex(mark)}))`],
      undo: [],
    },
  ];
}

/** The text that is printed: commands are indented by four spaces. */
export function formatMarkHelp(help: MarkHelp): string {
  const { mark, mask, to, from, port } = help;
  const under = mask === ALL_BITS ? '' : ` under mask ${hex(mask)}`;
  const which = words(from && `from ${from}`, to && `to ${to}`, port && `to port ${port} (TCP and UDP)`);
  const lines = [
    `Mark ${hex(mark)}${under} on ${which === '' ? 'all packets: --to, --from and --port choose some' : `packets ${which}`}`,
    '',
    'Each of these is one way to do it. Run what you need as root, and what stands behind "undo" in the end.',
  ];
  for (const { title, catches, not, add, undo } of makeWays(help)) {
    lines.push('', title, `  marks: ${catches}`, `  not: ${not}`, ...add.map((line) => `    ${line}`));
    if (undo.length > 0) lines.push('  undo:', ...undo.map((line) => `    ${line}`));
  }
  const option = mask === ALL_BITS ? '' : ` --mask ${hex(mask)}`;
  lines.push('', 'Trace them, also when the mark is lost on the way', `    ipft -m ${hex(mark)}${option} --follow`);
  return `${lines.join('\n')}\n`;
}

function hex(value: number): string {
  return `0x${(value >>> 0).toString(16)}`;
}

/** Joins the parts that are there with spaces. */
function words(...parts: readonly (string | number | undefined)[]): string {
  return parts.filter((part) => part !== undefined && part !== '').join(' ');
}
