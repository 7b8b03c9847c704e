/** Makes a recording of a trace of the running kernel. */
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type { SourceCoverage } from '../base/record-source.js';
import { describePackets } from '../filter/packet-query.js';
import { readSymbols } from '../kernel/functions.js';
import { Recorder, type RecorderOptions } from '../recording/recorder.js';
import type { LiveTrace } from './live-trace.js';

/** @param coverage when tracing begins */
export function createRecorder(
  { header, fields, plan, ringSizeBytes }: LiveTrace,
  coverage: SourceCoverage,
  options: Omit<RecorderOptions, 'symbols'> = {},
): Recorder {
  const { version, kernel, tracer, backend, beganNs, realtimeOffsetNs } = header;
  const { probes } = plan;
  const facts = {
    ...{ version, kernel, tracer, backend, beganNs, realtimeOffsetNs, coverage },
    ...{ host: hostname(), id: randomBytes(8).toString('hex'), part: 1 },
    ...{ targets: [...header.targets], fields: fields.sets.length > 0 ? fields : undefined },
    plan: {
      ...{ packets: describePackets(plan.packets), follow: plan.follow, ringBytes: ringSizeBytes },
      ...{ functions: probes.functionPattern?.text ?? '', modules: probes.modulePattern?.text ?? '' },
      samplePeriod: probes.samplePeriod,
    },
  };
  return new Recorder({ header }, facts, { ...options, symbols: fields.usesSymbols ? readSymbols() : undefined });
}
