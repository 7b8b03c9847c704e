/** Recordings of what `KernelRings` do, and the facts of their headers. */

import type { RecordSource, TraceHeader } from '../../src/base/record-source.js';
import { parseBtf } from '../../src/btf/btf.js';
import { LiveSource } from '../../src/capture/live-source.js';
import { parseEventStruct } from '../../src/fields/event-struct.js';
import { combineFields, type EventFields } from '../../src/fields/field-set.js';
import { createContext, type Output } from '../../src/output/output.js';
import { type OutputName, type OutputOptions, outputKind } from '../../src/output/outputs.js';
import type { RecordingFacts } from '../../src/recording/header.js';
import { JourneyIntake } from '../../src/trace/journey-intake.js';
import { TraceRun } from '../../src/trace/run.js';
import { BtfBuilder, type BtfMember } from './btf-builder.js';
import type { KernelRings } from './kernel-rings.js';
import { recordInMemory } from './memory-file.js';

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

/** The fields of an extension with this event struct. @param create makes its members */
export function createFields(sizeBytes: number, create: (b: BtfBuilder) => readonly (BtfMember & { tag?: string })[]) {
  const b = new BtfBuilder();
  const members = create(b);
  const struct = b.struct('event', sizeBytes, members);
  for (const [index, { tag }] of members.entries()) if (tag !== undefined) b.tag(`ipft:fmt:${tag}`, struct, index);
  b.variable('__ipft_event_struct', struct);
  const btf = b.bytes();
  return combineFields([
    {
      ...{ label: 'the extension x.c', part: 'module', layout: parseEventStruct(parseBtf(btf)), dataBytes: 64, btf },
      ...{ objects: [], hasLicense: false, declaresRdonlyCast: false },
    },
  ]);
}

/**
 * Records so many rounds, in each of which a kernel does something.
 * @returns the file
 */
export function record(
  kernel: KernelRings,
  header: TraceHeader,
  happen: (round: number) => void,
  { rounds = 20, deflates = false, fields }: { rounds?: number; deflates?: boolean; fields?: EventFields } = {},
): Buffer {
  const source = new LiveSource(kernel, header);
  const { recorder, file } = recordInMemory(source, createFacts(header, fields), { deflates });
  for (let round = 0; round < rounds; round++) {
    happen(round);
    recorder.read(source, 4096);
  }
  const end = source.end();
  while (!recorder.read(source, 4096).drained);
  recorder.finish(end);
  return file.bytes;
}

/** Takes the text of an output. */
export function takeText(output: Output, idleMs: number): string {
  let text = '';
  for (let hasMore = true; hasMore; ) {
    hasMore = output.tick(idleMs);
    text += Buffer.from(output.take()).toString();
  }
  return text;
}

/** The text of a source whose records are all there. */
export async function showText(source: RecordSource, name: OutputName, options: OutputOptions = {}): Promise<string> {
  return (await showBytes(source, name, options)).toString();
}

/** The same as bytes. */
export async function showBytes(source: RecordSource, name: OutputName, options: OutputOptions = {}): Promise<Buffer> {
  const output = outputKind(name).create(createContext(source), { fold: 'auto', ...options });
  const pieces: Uint8Array[] = [];
  const run = new TraceRun(source, new JourneyIntake(output, source.places, output.choice), {
    async handOn(idleMs) {
      for (let hasMore = true; hasMore; ) {
        hasMore = output.tick(idleMs);
        pieces.push(Uint8Array.from(output.take()));
      }
    },
    finish: async () => {},
  });
  await run.run(new AbortController().signal);
  await run.finish();
  for (const piece of output.finish()) pieces.push(Uint8Array.from(piece));
  return Buffer.concat(pieces);
}
