/** Which two packets are compared. Pure. */
import { pathsOf, timesOf } from '../../trace/paths.js';
import type { Journey, Trace } from '../../trace/trace.js';

/**
 * The packets that are asked for. Without: a typical packet of the most frequent path; and beside it one of the most
 * frequent path with another outcome, or else with another end, or else another path, or the next packet.
 */
export function choosePair(
  trace: Trace,
  journeys: readonly Journey[],
  packet: number | undefined,
  other: number | undefined,
): { readonly left: Journey | undefined; readonly right: Journey | undefined } {
  const { paths } = pathsOf(trace).choose(journeys);
  const find = (number: number | undefined) => (number === undefined ? undefined : trace.find(number));
  const left = find(packet) ?? (paths[0] ? timesOf(paths[0]).typical : journeys[0]);
  if (!left) return { left, right: find(other) };
  const own = pathsOf(trace).numberOf(left);
  const another =
    paths.find(({ example }) => example.outcome !== left.outcome) ??
    paths.find(({ example }) => example.endText !== left.endText) ??
    paths.find(({ number }) => number !== own);
  const next = nextOf(journeys, left, 1) ?? nextOf(journeys, left, -1);
  return { left, right: find(other) ?? (another ? timesOf(another).typical : next) };
}

/** The packet so many before or behind another, among those that are chosen. */
export function nextOf(journeys: readonly Journey[], journey: Journey, by: 1 | -1): Journey | undefined {
  const at = journeys.indexOf(journey);
  if (at >= 0) return journeys[at + by];
  // It is not chosen itself: its neighbour by time.
  const behind = journeys.findIndex(({ begin }) => begin > journey.begin);
  return by === 1 ? journeys[behind] : journeys[(behind < 0 ? journeys.length : behind) - 1];
}
