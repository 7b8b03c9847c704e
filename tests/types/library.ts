/**
 * The types that follow from what a caller of the library asks for. Nothing here runs: src/library/schema.test.ts has
 * this file compiled, and so does `npm run check`.
 */
import type { FieldValue } from '../../src/base/field.js';
import type {
  EntryEvent,
  EventOf,
  FieldSchema,
  FieldsOf,
  RecordedSession,
  ReturnEvent,
  TraceSession,
} from '../../src/library/api.js';
import type { openRecording } from '../../src/library/open-recording.js';
import type { trace } from '../../src/library/trace.js';

const whole = {
  ...{ len: 'number', saddr: 'string', cookie: 'bigint', isLast: 'boolean', ports: ['number'] },
  tcp: { seq: 'number', ack: ['bigint'] },
} as const satisfies FieldSchema;

/** Takes `true` alone, which `Same` is of two types that are the same to the last `readonly`. */
const check = <_ extends true>() => {};
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

check<
  Same<
    FieldsOf<typeof whole>,
    {
      readonly len: number;
      readonly saddr: string;
      readonly cookie: bigint;
      readonly isLast: boolean;
      readonly ports: readonly number[];
      readonly tcp: { readonly seq: number; readonly ack: readonly bigint[] };
    }
  >
>();
// @ts-expect-error a number is no string: what stands above is checked
check<Same<FieldsOf<{ len: 'number' }>, { readonly len: string }>>();
// Where nobody has said which fields there are, any may be there.
check<Same<FieldsOf<FieldSchema>, Readonly<Record<string, FieldValue>>>>();

check<Same<EventOf<'function', 1>, EntryEvent<1>>>();
check<Same<EventOf<'function_graph', 1>, EntryEvent<1> | ReturnEvent<1>>>();

declare const traced: typeof trace;
const typed = () => traced({ mark: 1, extension: 'x.o', fields: { len: 'number', ports: ['string'] } });
type Fields = { readonly len: number; readonly ports: readonly string[] };
check<Same<ReturnType<typeof typed>, Promise<TraceSession<EntryEvent<Fields>>>>>();
const untyped = () => traced({ mark: 1, tracer: 'function_graph' });
check<Same<ReturnType<typeof untyped>, Promise<TraceSession<EntryEvent | ReturnEvent>>>>();
declare const opened: typeof openRecording;
const recorded = () => opened('x.ipft', { fields: { len: 'number', ports: ['string'] } });
check<Same<ReturnType<typeof recorded>, Promise<RecordedSession<EntryEvent<Fields> | ReturnEvent<Fields>>>>>();
// @ts-expect-error a field has one of four types, or is made of them
traced({ mark: 1, fields: { len: 'integer' } });
