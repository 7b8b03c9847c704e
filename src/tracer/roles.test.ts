import { expect, test } from 'vitest';
import { VMLINUX } from '../base/target.js';
import { decides, rolesOf } from './roles.js';

const target = (name: string, skbPosition = 0, module = VMLINUX) => ({
  ...{ name, module, skbPosition, btfId: 1 },
});

test.each([
  ['kfree_skbmem', 0, ['frees', 'final', 'tail']],
  ['_kfree_skb_defer', 0, ['frees', 'tail']],
  ['skb_release_data', 0, ['releases', 'tail']],
  ['skb_release_head_state', 0, ['head', 'tail']],
  ['tcp_rcv_established', 1, ['queues']],
  ['io_tx_ubuf_complete', 0, ['tail']],
  ['ip_rcv', 0, []],
] as const)('rolesOf: %s', (name, position, roles) => {
  expect(rolesOf(target(name, position))).toEqual(roles);
});

test.each([
  ...['sock_edemux', 'sock_efree', 'sock_rfree', 'sock_wfree', 'kcm_rfree', 'sctp_sock_rfree', 'mptcp_rfree'],
  ...['tcp_wfree', 'netlink_skb_destructor', 'unix_destruct_scm', 'xsk_destruct_skb'],
])('rolesOf: the destructor %s, of whatever module, is called while an skb is being freed', (name) => {
  expect(rolesOf(target(name, 0, 'a_module'))).toEqual(['tail']);
});

test('decides: what ends a journey or gives the skb to a socket, but no destructor', () => {
  expect(decides(target('kfree_skbmem'))).toBe(true);
  expect(decides(target('tcp_rcv_state_process', 1))).toBe(true);
  expect(decides(target('kfree_skbmem', 0, 'a_module'))).toBe(false);
  expect(decides(target('sock_edemux'))).toBe(false);
});
