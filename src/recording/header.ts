/** The header of a recording as JSON, and back. */
import { ParseError } from '../base/errors.js';
import { BACKEND_NAMES, TRACER_NAMES } from '../base/method.js';
import type { SourceCoverage, TraceHeader } from '../base/record-source.js';
import type { Target } from '../base/target.js';
import { parseBtf } from '../btf/btf.js';
import { EVENT_STRUCT, type NamedStruct, parseStructs } from '../fields/event-struct.js';
import { combineFields, type EventFields, type FieldSet, PARTS } from '../fields/field-set.js';
import { encodeCoverage, parseCoverage } from './end.js';
import type { JsonObject } from './json-object.js';
import { encodeTrigger, parseTrigger, type Trigger } from './trigger.js';

/** What a recording says of its trace, besides the names of numbers in records: those come as they are needed. */
export interface RecordingFacts
  extends Pick<
    TraceHeader,
    'version' | 'kernel' | 'tracer' | 'backend' | 'beganNs' | 'realtimeOffsetNs' | 'hostNames'
  > {
  /** The name of the machine. */
  readonly host: string;
  /** The number of the recording, which all its files have: 16 hexadecimal digits. */
  readonly id: string;
  /** The number of this file among them, from 1. */
  readonly part: number;
  readonly plan: RecordedPlan;
  readonly targets: readonly Target[];
  readonly fields: EventFields | undefined;
  /** As it was when tracing began. */
  readonly coverage: SourceCoverage;
  /** Of a file of a flight recorder: what made it write. */
  readonly trigger?: Trigger | undefined;
}

/** The most structs of a set: each is looked up in its BTF. */
const MAX_STRUCTS = 64;

/** What was asked for, for people; and what outputs depend on. */
export interface RecordedPlan {
  /** As in `with mark 0x4d2`. */
  readonly packets: string;
  readonly follow: boolean;
  /** Regular expressions, as they were given; empty for all. */
  readonly functions: string;
  readonly modules: string;
  /** One event in so many was kept. */
  readonly samplePeriod: number;
  /** The size of the ring in bytes. */
  readonly ringBytes: number;
}

export function encodeHeader(facts: RecordingFacts): object {
  const { version, kernel, host, id, part, tracer, backend, plan, targets, fields, beganNs, realtimeOffsetNs } = facts;
  return {
    ...{ version, kernel, host, id, part, tracer, backend },
    ...(facts.trigger && { trigger: encodeTrigger(facts.trigger) }),
    ...{ began_ns: String(beganNs), realtime_offset_ns: String(realtimeOffsetNs) },
    ...(facts.hostNames && { hosts: facts.hostNames.map(({ address, name }) => [address, name]) }),
    plan: {
      ...{ packets: plan.packets, follow: plan.follow, functions: plan.functions, modules: plan.modules },
      ...{ sample_period: plan.samplePeriod, ring_bytes: plan.ringBytes },
    },
    targets: targets.map(({ name, module }) => [name, module]),
    coverage: encodeCoverage(facts.coverage),
    data_bytes: fields?.dataBytes ?? 0,
    field_sets: (fields?.sets ?? []).map(({ label, part, dataBytes, btf, structs }) => {
      const named = structs && { structs: structs.map(({ variable, offset }) => ({ variable, offset })) };
      return { label, part, data_bytes: dataBytes, ...named, btf: Buffer.from(btf).toString('base64') };
    }),
    // The sets say it all; other readers may find this easier.
    fields: (fields?.fields ?? []).map(({ name, offset, type, format }) => ({ name, offset, type, format })),
  };
}

/** @param at where its chunk begins @throws ParseError */
export function parseHeader(json: JsonObject, at: number): RecordingFacts {
  const plan = json.object('plan');
  return {
    ...{ version: json.text('version'), kernel: json.text('kernel'), host: json.text('host') },
    ...{ id: json.text('id'), part: json.count('part') },
    trigger: json.has('trigger') ? parseTrigger(json.object('trigger')) : undefined,
    ...{ tracer: json.word('tracer', TRACER_NAMES), backend: json.word('backend', BACKEND_NAMES) },
    ...{ beganNs: json.big('began_ns'), realtimeOffsetNs: json.big('realtime_offset_ns') },
    hostNames: json.has('hosts') ? json.pairs('hosts').map(([address, name]) => ({ address, name })) : undefined,
    plan: {
      ...{ packets: plan.text('packets'), follow: plan.flag('follow') },
      ...{ functions: plan.text('functions'), modules: plan.text('modules') },
      ...{ samplePeriod: plan.count('sample_period'), ringBytes: plan.count('ring_bytes') },
    },
    ...{ targets: parseTargets(json), coverage: parseCoverage(json.object('coverage')) },
    fields: parseFields(json, at),
  };
}

/** @throws ParseError */
export function parseTargets(json: JsonObject): Target[] {
  return json.pairs('targets').map(([name, module]) => ({ name, module }));
}

/** The layouts are read from BTF, as when the trace was made. @throws ParseError, ExtensionError */
function parseFields(json: JsonObject, at: number): EventFields | undefined {
  const sets = json.objects('field_sets', (set) => parseSet(set, at));
  if (sets.length === 0) return undefined;
  if (sets.some(({ part }, index) => sets.findIndex((set) => set.part === part) !== index)) {
    throw new ParseError('recording', at, 'two of its sets of fields are of the same part');
  }
  const fields = combineFields(sets);
  if (fields.dataBytes !== json.count('data_bytes')) {
    throw new ParseError('recording', at, 'its sets of fields have another size than it says');
  }
  return fields;
}

function parseSet(json: JsonObject, at: number): FieldSet {
  const btf = Buffer.from(json.text('btf'), 'base64');
  const structs = json.has('structs') ? parseNamedStructs(json, at) : EVENT_STRUCT;
  const layout = parseStructs(parseBtf(btf), structs);
  const dataBytes = json.count('data_bytes');
  if (dataBytes < layout.sizeBytes || dataBytes % 8 !== 0) {
    throw new ParseError('recording', at, 'a set of fields has no room for its fields');
  }
  return {
    ...{ label: json.text('label'), part: json.word('part', PARTS), layout, dataBytes, btf, structs },
    ...{ objects: [], hasLicense: false, declaresRdonlyCast: false },
  };
}

function parseNamedStructs(json: JsonObject, at: number): NamedStruct[] {
  const structs = json.objects('structs', (one) => ({ variable: one.text('variable'), offset: one.count('offset') }));
  if (structs.length <= MAX_STRUCTS) return structs;
  throw new ParseError('recording', at, `a set of fields has ${structs.length} structs`);
}
