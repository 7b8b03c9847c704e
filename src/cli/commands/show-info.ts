/** `ipft show --info FILE…`: what recordings are, instead of their packets. */
import { counted } from '../../base/counted.js';
import { OUTCOMES } from '../../base/journey.js';
import type { TraceLosses } from '../../base/losses.js';
import { printable } from '../../base/printable.js';
import type { Reading, RecordSource, SourceEnd } from '../../base/record-source.js';
import { type EventSink, JourneyTracker } from '../../journey/tracker.js';
import { Clock } from '../../output/clock.js';
import type { EndedEarly, Recording } from '../../recording/recording.js';
import { type Intake, TraceRun } from '../../trace/run.js';
import { STATUS_DONE, STATUS_ERROR, STATUS_LOSS } from '../exit-status.js';
import type { ShowRequest } from '../options.js';
import { describeLosses } from '../report.js';
import type { StopSignal } from '../stop.js';
import type { Terminal } from '../terminal.js';
import type { Writer } from '../writer.js';

/** The width of the names of lines. */
const NAME_WIDTH = 10;

/**
 * As text, what the header tells comes at once. The counts come when all has been read; a signal ends the reading.
 * @returns the exit status
 */
export async function showInfo(
  recording: Recording,
  { output, strict, until }: ShowRequest,
  terminal: Terminal,
  out: Writer,
  stop: StopSignal,
): Promise<number> {
  const isText = output !== 'json';
  const write = (text: string) => out.write(Buffer.from(text));
  if (isText) await write(format(describeHeader(recording)));
  const counter = new Counter(recording);
  const run = new TraceRun(
    recording,
    counter,
    {
      ...{ handOn: async () => {}, finish: async () => {} },
      get isClosed() {
        return out.closed;
      },
      onRead: () => terminal.status(() => `Counting: ${counted(counter.tracker.events, 'event')}; Ctrl-C ends it`),
    },
    until,
  );
  if (!(await stop.hasHappened())) await run.run(stop.signal);
  terminal.clearStatus();
  const { isRead, endedEarly } = recording;
  await run.finish();
  if (isText) await write(format(describeContent(recording, counter, isRead)));
  else
    await write(
      `${JSON.stringify({ ...headerJson(recording), ...contentJson(recording, counter, isRead) }, null, 2)}\n`,
    );
  await out.flush();
  if (endedEarly) terminal.warn(endedEarly.problem);
  if (endedEarly?.why === 'damaged') return STATUS_ERROR;
  const { coverage, header } = recording;
  const clock = Clock.wall(header.realtimeOffsetNs);
  const isWhole = !endedEarly && describeLosses(recording.losses(), coverage, counter.tracker, clock).length === 0;
  return strict && !isWhole ? STATUS_LOSS : STATUS_DONE;
}

/** Counts events, and journeys by their outcomes. */
class Counter implements Intake {
  readonly tracker: JourneyTracker;
  readonly ended = 0;
  readonly over = undefined;
  /** The time of the last step, or of the end. */
  lastNs = 0n;

  constructor({ places }: Recording) {
    this.tracker = new JourneyTracker(NOTHING, places);
  }

  read(source: RecordSource, limit: number): Reading {
    const reading = source.read(this.tracker, limit);
    this.tracker.settle(reading.upToNs);
    this.lastNs = reading.upToNs;
    return reading;
  }

  finish({ living, atNs }: SourceEnd): void {
    this.tracker.finish(living, atNs);
    if (atNs > this.lastNs) this.lastNs = atNs;
  }
}

const NOTHING: EventSink = { hasRoom: true, event() {}, ended() {} };

type Line = readonly [name: string, value: string];

function format(lines: readonly Line[]): string {
  return lines.map(([name, value]) => `${name.padEnd(NAME_WIDTH)}  ${printable(value)}\n`).join('');
}

function describeHeader({ facts, header, sizeBytes, paths }: Recording): Line[] {
  const { plan, fields, coverage } = facts;
  const which = paths.length > 1 ? `parts ${facts.part} to ${facts.part + paths.length - 1}` : `part ${facts.part}`;
  const patterns = [
    plan.functions === '' ? '' : ` that match ${plan.functions}`,
    plan.modules === '' ? '' : ` of modules that match ${plan.modules}`,
  ].join('');
  const sample = plan.samplePeriod > 1 ? `, of which one in ${plan.samplePeriod} was kept` : '';
  return [
    ['recording', `${facts.id}, ${which}: ${counted(sizeBytes, 'byte')}`],
    ['made on', `${facts.host}, Linux ${facts.kernel}, by ipft ${facts.version}`],
    ['began', `${Clock.wall(header.realtimeOffsetNs).format(header.beganNs)} (local time)`],
    ['packets', `${plan.packets}${plan.follow ? ', followed when their mark changes' : ''}`],
    ['functions', `${coverage.traced}${patterns} (-t ${facts.tracer}, -b ${facts.backend})${sample}`],
    ['ring', counted(plan.ringBytes, 'byte')],
    ...(fields?.fields ?? []).map(({ name, type, format }, index): Line => {
      return [index === 0 ? 'fields' : '', `${name}: ${type}${format === '' ? '' : ` (${format})`}`];
    }),
  ];
}

