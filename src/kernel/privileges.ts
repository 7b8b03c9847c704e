/** Whether this process may load tracing programs. */
import { readFileSync } from 'node:fs';
import { causedBy, EnvironmentError } from '../base/errors.js';

/** Bits of capabilities: `linux/capability.h`. */
const CAPABILITIES = { CAP_SYS_ADMIN: 21, CAP_SYSLOG: 34, CAP_PERFMON: 38, CAP_BPF: 39 } as const;

export type Capability = keyof typeof CAPABILITIES;

/** The effective capabilities of this process, of those that tracing asks for. */
export function loadCapabilities(): Set<Capability> {
  try {
    return parseCapabilities(readFileSync('/proc/self/status', 'latin1'));
  } catch (error) {
    const problem = `reading what this process may do: ${(error as Error).message}`;
    throw causedBy(new EnvironmentError('SYSTEM', problem, '/proc is hidden here: mount -t proc proc /proc'), error);
  }
}

/** Reads the line `CapEff:` of `/proc/PID/status`. @throws Error if it is not there: something else lies over the file */
export function parseCapabilities(status: string): Set<Capability> {
  const mask = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1];
  if (mask === undefined) throw new Error('/proc/self/status is not what the kernel shows there');
  const bits = BigInt(`0x${mask}`);
  const names = Object.keys(CAPABILITIES) as Capability[];
  return new Set(names.filter((name) => (bits >> BigInt(CAPABILITIES[name])) & 1n));
}

/** Whether programs may be loaded and attached with these capabilities. */
export function canTrace(capabilities: ReadonlySet<Capability>): boolean {
  return capabilities.has('CAP_SYS_ADMIN') || (capabilities.has('CAP_BPF') && capabilities.has('CAP_PERFMON'));
}

/** @throws EnvironmentError that names the missing ones */
export function checkPrivileges(capabilities: ReadonlySet<Capability>): void {
  if (canTrace(capabilities)) return;
  const missing = (['CAP_BPF', 'CAP_PERFMON'] as const).filter((name) => !capabilities.has(name));
  throw new EnvironmentError(
    'NO_PRIVILEGES',
    `tracing needs root, or the capabilities CAP_BPF and CAP_PERFMON: ${missing.join(' and ')} ${missing.length === 1 ? 'is' : 'are'} missing`,
    'run it with sudo',
  );
}
