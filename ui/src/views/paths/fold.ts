/**
 * Leaves out small differences: where packets part, stay in the same namespace, and meet again, all of them, one box stands
 * for what is between. A graph of 30 paths then shows where they part for good. Pure.
 */
import { type Box, type BoxStep, connect, type Detours, type Graph, type GraphPath, type Visit } from './graph.js';

export interface FoldedGraph extends Graph {
  /** The boxes that stand for several, by their ids. */
  readonly folded: ReadonlySet<number>;
}

/** Two boxes which the same packets pass, and what lies between. */
interface Region {
  readonly first: number;
  readonly last: number;
  readonly inner: ReadonlySet<number>;
}

/**
 * @param isOpen whether the box with an id, the first of those that it would stand for, is not to be folded
 */
export function foldGraph(
  graph: Graph,
  paths: readonly Pick<GraphPath, 'count'>[],
  isOpen: (id: number) => boolean,
): FoldedGraph {
  const { boxes, walks } = graph;
  /** The box that stands for each. */
  const standIn = boxes.map(({ id }) => id);
  const isInner = new Set<number>();
  const folded = new Map<number, BoxStep[]>();
  for (const region of findRegions(graph)) {
    if (isInner.has(region.first) || isInner.has(region.last)) continue;
    const head = standIn[region.first]!;
    if (isOpen(head)) continue;
    for (const id of region.inner) {
      isInner.add(id);
      standIn[id] = head;
    }
    standIn[region.last] = head;
    const steps = folded.get(head) ?? [...boxes[head]!.steps];
    steps.push(describeDetours(region, boxes, walks), ...boxes[region.last]!.steps);
    folded.set(head, steps);
  }
  const ids = new Map<number, number>();
  const kept: Box[] = [];
  const foldedIds = new Set<number>();
  for (const box of boxes) {
    if (standIn[box.id] !== box.id) continue;
    const steps = folded.get(box.id);
    if (steps) foldedIds.add(box.id);
    ids.set(box.id, kept.length);
    kept.push(steps ? { ...box, steps } : box);
  }
  const visits = walks.map((walk) => walk.map(({ box, step }) => ({ box: standIn[box]!, step })));
  return { ...connect(kept, visits, paths), folded: foldedIds };
}

/** The regions, those of more paths first, and then from the begin to the end. */
function findRegions({ boxes, walks }: Graph): Region[] {
  const byPaths = new Map<string, Box[]>();
  for (const box of boxes) {
    if (box.end !== undefined || box.paths.length < 2) continue;
    const key = box.paths.join(' ');
    const alike = byPaths.get(key);
    if (alike) alike.push(box);
    else byPaths.set(key, [box]);
  }
  const regions: Region[] = [];
  const groups = [...byPaths.values()].sort((a, b) => b[0]!.paths.length - a[0]!.paths.length);
  for (const group of groups) {
    for (const [index, first] of group.entries()) {
      const last = group[index + 1];
      const inner = last && findInner(first, last, boxes, walks);
      if (inner) regions.push({ first: first.id, last: last.id, inner });
    }
  }
  return regions;
}

/** The boxes between two; undefined if packets come and go there, or are in another namespace meanwhile. */
function findInner(
  first: Box,
  last: Box,
  boxes: readonly Box[],
  walks: readonly (readonly Visit[])[],
): ReadonlySet<number> | undefined {
  if (first.place !== last.place) return undefined;
  const inner = new Set<number>();
  const own = new Set(first.paths);
  for (const path of first.paths) {
    for (const { box: id } of between(walks[path]!, first.id, last.id)) {
      const box = boxes[id]!;
      if (box.place !== first.place || !box.paths.every((one) => own.has(one))) return undefined;
      inner.add(id);
    }
  }
  return inner;
}

function between(walk: readonly Visit[], first: number, last: number): readonly Visit[] {
  const from = walk.findIndex(({ box }) => box === first);
  const to = walk.findIndex(({ box }) => box === last);
  return walk.slice(from + 1, to);
}

function describeDetours(
  { first, last }: Region,
  boxes: readonly Box[],
  walks: readonly (readonly Visit[])[],
): Detours {
  const ways = new Set<string>();
  let [least, most] = [Number.POSITIVE_INFINITY, 0];
  for (const path of boxes[first]!.paths) {
    const inner = between(walks[path]!, first, last);
    ways.add(inner.map(({ box }) => box).join(' '));
    const stepOf = (id: number) => walks[path]!.find(({ box }) => box === id)?.step ?? 0;
    const length = stepOf(last) - stepOf(first) - boxes[first]!.steps.length;
    least = Math.min(least, length);
    most = Math.max(most, length);
  }
  return { ways: ways.size, least, most };
}
