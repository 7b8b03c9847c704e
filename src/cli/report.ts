/** What is told about functions that are not traced and events that were lost. */
import { type Backend, printable, type Session, type SessionLosses, type TargetSelection, VMLINUX } from '../index.js';
import type { Terminal } from './terminal.js';

/** How many names a message holds without -v. */
const NAMES_SHOWN = 3;

/** Functions that were never tried: how many for each reason, and with `verbose` their names. */
export function reportSelection(
  { excluded, unknownModules }: TargetSelection,
  { name: backend }: Backend,
  verbose: boolean,
  terminal: Terminal,
): void {
  const reasons = new Map<string, string[]>();
  for (const { name, module, reason } of excluded) {
    const names = reasons.get(reason) ?? [];
    names.push(module === VMLINUX ? name : `${name} (${module})`);
    reasons.set(reason, names);
  }
  if (reasons.size > 0) {
    const hint = verbose ? '' : ' (-l -v names them)';
    terminal.line(`${excluded.length} functions that take an skb can't be traced with ${backend}${hint}:`);
    for (const [reason, names] of reasons) {
      terminal.line(
        `  ${names.length}: ${reason}${verbose ? `: ${names.map((name) => printable(name)).join(', ')}` : ''}`,
      );
    }
  }
  if (unknownModules.length > 0) {
    const names = unknownModules.map(({ module, problem }) => `${module} (${problem})`);
    terminal.warn(`modules whose functions are not traced: ${someOf(names, verbose)}`);
  }
}

/** Functions that the kernel refused. */
export function reportFailures(session: Session, verbose: boolean, terminal: Terminal): void {
  if (session.failed.length === 0) return;
  const names = session.failed.map(({ target, reason }) => `${target.name} (${reason})`);
  terminal.warn(`could not be attached to: ${someOf(names, verbose)}`);
}

/** Events that are missing from the result. */
export function reportLosses({ lost, missed }: SessionLosses, terminal: Terminal): void {
  if (lost.length > 0) {
    const total = lost.reduce((sum, cpu) => sum + cpu.lost, 0n);
    const cpus = lost.map(({ cpu, lost: count }) => `CPU ${cpu}: ${count}`).join(', ');
    terminal.warn(
      `${total} events were lost, since the ring was full (${cpus}); a larger --ring-size or fewer functions (-r) help`,
    );
  }
  if (missed > 0n) {
    terminal.warn(
      `${missed} calls of traced functions, of whatever packet, were missed: the CPU was within a BPF program`,
    );
  }
}

function someOf(names: readonly string[], all: boolean): string {
  const shown = (all ? names : names.slice(0, NAMES_SHOWN)).map((name) => printable(name)).join(', ');
  const hidden = all ? 0 : names.length - NAMES_SHOWN;
  return hidden > 0 ? `${shown} and ${hidden} more (-v names them)` : shown;
}
