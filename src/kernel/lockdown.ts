/** Kernel lockdown: a mode in which the kernel keeps even root from reading or changing it while it runs. */
import { readFileSync } from 'node:fs';
import { readKernelLog } from '../sys/libc.js';

/**
 * `unknown`: neither securityfs nor the log tells, which usually means `none`. `locked`: it is on, and the level can't
 * be read.
 */
export type Lockdown = 'none' | 'integrity' | 'confidentiality' | 'locked' | 'unknown';

/** The running kernel's lockdown, from securityfs, or where that is not mounted, from the kernel's log. */
export function loadLockdown(): Lockdown {
  try {
    return parseLockdown(readFileSync('/sys/kernel/security/lockdown', 'utf8'));
  } catch {
    return /Kernel is locked down/.test(readKernelLog()) ? 'locked' : 'unknown';
  }
}

/** Reads `/sys/kernel/security/lockdown`: `none [integrity] confidentiality`. */
export function parseLockdown(text: string): Lockdown {
  const level = /\[(\w+)\]/.exec(text)?.[1];
  return level === 'none' || level === 'integrity' || level === 'confidentiality' ? level : 'unknown';
}
