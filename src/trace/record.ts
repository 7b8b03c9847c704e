/** What a recording of a trace of the running kernel is made from. */
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { describePackets } from '../filter/packet-query.js';
import { readSymbols } from '../kernel/functions.js';
import { Origin, type OriginOptions } from '../recording/part.js';
import type { LiveTrace } from './live-trace.js';

/** @param source of the trace, when tracing begins */
export function createOrigin(
  { header, fields, plan, ringSizeBytes }: LiveTrace,
  source: Origin['source'],
  options: Omit<OriginOptions, 'symbols'> = {},
): Origin {
  const { version, kernel, tracer, backend, beganNs, realtimeOffsetNs } = header;
  const { probes } = plan;
  const facts = {
    ...{ version, kernel, tracer, backend, beganNs, realtimeOffsetNs, coverage: source.coverage },
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
