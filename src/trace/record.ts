/** What a recording of a trace of the running kernel is made from. */
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { UsageError } from '../base/errors.js';
import { locationOf } from '../base/journey.js';
import type { TraceLosses } from '../base/losses.js';
import type { RecordSource, SourceCoverage, TraceHeader } from '../base/record-source.js';
import type { EventFields } from '../fields/field-set.js';
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

/** @throws UsageError for fields that a recording can't hold: what computes them is not in it */
export function checkRecordable({ sets }: Pick<EventFields, 'sets'>): void {
  const set = sets.find(({ computed }) => computed !== undefined);
  if (!set) return;
  throw new UsageError(
    `a recording can't hold the fields of ${set.label}: they are computed when an event is shown, by what is not in it`,
    'leave the extension out, or keep what -o json prints',
  );
}

/** @param source of the trace @throws UsageError as `checkRecordable` */
export function createOrigin(
  { header, fields, plan, ringSizeBytes }: Recordable,
  source: Origin['source'],
  options: Omit<OriginOptions, 'symbols'> = {},
): Origin {
  checkRecordable(fields);
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