function describeContent(recording: Recording, { tracker, lastNs }: Counter, isRead: boolean): Line[] {
  const { header, endedEarly, carried, chunks } = recording;
  const outcomes = OUTCOMES.filter((outcome) => tracker.counts.has(outcome)).map(
    (outcome) => `${tracker.counts.get(outcome)} ${outcome}`,
  );
  const losses = listLosses(recording.losses());
  return [
    ['lasted', `${formatSeconds(lastNs - header.beganNs)}`],
    ['chunks', String(chunks)],
    ['events', String(tracker.events)],
    ['journeys', `${tracker.journeys}${outcomes.length > 0 ? `: ${outcomes.join(', ')}` : ''}`],
    ...(carried > 0 ? [['', `${carried} of them began before this file`] as const] : []),
    ...(tracker.gaps > 0 ? [['', `${tracker.gaps} of them may have a gap`] as const] : []),
    ['lost', losses.length > 0 ? losses.join(', ') : 'nothing'],
    ['whole', describeWhole(recording, endedEarly, isRead)],
  ];
}

function describeWhole({ continues }: Recording, endedEarly: EndedEarly | undefined, isRead: boolean): string {
  if (endedEarly) return `no, it is ${endedEarly.why}`;
  if (!isRead) return 'not known: the counts stop where the reading was ended';
  return continues ? 'yes; another part follows' : 'yes';
}

function formatSeconds(ns: bigint): string {
  return ns <= 0n ? '0 s' : `${(Number(ns) / 1e9).toFixed(3)} s`;
}

function listLosses(losses: TraceLosses): string[] {
  return Object.entries(lossCounts(losses))
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${count} ${LOSS_NAMES[name]}`);
}

const LOSS_NAMES: Record<string, string> = {
  ring: 'events for which the ring had no room',
  ends: 'ends for which the ring had no room',
  unseen: 'journeys of which no event found room',
  unfollowed: 'events of packets that could not be followed',
  missedCalls: 'missed calls of traced functions',
  missedDeciding: 'missed calls of deciding functions',
};

function lossCounts({ cpus, ends, unseen, unfollowed, missed }: TraceLosses): Record<string, number> {
  return {
    ring: Number(cpus.reduce((sum, { lost }) => sum + lost, 0n)),
    ...{ ends: Number(ends), unseen: Number(unseen), unfollowed: Number(unfollowed) },
    ...{ missedCalls: Number(missed.shown), missedDeciding: Number(missed.deciding) },
  };
}

/** Times are nanoseconds in strings where they may exceed 53 bits. */
function headerJson({ facts, header, sizeBytes, paths }: Recording) {
  const { id, part, host, kernel, version, tracer, backend, plan, fields, coverage } = facts;
  return {
    ...{ files: paths, id, part, parts: paths.length, bytes: sizeBytes, host, kernel, version, tracer, backend },
    began: Clock.wall(header.realtimeOffsetNs).format(header.beganNs),
    ...{ began_ns: String(header.beganNs), realtime_offset_ns: String(header.realtimeOffsetNs) },
    plan: {
      ...{ packets: plan.packets, follow: plan.follow, functions: plan.functions, modules: plan.modules },
      ...{ sample_period: plan.samplePeriod, ring_bytes: plan.ringBytes },
    },
    ...{
      functions: coverage.traced,
      fields: fields?.fields.map(({ name, type, format }) => ({ name, type, format })) ?? [],
    },
  };
}

function contentJson(recording: Recording, { tracker, lastNs }: Counter, isRead: boolean) {
  const { header, chunks, carried, continues, endedEarly } = recording;
  return {
    duration_ns: Math.max(0, Number(lastNs - header.beganNs)),
    ...{
      chunks,
      events: tracker.events,
      journeys: tracker.journeys,
      gaps: tracker.gaps,
      outcomes: Object.fromEntries(tracker.counts),
    },
    ...{ carried, losses: lossCounts(recording.losses()), whole: isRead && !endedEarly, continues },
    problem: endedEarly?.problem ?? null,
  };
}
