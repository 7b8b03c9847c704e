/**
 * The keys of `-o json`: the writer takes them from here, and the fields of an extension, which stand at the same level of
 * an event, are compared with them. There are no further top-level keys to come: a new fact about an event or a journey
 * stands in its object `ipft`.
 */

/** Keys of events that no field can be called like. `type` stands on lines of journeys only, and tells them from events. */
const REFUSED = [
  ...(['packet_id', 'timestamp', 'processor_id', 'module', 'function', 'is_return'] as const),
  ...(['type', 'journey', 'duration_ns', 'partner'] as const),
];
/** Keys of events that fields may be called like: the field replaces the key, or an event has only one of the two. */
const SHARED = ['netns', 'device', 'skb_freed'] as const;
/** Further keys of journeys, whose lines have no fields. */
const JOURNEY = [
  ...(['parent', 'outcome', 'family', 'protocol', 'reason', 'ended_in'] as const),
  ...(['begin', 'end', 'events', 'gap', 'lost'] as const),
];
/** The object for new facts. */
const FACTS = 'ipft';

export type JsonKey = (typeof REFUSED | typeof SHARED | typeof JOURNEY)[number] | typeof FACTS;

/** `"KEY":` */
export function jsonKey(key: JsonKey): string {
  return `"${key}":`;
}

/** What options add to events. */
export interface JsonAdditions {
  /** Whether an option fills the object `ipft`. */
  readonly hasFacts: boolean;
}

/**
 * The names that a field can't have. `ipft` is one of them only where an option fills that object: extensions that call a
 * field so work otherwise.
 */
export function refusedFieldNames({ hasFacts }: JsonAdditions): ReadonlySet<string> {
  return new Set([...REFUSED, ...(hasFacts ? [FACTS] : [])]);
}
