/** Places in the kernel that programs are attached to. */
import type { Target } from '../base/target.js';

/** How a program gets at the packet: it is an argument. */
export interface PacketAccess {
  readonly by: 'argument';
  /** Position of the first `struct sk_buff *` among the arguments, counted from 0. */
  readonly position: number;
}

/** What a program is attached to, and what it needs to know there. */
export interface Probe extends Target {
  readonly kind: 'function';
  /** The function's id in the BTF of its module. */
  readonly id: number;
  readonly packet: PacketAccess;
  /** How many arguments there are, without the `...` of a variadic function. */
  readonly parameters: number;
  /** Where the function lies, if its name alone does not tell: another function bears it, too. */
  readonly address?: bigint;
}

/** The same for two probes that are the same to whoever reads their events. */
export function keyOf({ kind, module, name, packet, parameters, address }: Probe): string {
  return [kind, module, name, formatAccess(packet), parameters, address ?? ''].join(' ');
}

/** For the list of functions: where the packet is. */
export function formatAccess({ position }: PacketAccess): string {
  return String(position);
}
