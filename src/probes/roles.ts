/**
 * The roles of functions in the journey of an skb: which free it, which give it to a socket. Found by reading the
 * functions of Linux 5.10, 6.1, 6.12 and 7.2 that call those which give the memory back; no kernel has all of them.
 */
import type { TracerName } from '../base/method.js';
import { VMLINUX } from '../base/target.js';
import type { Probe } from './probe.js';

/** The role of a function in the journey of the skb that it is called with. */
export type Role =
  /** It frees the skb, in any case. */
  | 'frees'
  /** It frees the skb's data; of an skb that is being freed, its call is the last one seen. */
  | 'releases'
  /** It is called once for each skb that is freed, before the data are. */
  | 'head'
  /** It is the last function that is called with an skb. */
  | 'final'
  /** It may be called while the skb is being freed. */
  | 'tail'
  /** Its first argument is a socket, which gets the skb. */
  | 'queues'
  /** It gives the skb to another CPU, which frees it some time later. */
  | 'defers'
  /**
   * It frees the skb, and tells tracepoints its own return address as the location: matters where returns are traced.
   */
  | 'reports';

/**
 * Functions that always free the skb which is their first argument. Where the compiler has inlined one of them, another
 * is called before: `skb_release_data` at the latest.
 */
const FREEING = new Set([
  'kfree_skbmem',
  'napi_skb_cache_put',
  'kfree_skb_partial',
  'napi_skb_free_stolen_head',
  '_kfree_skb_defer',
  '__kfree_skb_defer',
  '__napi_kfree_skb',
  // Turns the skb into a copy of another one, so that the old packet has ended.
  'skb_morph',
]);

const HEAD = 'skb_release_head_state';
const RELEASING = 'skb_release_data';
const FINAL = new Set(['kfree_skbmem', 'napi_skb_cache_put']);

/**
 * Functions that are called while an skb is being freed, besides those that free it: parts of that, and destructors.
 * The programs recognize a destructor (`ipft_is_destructor`) unless the function's address is not known to them.
 */
const TAIL = new Set([
  ...['__kfree_skb', 'skb_release_all', 'skb_free_head', '__skb_zcopy_downgrade_managed', 'kfree_skb_add_bulk'],
  ...['sock_wfree', '__sock_wfree', 'sock_rfree', 'sock_efree', 'sock_edemux', 'sock_ofree', 'sock_pfree'],
  ...['tcp_wfree', 'sctp_wfree', 'sctp_sock_rfree', 'kcm_rfree', 'mptcp_rfree', 'l2tp_sock_wfree', 'caif_flow_cb'],
  ...['unix_wfree', 'unix_destruct_scm', 'netlink_skb_destructor', 'tpacket_destruct_skb'],
  ...['xsk_destruct_skb', 'xsk_skb_destructor', 'io_destruct_skb', 'sk_stream_rfree'],
  // The tracepoint's other program, which may be called after ours.
  ...['trace_kfree_skb_hit', 'net_dm_packet_trace_kfree_skb_hit', 'trace_drop_common'],
]);
/** Callbacks for memory of user space that is free again. */
const ZERO_COPY = /zerocopy.*(callback|complete)|zcopy_.*complete|ubuf_complete/;

/** Functions that are called with a socket and the skb that it gets. */
const QUEUEING = new Set([
  ...['__udp_enqueue_schedule_skb', 'tcp_rcv_established', 'tcp_rcv_state_process', 'tcp_timewait_state_process'],
  ...['sock_queue_rcv_skb', 'sock_queue_rcv_skb_reason', '__sock_queue_rcv_skb', 'skb_free_datagram'],
]);

/** Functions that give the skb, their first argument, to the CPU that it came from, which frees it. */
const DEFERRING = new Set(['skb_attempt_defer_free']);

/** Functions that tell the tracepoints `kfree_skb` and `consume_skb` their own return address as the location. */
const REPORTING = new Set([
  ...['kfree_skb', 'kfree_skb_reason', 'sk_skb_reason_drop', 'kfree_skb_list_reason'],
  ...['consume_skb', 'napi_consume_skb', '__consume_stateless_skb'],
]);

/** The roles of a function in a journey. */
export function rolesOf({ name, module, packet }: Probe, tracer: TracerName): Role[] {
  const roles: Role[] = [];
  const { position } = packet;
  if (position === 0) {
    const frees = module === VMLINUX && FREEING.has(name);
    if (frees) roles.push('frees');
    if (module === VMLINUX && name === RELEASING) roles.push('releases');
    if (module === VMLINUX && name === HEAD) roles.push('head');
    if (frees && FINAL.has(name)) roles.push('final');
    if (roles.length > 0 || ZERO_COPY.test(name)) roles.push('tail');
    if (module === VMLINUX && DEFERRING.has(name)) roles.push('defers');
  } else if (position === 1 && module === VMLINUX && QUEUEING.has(name)) {
    roles.push('queues');
  }
  if (TAIL.has(name) && position <= 1) roles.push('tail');
  if (tracer === 'function_graph' && module === VMLINUX && REPORTING.has(name)) roles.push('reports');
  return roles;
}

/** Whether the function is attached to in any case, since it decides what becomes of packets. */
export function decides(probe: Probe): boolean {
  return rolesOf(probe, 'function').some((role) => role !== 'tail');
}

/** Whether a role decides what becomes of an skb: such functions also look at packets whose mark does not match. */
export const decidesBy = (role: Role) => role !== 'reports';
