/** The end of a journey in words. */
import { counted } from '../base/counted.js';
import { type Journey, locationOf } from '../base/journey.js';
import { printable } from '../base/printable.js';
import type { KernelNames } from '../base/record-source.js';
import type { Style } from '../base/style.js';

/** AF_… of `linux/socket.h`, of sockets that get packets. */
const FAMILIES: Record<number, string> = {
  ...{ 1: 'AF_UNIX', 2: 'AF_INET', 10: 'AF_INET6', 16: 'AF_NETLINK', 17: 'AF_PACKET', 21: 'AF_RDS', 29: 'AF_CAN' },
  ...{ 30: 'AF_TIPC', 31: 'AF_BLUETOOTH', 38: 'AF_ALG', 40: 'AF_VSOCK', 43: 'AF_SMC', 44: 'AF_XDP', 45: 'AF_MCTP' },
};
/** IPPROTO_… of `linux/in.h` and `linux/in6.h`. */
const PROTOCOLS: Record<number, string> = {
  ...{ 1: 'ICMP', 2: 'IGMP', 4: 'IPIP', 6: 'TCP', 17: 'UDP', 33: 'DCCP', 41: 'IPV6', 47: 'GRE', 50: 'ESP', 51: 'AH' },
  ...{ 58: 'ICMPV6', 103: 'PIM', 115: 'L2TP', 132: 'SCTP', 136: 'UDPLITE', 137: 'MPLS', 255: 'RAW', 262: 'MPTCP' },
};
const IP_FAMILIES = [2, 10];

/** The reason of a drop; undefined where the kernel does not tell. */
export function reasonOf({ fate }: Journey, names: KernelNames): string | undefined {
  return fate?.dropped ? names.reason(fate.reason) : undefined;
}

/** Symbols of the code that a traced call returns to, which is no location. */
const TRAMPOLINE =
  /^(arch_rethook_trampoline|return_to_handler|_*kretprobe_trampoline|bpf_trampoline_\d+|ftrace_\w+)\b/;

/** The location of the end, as `name+0x10`; undefined where the kernel does not tell. */
export function endedIn({ fate }: Journey, names: KernelNames): string | undefined {
  if (!fate || fate.location === 0n) return undefined;
  const symbol = locationOf(fate.symbol) ?? names.symbol(fate.location);
  return symbol === undefined || TRAMPOLINE.test(symbol) ? undefined : printable(symbol);
}

/** The socket that got the packet: its family, and its protocol if it is an IP one. */
export function socketOf({ outcome, fate }: Journey): { family: string; protocol: string | undefined } | undefined {
  if (!fate || !(outcome === 'delivered' || outcome === 'processed' || isUnread({ outcome, fate }))) return undefined;
  const { family, protocol } = fate;
  const name = IP_FAMILIES.includes(family) ? (PROTOCOLS[protocol] ?? String(protocol)) : undefined;
  return { family: FAMILIES[family] ?? `AF_${family}`, protocol: name };
}

/** Whether TCP got it, and its data were not all read when the socket was closed. */
function isUnread({ outcome, fate }: Pick<Journey, 'outcome' | 'fate'>): boolean {
  return outcome === 'dropped' && fate?.stage === 'unread';
}

/** The device that got a packet which was transmitted or forwarded. */
export function deviceOf({ outcome, fate }: Journey): string | undefined {
  return outcome === 'forwarded' || outcome === 'transmitted' ? fate?.device : undefined;
}

/** The whole end: `dropped: SKB_DROP_REASON_NO_SOCKET in __udp4_lib_rcv+0x7a`. */
export function describeOutcome(journey: Journey, names: KernelNames): string {
  const { outcome } = journey;
  const socket = socketOf(journey);
  const socketName = [socket?.family, socket?.protocol].filter((part) => part !== undefined).join(' ');
  if (isUnread(journey)) return `dropped: unread when the ${socketName} socket was closed`;
  if (socket && outcome === 'delivered') return `delivered to ${socketName}`;
  const device = deviceOf(journey);
  if (device !== undefined) return `${outcome} to ${printable(device)}`;
  if (outcome !== 'dropped' && outcome !== 'processed' && outcome !== 'consumed') return outcome;
  const location = endedIn(journey, names);
  const reason = reasonOf(journey, names);
  const by = socket ? ` by ${socketName}` : '';
  return `${outcome}${by}${reason === undefined ? '' : `: ${reason}`}${location === undefined ? '' : ` in ${location}`}`;
}

/** The colour of a text of `describeOutcome`: good, bad, or neither. */
export function styleOf(described: string): Style {
  if (described.startsWith('dropped')) return 'red';
  return /^(delivered|processed|forwarded|transmitted)/.test(described) ? 'green' : 'cyan';
}

/** The words about a gap; undefined if there is none. */
export function describeGap({ gap, lost, outcome, isCarried }: Journey): string | undefined {
  if (!gap) return undefined;
  if (lost > 0) return `gap: ${counted(lost, 'event')} lost`;
  if (isCarried) return 'gap: it began before this recording';
  return outcome === 'unknown' ? 'gap: its end was lost' : 'gap possible: probes were missed meanwhile';
}

/** Nanoseconds as `12.345us`. */
export function formatMicroseconds(nanoseconds: number): string {
  return `${(nanoseconds / 1000).toFixed(3)}us`;
}
