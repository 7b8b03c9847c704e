/** Losses, coverage and the end of a recording as JSON, and back. */
import type { Ended, Fate, Living } from '../base/journey.js';
import { FATE_STAGES } from '../base/journey.js';
import type { TraceLosses } from '../base/losses.js';
import type { SourceCoverage, SourceEnd } from '../base/record-source.js';
import type { JsonObject } from './json-object.js';
import { encodeTrigger, parseTrigger, type Trigger } from './trigger.js';

const SWITCHES = ['ftrace', 'kprobes'] as const;

export interface RecordedEnd {
  readonly end: SourceEnd;
  readonly losses: TraceLosses;
  readonly coverage: SourceCoverage;
  /** Whether another part follows. */
  readonly continues?: boolean;
  /** Of a file of a flight recorder: what made it write, in order; and how often more of that happened. */
  readonly triggers?: readonly Trigger[];
  readonly triggersLeftOut?: number;
}

/** The most journeys in an end, whose size has a bound; of further ones the end counts as lost. */
const MAX_LIVING = 100_000;
/** The most of them that are about to end. */
const MAX_FREEING = 1000;

export function encodeEnd(recorded: RecordedEnd): object {
  const { end, losses, coverage, continues = false, triggers, triggersLeftOut = 0 } = recorded;
  let room = MAX_FREEING;
  return {
    at_ns: String(end.atNs),
    ...(continues && { continues }),
    ...(triggers && { triggers: triggers.map(encodeTrigger), triggers_left_out: triggersLeftOut }),
    living: end.living.slice(0, MAX_LIVING).map(({ journey, events, freeing }) => ({
      ...{ journey, events },
      ...(freeing && room-- > 0 && { freeing: encodeEnded(freeing) }),
    })),
    losses: encodeLosses(losses),
    coverage: encodeCoverage(coverage),
  };
}

/** @throws ParseError */
export function parseEnd(json: JsonObject): RecordedEnd {
  return {
    end: { atNs: json.big('at_ns'), living: json.objects('living', parseLiving) },
    triggers: json.has('triggers') ? json.objects('triggers', parseTrigger) : [],
    triggersLeftOut: json.has('triggers_left_out') ? json.count('triggers_left_out') : 0,
    ...{ losses: parseLosses(json.object('losses')), coverage: parseCoverage(json.object('coverage')) },
    continues: json.has('continues') && json.flag('continues'),
  };
}

function parseLiving(json: JsonObject): Living {
  return {
    ...{ journey: json.count('journey'), events: json.count('events') },
    freeing: json.has('freeing') ? parseEnded(json.object('freeing')) : undefined,
  };
}

function encodeEnded({ journey, timestampNs, events, fate }: Ended): object {
  const { dropped, received, stage, reason, location, symbol, device, family, protocol } = fate;
  return {
    ...{ journey, at_ns: String(timestampNs), events, dropped, received, stage, reason, location: String(location) },
    ...{ symbol, device, family, protocol },
  };
}

function parseEnded(json: JsonObject): Ended {
  const fate: Fate = {
    ...{ dropped: json.flag('dropped'), received: json.flag('received'), stage: json.word('stage', FATE_STAGES) },
    ...{ reason: json.count('reason'), location: json.big('location'), symbol: json.text('symbol') },
    ...{ device: json.text('device'), family: json.count('family'), protocol: json.count('protocol') },
  };
  return { journey: json.count('journey'), timestampNs: json.big('at_ns'), events: json.count('events'), fate };
}

export function encodeLosses(losses: TraceLosses): object {
  const { cpus, unfollowed, ends, unseen, missed, countsMisses, switchedOff } = losses;
  return {
    cpus: cpus.map(({ cpu, lost, firstNs, lastNs }) => ({
      ...{ cpu, lost: String(lost), first_ns: String(firstNs), last_ns: String(lastNs) },
    })),
    ...{ unfollowed: String(unfollowed), ends: String(ends), unseen: String(unseen) },
    ...{ missed_shown: String(missed.shown), missed_deciding: String(missed.deciding) },
    ...{ counts_misses: countsMisses, switched_off: switchedOff },
  };
}

/** @throws ParseError */
export function parseLosses(json: JsonObject): TraceLosses {
  const off = json.texts('switched_off');
  return {
    cpus: json.objects('cpus', (one) => ({
      ...{ cpu: one.count('cpu'), lost: one.big('lost'), firstNs: one.big('first_ns'), lastNs: one.big('last_ns') },
    })),
    ...{ unfollowed: json.big('unfollowed'), ends: json.big('ends'), unseen: json.big('unseen') },
    missed: { shown: json.big('missed_shown'), deciding: json.big('missed_deciding') },
    ...{ countsMisses: json.flag('counts_misses'), switchedOff: SWITCHES.filter((one) => off.includes(one)) },
  };
}

export function encodeCoverage({ traced, refused, unwatched }: SourceCoverage): object {
  return { traced, refused: refused.map(({ name, module, reason }) => ({ name, module, reason })), unwatched };
}

/** @throws ParseError */
export function parseCoverage(json: JsonObject): SourceCoverage {
  return {
    traced: json.count('traced'),
    refused: json.objects('refused', (one) => ({
      ...{ name: one.text('name'), module: one.text('module'), reason: one.text('reason') },
    })),
    unwatched: json.texts('unwatched'),
  };
}
