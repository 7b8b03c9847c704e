/** Messages about functions that are not traced, and about losses. */

import { counted } from '../base/counted.js';
import { OUTCOMES } from '../base/journey.js';
import type { TraceLosses } from '../base/losses.js';
import { printable } from '../base/printable.js';
import type { SourceCoverage } from '../base/record-source.js';
import { VMLINUX } from '../base/target.js';
import type { JourneyTracker } from '../journey/tracker.js';
import { SWITCHES } from '../kernel/switches.js';
import type { Clock } from '../output/clock.js';
import type { Output } from '../output/output.js';
import type { Backend } from '../probes/backend.js';
import type { TargetSelection } from '../probes/targets.js';
import type { Terminal } from './terminal.js';

const MISSED = 'were missed, of whatever packet: the CPU was within a BPF program; fewer functions (-r) help';

/** The names in a message without -v. */
const NAMES_SHOWN = 3;

/** Reports functions that can't be traced: their number for each reason, and with `verbose` their names. */
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

/** Reports functions that the kernel refused. */
export function reportRefused({ refused }: SourceCoverage, verbose: boolean, terminal: Terminal): void {
  if (refused.length === 0) return;
  const names = refused.map(({ name, reason }) => `${name} (${reason})`);
  terminal.warn(`could not be attached to: ${someOf(names, verbose)}`);
}

/** Reports the number of journeys and their outcomes. */
export function reportJourneys(
  tracker: JourneyTracker,
  { isHeapFull = false }: Pick<Output, 'isHeapFull'>,
  { maxMemoryBytes }: { readonly maxMemoryBytes: number },
  terminal: Terminal,
): void {
  const outcomes = OUTCOMES.filter((outcome) => tracker.counts.has(outcome));
  const parts = outcomes.map((outcome) => `${tracker.counts.get(outcome)} ${outcome}`);
  const what = parts.length > 0 ? `: ${parts.join(', ')}` : '';
  terminal.line(`${counted(tracker.journeys, 'journey')}${what}; ${counted(tracker.events, 'event')}`);
  if (tracker.lostJourneys > 0) {
    const full = isHeapFull
      ? "JavaScript's heap is full (NODE_OPTIONS=--max-old-space-size=N, in MiB)"
      : `memory is full (--max-memory, ${maxMemoryBytes} bytes)`;
    terminal.warn(
      `${full}: ${tracker.lostJourneys} journeys were not accepted; more of it or fewer functions (-r) help`,
    );
  }
}

/** What a journey tracker knows of losses. */
type Tracked = Pick<JourneyTracker, 'late' | 'gaps' | 'lostJourneys'>;

/**
 * Reports losses.
 * @param isCut whether the result could not be written whole
 * @returns whether nothing is missing from the result
 */
export function reportLosses(
  losses: TraceLosses,
  coverage: SourceCoverage,
  tracker: Tracked,
  clock: Clock,
  terminal: Terminal,
  isCut = false,
): boolean {
  const { countsMisses } = losses;
  const warnings = describeLosses(losses, coverage, tracker, clock);
  for (const warning of warnings) terminal.warn(warning);
  const isWhole = warnings.length === 0 && tracker.lostJourneys === 0 && !isCut;
  if (isWhole && countsMisses) terminal.line('Nothing was lost: every event found room, no probe was missed');
  else if (isWhole) {
    terminal.line('Every event found room; probes that are missed this kernel does not count (with -b ftrace it does)');
  }
  return isWhole;
}

/** What is missing from a result; nothing where it is whole. */
export function describeLosses(
  { cpus, missed, unfollowed, ends, unseen, switchedOff }: TraceLosses,
  { refused, unwatched }: SourceCoverage,
  tracker: Tracked,
  clock: Clock,
): string[] {
  const warnings: string[] = [];
  for (const { name, remedy } of switchedOff.map((one) => SWITCHES[one])) {
    warnings.push(
      `probes were switched off while tracing (${name} was 0): what packets did meanwhile is missing; ${remedy}`,
    );
  }
  if (cpus.length > 0) {
    const total = cpus.reduce((sum, cpu) => sum + cpu.lost, 0n);
    const each = cpus.map(
      ({ cpu, lost, firstNs, lastNs }) =>
        `CPU ${cpu}: ${lost} from ${clock.format(firstNs)} to ${clock.format(lastNs)}`,
    );
    warnings.push(
      `${total} events were lost, since the ring was full (${each.join(', ')}); a larger --ring-size or fewer functions (-r) help`,
    );
  }
  if (unseen > 0n)
    warnings.push(
      `of ${unseen} journeys no event found room in the ring; a larger --ring-size or fewer functions (-r) help`,
    );
  if (ends > 0n) warnings.push(`of ${ends} journeys the end found no room in the ring; a larger --ring-size helps`);
  if (unfollowed > 0n) {
    warnings.push(
      `${unfollowed} events were lost, since too many packets were followed at the same time; a mark on fewer packets helps`,
    );
  }
  if (tracker.late > 0) warnings.push(`${tracker.late} events came too late for their journey, and are not shown`);
  if (missed.shown > 0n) warnings.push(`${missed.shown} calls of traced functions ${MISSED}`);
  if (missed.deciding > 0n) {
    warnings.push(`${missed.deciding} calls of functions that free, copy or deliver packets ${MISSED}`);
  }
  if (refused.length > 0) warnings.push(`${refused.length} functions could not be attached to; -v names them`);
  if (unwatched.length > 0) {
    warnings.push(`not watched, so that ends or copies of packets are missing: ${unwatched.join(', ')}`);
  }
  if (tracker.gaps > 0) warnings.push(`${tracker.gaps} journeys may have a gap; each says so`);
  return warnings;
}

function someOf(names: readonly string[], all: boolean): string {
  const shown = (all ? names : names.slice(0, NAMES_SHOWN)).map((name) => printable(name)).join(', ');
  const hidden = all ? 0 : names.length - NAMES_SHOWN;
  return hidden > 0 ? `${shown} and ${hidden} more (-v names them)` : shown;
}
