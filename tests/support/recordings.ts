/** Makes recordings of what `KernelRings` write, as `ipft record` makes them of the kernel's rings. */
import { Places } from '../../src/base/places.js';
import type { TraceHeader } from '../../src/base/record-source.js';
import { parseBtf } from '../../src/btf/btf.js';
import { LiveSource } from '../../src/capture/live-source.js';
import { parseEventStruct } from '../../src/fields/event-struct.js';
import { combineFields, type EventFields } from '../../src/fields/field-set.js';
import { FileSink, type RotateLimit } from '../../src/recording/file-sink.js';
import type { RecordingFacts } from '../../src/recording/header.js';
import { Origin } from '../../src/recording/part.js';
import { Recorder } from '../../src/recording/recorder.js';
import type { Destination } from '../../src/recording/recording-file.js';
import { BtfBuilder } from './btf-builder.js';
import { KernelRings, type KernelRingsOptions } from './kernel-rings.js';
import { createFacts } from './recorded.js';
import { createHeader } from './trace-header.js';

export const TARGETS = ['a', 'b', 'c', 'd', 'e'].map((name) => ({ name, module: 'vmlinux' }));
/** As /proc/kallsyms has them. */
export const SYMBOLS = Array.from(
  { length: 100 },
  (_, index) => `ffffffff81${(index * 256).toString(16).padStart(6, '0')} T function_${index}\n`,
).join('');

/** What passes between two readings: so that journeys have ended before the recording does. */
const PAUSE_NS = 30_000_000;

export interface RecordingOptions extends Partial<KernelRingsOptions> {
  /** About how many events. */
  readonly events: number;
  readonly deflates?: boolean;
  /** Whether events have fields, and there are symbols. */
  readonly hasFields?: boolean;
  /** The name of the first field, which there is then. */
  readonly fieldName?: string;
  readonly facts?: Partial<RecordingFacts>;
  /** When another file begins; by default never. */
  readonly rotate?: RotateLimit;
}

/** @param write takes the files, piece by piece; a piece is lent. @param next called when a file begins */
export function record(options: RecordingOptions, write: (piece: Uint8Array) => void, next = () => {}): KernelRings {
  const { events, deflates = false, fieldName, hasFields = fieldName !== undefined, facts } = options;
  const fields = hasFields ? createFields(fieldName) : undefined;
  const kernel = new KernelRings({
    ...{ ringBytes: 1 << 19, endsBytes: 1 << 17, eventsPerJourney: 5, dataBytes: fields?.dataBytes ?? 0 },
    ...options,
  });
  const header: TraceHeader = { ...createHeader(TARGETS), fields };
  const source = new LiveSource(kernel, header, new Places());
  const origin = new Origin(
    source,
    { ...createFacts(header, fields), ...facts },
    { deflates, symbols: hasFields ? SYMBOLS : undefined },
  );
  const file: Destination = { name: 'memory', write, close: () => {} };
  const files = {
    next() {
      next();
      return file;
    },
  };
  const recorder = new Recorder(origin, new FileSink(origin, files, options.rotate));
  const read = () => recorder.read(source, 4096).drained;
  while (kernel.truth.events < events) {
    kernel.happen(Math.min(4000, events - kernel.truth.events));
    while (!read());
    kernel.ns += PAUSE_NS;
  }
  const end = source.end();
  while (!read());
  recorder.finish(end);
  return kernel;
}

/** The bytes of the file. */
export function recordBytes(options: RecordingOptions): Buffer {
  const pieces: Buffer[] = [];
  record(options, (piece) => void pieces.push(Buffer.from(piece)));
  return Buffer.concat(pieces);
}

/** The bytes of each file. */
export function recordParts(options: RecordingOptions): Buffer[] {
  const files: Buffer[][] = [];
  record(
    options,
    (piece) => void files.at(-1)!.push(Buffer.from(piece)),
    () => void files.push([]),
  );
  return files.map((pieces) => Buffer.concat(pieces));
}

/** Two numbers, a name of an enum, and an address with its symbol. */
function createFields(name = 'length'): EventFields {
  const b = new BtfBuilder();
  const int = b.int('unsigned int', 4);
  const address = b.int('unsigned long', 8);
  const color = b.enumeration('color', { RED: 0, GREEN: 1, BLUE: 2 });
  const struct = b.struct('event', 24, [
    { name, type: int, offset: 0 },
    { name: 'color', type: color, offset: 4 },
    { name: 'address', type: address, offset: 8 },
    { name: 'bytes', type: b.array(int, 2), offset: 16 },
  ]);
  b.tag('ipft:fmt:symbol', struct, 2);
  b.variable('__ipft_event_struct', struct);
  const btf = b.bytes();
  const layout = parseEventStruct(parseBtf(btf));
  return combineFields([
    {
      ...{ label: 'the extension len.c', part: 'module', layout, btf, dataBytes: 64 },
      ...{ objects: [], hasLicense: false, declaresRdonlyCast: false },
    },
  ]);
}
