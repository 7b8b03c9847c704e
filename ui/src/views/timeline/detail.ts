/** What of a lane can be seen: events that are closer to each other than a pixel are one. */

/** The first index from `low` on whose value is not below; `high` if there is none. */
export function lowerBound(values: Float64Array, low: number, high: number, value: number): number {
  let from = low;
  let to = high;
  while (from < to) {
    const middle = (from + to) >>> 1;
    if (values[middle]! < value) from = middle + 1;
    else to = middle;
  }
  return from;
}

/** As `lowerBound`, for a value that is likely to be near `low`. */
export function gallop(values: Float64Array, low: number, high: number, value: number): number {
  let step = 1;
  let from = low;
  while (from + step < high && values[from + step]! < value) {
    from += step;
    step *= 2;
  }
  return lowerBound(values, from, Math.min(high, from + step + 1), value);
}

/** Time to pixels: x = (time - start) * scale. */
export interface Mapping {
  /** The time at x = 0, on the lane's own clock. */
  readonly start: number;
  /** Pixels per nanosecond. */
  readonly scale: number;
  /** The pixels in sight. */
  readonly width: number;
}

/**
 * Takes a piece of a lane.
 * @param event the last event of the piece: what it tells holds until the end of the piece
 * @param merged how many events the piece has
 */
export type PieceVisitor = (x0: number, x1: number, event: number, merged: number) => void;

/**
 * Goes through what is in sight of sorted times: each is shown until the next one. Takes time for the pixels, not for the
 * events.
 * @param first the index of the first time @param last behind the last one @param end until when the last one is shown
 * @param step pixels within which times are merged
 */
export function walkPieces(
  times: Float64Array,
  first: number,
  last: number,
  end: number,
  { start, scale, width }: Mapping,
  step: number,
  visit: PieceVisitor,
): void {
  let at = lowerBound(times, first, last, start);
  // The one before lasts until there.
  if (at > first) at--;
  while (at < last) {
    const x0 = (times[at]! - start) * scale;
    if (x0 >= width) return;
    const edge = Math.max(x0, -step) + step;
    let next = at + 1;
    if (next < last && (times[next]! - start) * scale < edge) next = gallop(times, next, last, start + edge / scale);
    // Where a pixel is less than what a double can tell, the search may not get on.
    if (next <= at) next = at + 1;
    const x1 = ((next < last ? times[next]! : Math.max(end, times[last - 1]!)) - start) * scale;
    if (x1 >= 0) visit(Math.max(0, x0), Math.min(width, x1), next - 1, next - at);
    at = next;
  }
}

/** The event at a time: the last one that had begun, or the first one. -1 if there are none. */
export function eventAt(times: Float64Array, first: number, last: number, time: number): number {
  if (first >= last) return -1;
  // Times are whole numbers, a pixel's time is none.
  const at = lowerBound(times, first, last, Math.floor(time) + 1);
  return Math.max(first, at - 1);
}
