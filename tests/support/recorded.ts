/** Recordings of what `KernelRings` do, and the facts of their headers. */
import type { TraceHeader } from '../../src/base/record-source.js';
import type { EventFields } from '../../src/fields/field-set.js';
import type { RecordingFacts } from '../../src/recording/header.js';

/** What a recording says of a trace of which nothing matters but its header. */
export function createFacts(header: TraceHeader, fields?: EventFields): RecordingFacts {
  return {
    ...{ ...header, fields, host: 'here', id: '0123456789abcdef', part: 1 },
    coverage: { traced: header.targets.length, refused: [], unwatched: [] },
    plan: {
      ...{ packets: 'with mark 0x1', follow: false, functions: '', modules: '', samplePeriod: 1 },
      ringBytes: 1 << 19,
    },
  };
}
