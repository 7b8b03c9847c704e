/** Which two packets are compared. Pure. */
import { type Path, pathsOf, timesOf } from '../../trace/paths.js';
import type { Journey, Trace } from '../../trace/trace.js';

/** The most frequent paths among which one is looked for. */
const CANDIDATES = 200;

/**
 * The packets that are asked for. Without: a typical packet of the most frequent path; and beside it one with another
 * outcome, dropped if there are such, whose path is the most similar: how they differ is then easily seen.
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
  const right = find(other) ?? findOther(trace, paths, left);
  return { left, right: right ?? nextOf(journeys, left, 1) ?? nextOf(journeys, left, -1) };
}

function findOther(trace: Trace, paths: readonly Path[], journey: Journey): Journey | undefined {
  const own = pathsOf(trace).numberOf(journey);
  const { outcome, endText } = journey;
  const choices = [
    (path: Path) => path.example.outcome !== outcome && path.example.outcome === 'dropped',
    (path: Path) => path.example.outcome !== outcome,
    (path: Path) => path.example.endText !== endText,
    (path: Path) => path.number !== own,
  ];
  for (const fits of choices) {
    const candidates = paths.filter(fits).slice(0, CANDIDATES);
    if (candidates.length > 0) return timesOf(findMostSimilar(trace, candidates, journey)).typical;
  }
  return undefined;
}

/** The path with the greatest part of functions in common; of equal ones the most frequent. */
function findMostSimilar(trace: Trace, candidates: readonly Path[], journey: Journey): Path {
  const book = pathsOf(trace);
  const own = new Set(book.stepsOf({ number: book.numberOf(journey), example: journey, journeys: [] }));
  let [best, most] = [candidates[0]!, -1];
  for (const path of candidates) {
    const steps = new Set(book.stepsOf(path));
    let common = 0;
    for (const step of steps) if (own.has(step)) common++;
    const similarity = common / Math.max(1, own.size + steps.size - common);
    if (similarity > most) [best, most] = [path, similarity];
  }
  return best;
}

/** The packet before or behind another, among those that are chosen. */
export function nextOf(journeys: readonly Journey[], journey: Journey, by: 1 | -1): Journey | undefined {
  const at = journeys.indexOf(journey);
  if (at >= 0) return journeys[at + by];
  // It is not chosen itself: its neighbour by time.
  const behind = journeys.findIndex(({ begin }) => begin > journey.begin);
  return by === 1 ? journeys[behind] : journeys[(behind < 0 ? journeys.length : behind) - 1];
}
