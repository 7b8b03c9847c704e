/** Attach cookies, which tell programs the probe that they run for (`bpf/abi/target.h`). */
import {
  IPFT_MAX_ARGUMENTS,
  IPFT_MAX_POSITION,
  IPFT_TARGET_ARGUMENTS,
  IPFT_TARGET_DEFERS,
  IPFT_TARGET_FINAL,
  IPFT_TARGET_FREES,
  IPFT_TARGET_HEAD,
  IPFT_TARGET_HIDDEN,
  IPFT_TARGET_POSITION,
  IPFT_TARGET_QUEUES,
  IPFT_TARGET_RELEASES,
  IPFT_TARGET_REPORTS,
  IPFT_TARGET_TAIL,
} from '../abi/layout.js';
import type { Probe } from './probe.js';
import type { Role } from './roles.js';

/** A probe with the index that its events carry. */
export interface NumberedProbe {
  readonly probe: Probe;
  /** At most IPFT_TARGET_INDEX. */
  readonly index: number;
  /** The roles of the function in a packet's journey. */
  readonly roles: readonly Role[];
  /** Whether it makes no events. */
  readonly hidden: boolean;
}

const ROLE_BITS: Record<Role, number> = {
  frees: IPFT_TARGET_FREES,
  releases: IPFT_TARGET_RELEASES,
  head: IPFT_TARGET_HEAD,
  final: IPFT_TARGET_FINAL,
  tail: IPFT_TARGET_TAIL,
  queues: IPFT_TARGET_QUEUES,
  defers: IPFT_TARGET_DEFERS,
  reports: IPFT_TARGET_REPORTS,
};

/** The attach cookie: enum ipft_target. */
export function cookieOf({ probe, index, roles, hidden }: NumberedProbe): number {
  const bits = roles.reduce((sum, role) => sum | ROLE_BITS[role], 0);
  const position = Math.min(probe.packet.position, IPFT_MAX_POSITION) << IPFT_TARGET_POSITION;
  const known = Math.min(probe.parameters, IPFT_MAX_ARGUMENTS) << IPFT_TARGET_ARGUMENTS;
  return (index | known | position | bits | (hidden ? IPFT_TARGET_HIDDEN : 0)) >>> 0;
}
