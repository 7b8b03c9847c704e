/** The program for a probe, where one program is attached to many. */
import type { NumberedProbe } from './cookie.js';
import type { Probe } from './probe.js';
import { decidesBy } from './roles.js';

/**
 * There is a program for each position that the skb often has. The last one is for all other positions, and for functions
 * that decide what becomes of a packet: it reads the position from the cookie. They are few, since the kernel takes a
 * while to release each link.
 */
export type Variant = 0 | 1 | 2 | 'deciding';
const OFTEN = [0, 1, 2] as const;

export function variantOf({ probe, roles }: Pick<NumberedProbe, 'probe' | 'roles'>): Variant {
  const often = roles.some(decidesBy) ? undefined : OFTEN.find((position) => position === probe.packet.position);
  return often ?? 'deciding';
}

/** The variants that these probes need; by default all. */
export function variantsFor(probes: readonly Probe[] | undefined): Variant[] {
  const positions = new Set(probes?.map(({ packet }) => packet.position));
  return [...OFTEN.filter((position) => !probes || positions.has(position)), 'deciding'];
}
