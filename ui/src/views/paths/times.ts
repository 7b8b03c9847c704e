/** How long packets stay in each box of a graph. Pure. */
import type { Path } from '../../trace/paths.js';
import { type Events, IS_RETURN, type Journey } from '../../trace/trace.js';
import type { Graph, Visit } from './graph.js';

/** So many packets of each path are looked at. */
const SAMPLE = 64;

/** The median time from a box's begin to what comes next, in nanoseconds, by the boxes' ids. Ends take none. */
export function timesOfBoxes({ walks, boxes }: Graph, paths: readonly Path[], events: Events): Map<number, number> {
  const samples = new Map<number, { time: number; weight: number }[]>();
  for (const { id, end } of boxes) if (end === undefined) samples.set(id, []);
  for (const [index, walk] of walks.entries()) {
    const journeys = paths[index]!.journeys;
    const step = Math.max(1, journeys.length / SAMPLE);
    const weight = journeys.length / Math.min(journeys.length, SAMPLE);
    for (let at = 0; at < journeys.length; at += step) {
      const journey = journeys[Math.floor(at)]!;
      const begins = beginsOf(walk, journey, events);
      for (const [position, { box }] of walk.entries()) {
        samples
          .get(box)
          ?.push({ time: Math.max(0, (begins[position + 1] ?? journey.end) - begins[position]!), weight });
      }
    }
  }
  return new Map([...samples].map(([id, values]) => [id, weightedMedian(values)]));
}

/** When a journey comes to each box. */
function beginsOf(walk: readonly Visit[], { first, count, end }: Journey, { time, flags }: Events): number[] {
  const begins: number[] = [];
  let step = 0;
  for (let at = first; at < first + count && begins.length < walk.length; at++) {
    if ((flags[at]! & IS_RETURN) !== 0) continue;
    if (walk[begins.length]!.step === step) begins.push(time[at]!);
    step++;
  }
  while (begins.length < walk.length) begins.push(end);
  return begins;
}

function weightedMedian(values: { time: number; weight: number }[]): number {
  values.sort((a, b) => a.time - b.time);
  const half = values.reduce((sum, { weight }) => sum + weight, 0) / 2;
  let sum = 0;
  for (const { time, weight } of values) {
    sum += weight;
    if (sum >= half) return time;
  }
  return 0;
}
