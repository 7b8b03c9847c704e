/** Points of the kernel that programs are attached to. */
import type { Target } from '../base/target.js';

/** How a program finds the packet: as an argument. */
export interface PacketAccess {
  readonly by: 'argument';
  /** Position of the first `struct sk_buff *` among the arguments, counted from 0. */
  readonly position: number;
}

/** A function that a program is attached to, with the facts that the program needs. */
export interface Probe extends Target {
  readonly kind: 'function';
  /** The function's id in the BTF of its module. */
  readonly id: number;
  readonly packet: PacketAccess;
  /** The number of arguments, without the `...` of a variadic function. */
  readonly parameters: number;
  /** The address; only given if another function has the same name. */
  readonly address?: bigint;
}

/** A key that is equal for probes whose events can't be told apart. */
export function keyOf({ kind, module, name, packet, parameters, address }: Probe): string {
  return [kind, module, name, formatAccess(packet), parameters, address ?? ''].join(' ');
}

/** The packet's position, for the list of functions. */
export function formatAccess({ position }: PacketAccess): string {
  return String(position);
}
