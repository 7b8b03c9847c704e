/** How often packets pass functions, for tests of what is followed. */
import { execFileSync } from 'node:child_process';
import { parseEvents, Route, traceWhile } from './harness.js';

const FUNCTIONS = '^(ip_output|ip6_output|ip_forward|icmp_rcv|icmpv6_rcv|udp_rcv|tcp_v4_rcv)$';

/** How often each function was passed by what is shown of some traffic. */
export async function countFunctions(args: readonly string[], traffic: () => unknown): Promise<Record<string, number>> {
  const { stdout } = await traceWhile(['-o', 'json', '-r', FUNCTIONS, ...args], traffic);
  const counts: Record<string, number> = {};
  for (const event of parseEvents(stdout)) {
    const name = String(event['function']);
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

/** Three namespaces, of which the one in the middle translates addresses of what is sent to the last. */
export function createTranslatingRoute(): Route {
  for (const module of ['veth', 'nf_nat', 'nft_masq']) execFileSync('modprobe', [module]);
  const route = new Route();
  const chain = 'chain out { type nat hook postrouting priority 100; oifname "middle1" masquerade; };';
  route.exec(route.middle, 'nft', `table ip ipft_nat { ${chain} }`);
  return route;
}
