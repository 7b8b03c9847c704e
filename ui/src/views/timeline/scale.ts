/** The part of the time that is in sight, and how it is moved. Times: nanoseconds. */
import type { Scale } from '../../state.js';
import type { Journey } from '../../trace/trace.js';

export interface Span {
  readonly from: number;
  readonly until: number;
}

/** Less than this no zoom shows: events have times in whole nanoseconds. */
export const MIN_LENGTH = 20;
/** So much of the whole time stays free on both sides, where the marks of the first and the last packet stand. */
const MARGIN = 0.02;
/** A packet is far longer than others if it takes so many times what nine of ten packets take. */
const FAR_LONGER = 4;
const MOST = 0.9;
/** Of fewer packets none is an exception. */
const MIN_PACKETS = 8;

/** What a lane's times are counted from. */
export function originOf(journey: Journey, scale: Scale): number {
  return scale === 'own' ? journey.begin : 0;
}

/** The time of all journeys. */
export function extentOf(journeys: readonly Journey[], scale: Scale): Span {
  let from = Number.POSITIVE_INFINITY;
  let until = Number.NEGATIVE_INFINITY;
  for (const journey of journeys) {
    const origin = originOf(journey, scale);
    if (journey.begin - origin < from) from = journey.begin - origin;
    if (journey.end - origin > until) until = journey.end - origin;
  }
  if (from > until) return { from: 0, until: 1000 };
  const margin = Math.max((until - from) * MARGIN, MIN_LENGTH);
  return { from: from - margin, until: until + margin };
}

/**
 * What is in sight at first: all of the time, but where each packet begins at 0 and some took far longer than the others: these
 * would leave nothing to see of them.
 */
export function firstSpanOf(journeys: readonly Journey[], scale: Scale, extent: Span): Span {
  if (scale !== 'own' || journeys.length < MIN_PACKETS) return extent;
  const lengths = Float64Array.from(journeys, ({ begin, end }) => end - begin).sort();
  const most = lengths[Math.floor(lengths.length * MOST)]!;
  if (most === 0 || lengths.at(-1)! < most * FAR_LONGER) return extent;
  return spanAround(0, most, extent);
}

export function lengthOf({ from, until }: Span): number {
  return until - from;
}

/** A span within another one. */
export function clampSpan({ from, until }: Span, extent: Span): Span {
  const length = Math.min(Math.max(until - from, MIN_LENGTH), lengthOf(extent));
  const first = Math.min(Math.max(from, extent.from), extent.until - length);
  return { from: first, until: first + length };
}

/** A span so much longer, in which a time stays where it is. */
export function zoomSpan(span: Span, factor: number, at: number, extent: Span): Span {
  const length = Math.min(Math.max(lengthOf(span) * factor, MIN_LENGTH), lengthOf(extent));
  const before = ((at - span.from) / lengthOf(span)) * length;
  return clampSpan({ from: at - before, until: at - before + length }, extent);
}

export function moveSpan(span: Span, by: number, extent: Span): Span {
  return clampSpan({ from: span.from + by, until: span.until + by }, extent);
}

/** The span that shows these times, with room beside them. */
export function spanAround(from: number, until: number, extent: Span): Span {
  const margin = Math.max((until - from) * 0.08, MIN_LENGTH);
  return clampSpan({ from: from - margin, until: until + margin }, extent);
}
