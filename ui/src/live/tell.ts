/** The state of the trace in words. */
import { counted, formatNumber } from '../format.js';
import type { LiveView } from './session.js';
import type { Amount, Status } from './status.js';

/** What goes on, in a few words. */
export function tellState({ status, link, isPaused }: LiveView): string {
  if (link !== 'there') return 'ipft does not answer';
  if (!status) return 'asking ipft …';
  const { state, trace, canTrace } = status;
  const paused = isPaused ? ', paused' : '';
  switch (state) {
    case 'idle':
      return canTrace ? 'nothing is traced' : 'no recording is open';
    case 'starting':
      return 'the trace is being started …';
    case 'tracing':
      return `tracing${paused}`;
    case 'stopping':
      return 'the trace is being ended …';
    case 'opening':
      return `the recording is being read …${paused}`;
    case 'ended':
      return `${trace > 0 ? 'the trace has ended' : 'nothing is traced'}${paused}`;
  }
}

/** What is missing in the picture, and why: a sentence each. */
export function tellMissing({ status, forgotten, missed }: LiveView): readonly string[] {
  if (!status) return [];
  const told: string[] = [];
  const { summed, lost, missed: calls } = status;
  if (lost > 0) told.push(`${counted(lost, 'event')} could not be read: there were too many at once.`);
  if (calls > 0) told.push(`${counted(calls, 'call')} could not be seen by the kernel.`);
  if (summed.journeys > 0) {
    const ends = summed.outcomes.map(([outcome, count]) => `${formatNumber(count)} ${outcome}`).join(', ');
    const ended = ends === '' ? '' : `: ${ends}`;
    told.push(`There were too many to show all of them: ${tellAmount(summed)} were only counted${ended}.`);
  }
  const old = { journeys: forgotten.journeys + missed.journeys, events: forgotten.events + missed.events };
  if (old.journeys > 0) told.push(`The oldest ${tellAmount(old)} are no longer kept.`);
  return [...told, ...status.warnings.map((text) => (/[.!?]$/.test(text) ? text : `${text}.`))];
}

function tellAmount({ journeys, events }: Amount): string {
  return `${counted(journeys, 'packet')} with ${counted(events, 'event')}`;
}

/** All that was traced, shown or not. */
export function tellTraced({ traced }: Status): string {
  return `${counted(traced.journeys, 'packet')}, ${counted(traced.events, 'event')} traced`;
}
