/** What a recording of a trace of the running kernel is made from. */
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { UsageError } from '../base/errors.js';
import { locationOf } from '../base/journey.js';
import type { TraceLosses } from '../base/losses.js';
import { printable } from '../base/printable.js';
import type { RecordSource, SourceCoverage, TraceHeader } from '../base/record-source.js';
import { type EventFields, fieldsAsRead } from '../fields/field-set.js';
import { describePackets } from '../filter/packet-query.js';
import type { JourneyTracker } from '../journey/tracker.js';
import { readSymbols } from '../kernel/functions.js';
import { CarriedBegins } from '../recording/carried.js';
import { FileSink } from '../recording/file-sink.js';
import { Origin, type OriginOptions } from '../recording/part.js';
import { Recorder } from '../recording/recorder.js';
import { openRecordingFile } from '../recording/recording-file.js';
import type { LiveTrace } from './live-trace.js';

/** What a recording says of a trace. */
export type Recordable = Pick<LiveTrace, 'header' | 'fields' | 'plan' | 'ringSizeBytes'>;

/**
 * The fields as a recording has them: what the kernel side has read, whatever the user side makes of it.
 * @throws UsageError for fields that a recording can't hold: there is nothing but what computes them, which is not in it
 * @throws ExtensionError if two sets have a field of the same name
 */
export function recordedFields(fields: EventFields): EventFields {
  const set = fields.sets.find(({ computed, asRead }) => computed && !asRead);
  if (!set) return fieldsAsRead(fields);
  throw new UsageError(
    `a recording can't hold the fields of ${set.label}: they are computed when an event is shown, by what is not in it`,
    'leave the extension out, or keep what -o json prints',
  );
}

/** What a recording leaves out of fields, a line for each set that shows some of them otherwise than it reads them. */
export function describeRecorded({ sets }: Pick<EventFields, 'sets'>): string[] {
  return sets.flatMap(({ label, layout, asRead }) => {
    if (!asRead) return [];
    const own = new Set(layout.fields.map(({ name }) => name));
    const names = asRead.layout.fields.map(({ name }) => name).filter((name) => !own.has(name));
    return [
      `${label}: ${names.map((name) => printable(name)).join(', ')} ${names.length === 1 ? 'is' : 'are'} recorded as read, without show`,
    ];
  });
}

/** @param source of the trace @throws UsageError, ExtensionError as `recordedFields` */
export function createOrigin(
  { header, fields: all, plan, ringSizeBytes }: Recordable,
  source: Origin['source'],
  options: Omit<OriginOptions, 'symbols'> = {},
): Origin {
  const fields = recordedFields(all);
  const { version, kernel, tracer, backend, beganNs, realtimeOffsetNs, hostNames } = header;
  const { probes } = plan;
  const facts = {
    ...{ version, kernel, tracer, backend, beganNs, realtimeOffsetNs, hostNames, coverage: source.coverage },
    ...{ host: hostname(), id: randomBytes(8).toString('hex'), part: 1 },
    ...{ targets: [...header.targets], fields: fields.sets.length > 0 ? fields : undefined },
    plan: {
      ...{ packets: describePackets(plan.packets), follow: plan.follow, ringBytes: ringSizeBytes },
      ...{ functions: probes.functionPattern?.text ?? '', modules: probes.modulePattern?.text ?? '' },
      samplePeriod: probes.samplePeriod,
    },
  };
  return new Origin(source, facts, { ...options, symbols: fields.usesSymbols ? readSymbols() : undefined });
}

/** A recording that begins while a trace runs. */
export interface LateRecording {
  readonly recorder: Recorder;
  readonly sink: FileSink;
}

/**
 * Begins a recording of a trace that runs.
 * @param tracker of the journeys so far
 * @throws IpftError `RECORDING` if the file can't be opened
 */
export function beginRecording(
  live: Recordable & { readonly session: Pick<LiveTrace['session'], 'symbolOf'> },
  source: RecordSource,
  tracker: JourneyTracker,
  { path, deflates }: { readonly path: string; readonly deflates: boolean },
): LateRecording {
  const { header, session } = live;
  // The records that have told these names are not in the file.
  const symbol = (address: bigint) => locationOf(session.symbolOf(address) ?? '') ?? header.names.symbol(address);
  const names = { ...header.names, symbol };
  const origin = createOrigin(live, new NamedSource(source, { ...header, names }), { deflates });
  const begins = [...tracker.known()];
  for (const { place } of begins) if (place) origin.names.seeNetns(place.netns);
  const sink = new FileSink(origin, { next: () => openRecordingFile(path) }, undefined, new CarriedBegins(begins));
  return { recorder: new Recorder(origin, sink), sink };
}

/** A source whose header knows more names. */
class NamedSource implements Pick<RecordSource, 'header' | 'losses' | 'coverage'> {
  readonly header: TraceHeader;
  readonly #source: RecordSource;

  constructor(source: RecordSource, header: TraceHeader) {
    this.header = header;
    this.#source = source;
  }

  get coverage(): SourceCoverage {
    return this.#source.coverage;
  }

  losses(): TraceLosses {
    return this.#source.losses();
  }
}
