import { expect, test } from 'vitest';
import { VMLINUX } from '../base/target.js';
import type { Probe } from './probe.js';
import { decides, rolesOf } from './roles.js';

const probe = (name: string, position = 0, module = VMLINUX): Probe => ({
  ...{ kind: 'function', name, module, id: 1, packet: { by: 'argument', position }, parameters: 2 },
});

test.each([
  ['kfree_skbmem', 0, ['frees', 'final', 'tail']],
  ['_kfree_skb_defer', 0, ['frees', 'tail']],
  ['skb_release_data', 0, ['releases', 'tail']],
  ['skb_release_head_state', 0, ['head', 'tail']],
  ['tcp_rcv_established', 1, ['queues']],
  ['skb_attempt_defer_free', 0, ['defers']],
  ['tcp_timewait_state_process', 1, ['queues']],
  // Listens to the tracepoint that says that the skb is freed.
  ['net_dm_packet_trace_kfree_skb_hit', 1, ['tail']],
  ['io_tx_ubuf_complete', 0, ['tail']],
  ['ip_rcv', 0, []],
] as const)('rolesOf: %s', (name, position, roles) => {
  expect(rolesOf(probe(name, position), 'function')).toEqual(roles);
});

test.each([
  ...['sock_edemux', 'sock_efree', 'sock_rfree', 'sock_wfree', 'kcm_rfree', 'sctp_sock_rfree', 'mptcp_rfree'],
  ...['tcp_wfree', 'netlink_skb_destructor', 'unix_destruct_scm', 'xsk_destruct_skb'],
])('rolesOf: the destructor %s, of whatever module, is called while an skb is being freed', (name) => {
  expect(rolesOf(probe(name, 0, 'a_module'), 'function')).toEqual(['tail']);
});

test('rolesOf: what tells its return address as the place is of interest where returns are traced', () => {
  for (const [name, position] of [
    ['kfree_skb', 0],
    ['sk_skb_reason_drop', 1],
    ['consume_skb', 0],
  ] as const) {
    expect(rolesOf(probe(name, position), 'function_graph')).toEqual(['reports']);
    expect(rolesOf(probe(name, position), 'function')).toEqual([]);
    expect(decides(probe(name, position))).toBe(false);
  }
});

test('decides: what ends a journey or gives the skb to a socket, but no destructor', () => {
  expect(decides(probe('kfree_skbmem'))).toBe(true);
  expect(decides(probe('tcp_rcv_state_process', 1))).toBe(true);
  expect(decides(probe('kfree_skbmem', 0, 'a_module'))).toBe(false);
  expect(decides(probe('sock_edemux'))).toBe(false);
});
