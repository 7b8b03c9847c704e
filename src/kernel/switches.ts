/**
 * Switches that turn probes off for the whole machine, those that are attached already included. Nothing else tells
 * that no program runs.
 */
import { readFileSync } from 'node:fs';
import type { Switch } from '../base/losses.js';

interface SwitchText {
  /** The file that holds `0` when it is off. Where it is missing or not readable, the switch counts as on. */
  readonly path: string;
  readonly name: string;
  readonly remedy: string;
}

/** `ftrace`: the hooks at the beginning of functions, which all backends use. `kprobes`: those of the backend kprobe. */
export const SWITCHES: Record<Switch, SwitchText> = {
  ftrace: {
    path: '/proc/sys/kernel/ftrace_enabled',
    name: 'kernel.ftrace_enabled',
    remedy: 'sysctl kernel.ftrace_enabled=1 switches it on',
  },
  kprobes: {
    path: '/sys/kernel/debug/kprobes/enabled',
    name: '/sys/kernel/debug/kprobes/enabled',
    remedy: 'echo 1 > /sys/kernel/debug/kprobes/enabled switches them on',
  },
};

export function isSwitchedOff(which: Switch): boolean {
  try {
    return readFileSync(SWITCHES[which].path, 'latin1').trim() === '0';
  } catch {
    return false;
  }
}
