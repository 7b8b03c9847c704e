/** What makes a flight recorder write a file. */
import type { JsonObject } from './json-object.js';

/**
 * - `drop`: a journey ended as dropped
 * - `slower`: a journey took longer than was asked for
 * - `gap`: records were lost, or calls missed
 * - `signal`: SIGUSR1
 * - `end`: the trace ended
 */
export const TRIGGERS = ['drop', 'slower', 'gap', 'signal', 'end'] as const;
export type TriggerName = (typeof TRIGGERS)[number];

export interface Trigger {
  readonly what: TriggerName;
  /** Nanoseconds of CLOCK_MONOTONIC: when the journey ended, or the loss was noticed. */
  readonly atNs: bigint;
  /** The id of the journey, if it is one that triggered. */
  readonly journey?: number | undefined;
}

export function encodeTrigger({ what, atNs, journey }: Trigger): object {
  return { what, at_ns: String(atNs), ...(journey !== undefined && { journey }) };
}

/** @throws ParseError */
export function parseTrigger(json: JsonObject): Trigger {
  return {
    ...{ what: json.word('what', TRIGGERS), atNs: json.big('at_ns') },
    journey: json.has('journey') ? json.count('journey') : undefined,
  };
}
