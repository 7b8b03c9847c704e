/**
 * Several paths as one graph without circles. The most frequent path comes first; each further one is laid along what is
 * there, and shares the functions that it has in common, in the same order. Functions that all packets pass one after the
 * other are one box. Pure.
 */
import type { Label } from '../../trace/paths.js';
import type { Outcome } from '../../trace/trace.js';

/** A path to draw. */
export interface GraphPath {
  /** Indexes of labels. */
  readonly steps: Uint32Array;
  readonly outcome: Outcome;
  readonly end: string;
  /** The number of packets that take it. */
  readonly count: number;
}

/** The index of a label, or a place where packets part and meet again. */
export type BoxStep = number | Detours;

/** The ways between two functions that all packets of a box pass, where that is not drawn. */
export interface Detours {
  /** The number of different ways, and of the functions of the shortest and the longest. */
  readonly ways: number;
  readonly least: number;
  readonly most: number;
}

export interface Box {
  readonly id: number;
  /** Its functions; empty: it is an end. */
  readonly steps: readonly BoxStep[];
  /** Where its functions are, or where those that come before this end: the index of a place in the namespace. */
  readonly place: number;
  /** What an end says. */
  readonly end: string | undefined;
  readonly outcome: Outcome;
  /** The paths that pass it, by their indexes. */
  readonly paths: readonly number[];
  /** The number of packets. */
  readonly count: number;
}

export interface Edge {
  readonly from: number;
  readonly to: number;
  readonly paths: readonly number[];
  readonly count: number;
}

export interface Graph {
  /** No edge leads to a box that comes before the one that it comes from. */
  readonly boxes: readonly Box[];
  readonly edges: readonly Edge[];
  /** For each path the boxes that it passes, in order. */
  readonly walks: readonly (readonly Visit[])[];
}

export interface Visit {
  readonly box: number;
  /** The index of the path's step with which it begins; of an end, the number of all steps. */
  readonly step: number;
}

/** What it is worth to share a function, and an end; and what it costs to leave a path and meet one again. */
const SHARED = 2;
const SHARED_END = 8;
const DETOUR = 3;
/** So many pairs of functions are compared at most: a tenth of a second. What comes later shares only its begin. */
const MAX_PAIRS = 20_000_000;
/** The pairs of one path with all others, which take memory. */
const MAX_PAIRS_AT_ONCE = 4_000_000;
const NEVER = -0x3fffffff;

/** @param paths the most frequent first */
export function buildGraph(paths: readonly GraphPath[], labels: readonly Label[]): Graph {
  const merger = new Merger();
  for (const path of paths) merger.add(path);
  return collapse(merger, paths, labels);
}

interface Node {
  /** The index of a label; of an end: -1 less the index of its text. */
  readonly label: number;
  readonly before: Set<Node>;
  readonly after: Set<Node>;
  readonly paths: number[];
  /** Its position in the order. */
  at: number;
}

/** Puts paths together, function by function. */
class Merger {
  /** All nodes; each comes behind those before it. */
  order: Node[] = [];
  readonly walks: Node[][] = [];
  readonly #ends = new Map<string, number>();
  #pairs = 0;

  add(path: GraphPath): void {
    const wanted = this.#labelsOf(path);
    this.#insert(wanted, dropCoincidences(this.#findShared(wanted)));
  }

  #labelsOf({ steps, outcome, end }: GraphPath): Int32Array {
    const labels = new Int32Array(steps.length + 1);
    labels.set(steps);
    const key = `${outcome} ${end}`;
    const index = this.#ends.get(key) ?? this.#ends.size;
    this.#ends.set(key, index);
    labels[steps.length] = -1 - index;
    return labels;
  }

  /** The nodes that a path shares; undefined where it needs one of its own. */
  #findShared(wanted: Int32Array): (Node | undefined)[] {
    const pairs = wanted.length * this.order.length;
    this.#pairs += pairs;
    if (pairs > MAX_PAIRS_AT_ONCE || this.#pairs > MAX_PAIRS) return this.#findBegin(wanted);
    return alignWith(wanted, this.order);
  }

  /** The nodes of a common begin with another path. */
  #findBegin(wanted: Int32Array): (Node | undefined)[] {
    const shared: (Node | undefined)[] = new Array(wanted.length);
    let from: Iterable<Node> = this.walks.map((walk) => walk[0]!);
    for (const [index, label] of wanted.entries()) {
      const next = [...from].find((node) => node.label === label);
      if (!next) break;
      shared[index] = next;
      from = next.after;
    }
    return shared;
  }

  #insert(wanted: Int32Array, shared: readonly (Node | undefined)[]): void {
    const walk: Node[] = [];
    const order: Node[] = [];
    let taken = 0;
    for (const [index, label] of wanted.entries()) {
      const known = shared[index];
      if (known) while (taken <= known.at) order.push(this.order[taken++]!);
      const node = known ?? { label, before: new Set(), after: new Set(), paths: [], at: 0 };
      if (!known) order.push(node);
      const before = walk.at(-1);
      if (before) {
        before.after.add(node);
        node.before.add(before);
      }
      node.paths.push(this.walks.length);
      walk.push(node);
    }
    while (taken < this.order.length) order.push(this.order[taken++]!);
    for (const [at, node] of order.entries()) node.at = at;
    this.order = order;
    this.walks.push(walk);
  }
}

/** Lays a path along all nodes, so that it shares as much as possible and leaves seldom. */
function alignWith(wanted: Int32Array, order: readonly Node[]): (Node | undefined)[] {
  const width = order.length;
  const shared: (Node | undefined)[] = new Array(wanted.length);
  if (width === 0) return shared;
  // `meets`: the most that is reached where this function shares this node; `best`: so far, at whichever node.
  const meets = new Int32Array(wanted.length * width).fill(NEVER);
  const best = new Int32Array(wanted.length * width);
  for (let i = 0; i < wanted.length; i++) {
    const label = wanted[i]!;
    const row = i * width;
    const above = row - width;
    for (let j = 0; j < width; j++) {
      const node = order[j]!;
      let most = Math.max(i === 0 ? 0 : best[above + j]!, j === 0 ? 0 : best[row + j - 1]!);
      if (node.label === label) {
        // A begin that others have, too, is no detour.
        let from = i === 0 && node.before.size === 0 ? 0 : (i === 0 || j === 0 ? 0 : best[above + j - 1]!) - DETOUR;
        if (i > 0) for (const before of node.before) from = Math.max(from, meets[above + before.at]!);
        const reached = from + (label < 0 ? SHARED_END : SHARED);
        meets[row + j] = reached;
        most = Math.max(most, reached);
      }
      best[row + j] = most;
    }
  }
  let [i, j] = [wanted.length - 1, width - 1];
  while (i >= 0 && j >= 0) {
    const reached = best[i * width + j]!;
    if (reached === 0) break;
    if (j > 0 && best[i * width + j - 1] === reached) j--;
    else if (i > 0 && best[(i - 1) * width + j] === reached) i--;
    else {
      let node: Node | undefined = order[j]!;
      // Along the nodes that are shared without a detour.
      while (node) {
        shared[i] = node;
        const from: number = meets[i * width + node.at]! - (wanted[i]! < 0 ? SHARED_END : SHARED);
        j = node.at - 1;
        i--;
        const row = i * width;
        node = i < 0 ? undefined : [...node.before].find((before) => meets[row + before.at] === from);
      }
    }
  }
  return shared;
}

/**
 * Takes functions out that are the same by chance: all packets are freed by the same few, and to be drawn as meeting there
 * says nothing if they end differently.
 */
function dropCoincidences(shared: (Node | undefined)[]): (Node | undefined)[] {
  // What is left alone may then be a coincidence, too.
  while (dropSome(shared));
  return shared;
}

function dropSome(shared: (Node | undefined)[]): boolean {
  const length = shared.length;
  const hasEnd = shared[length - 1] !== undefined;
  let isChanged = false;
  let own = 0;
  for (let at = 0; at < length; ) {
    if (!shared[at]) {
      own++;
      at++;
      continue;
    }
    const begin = at;
    while (at < length && shared[at] && (at === begin || shared[at]!.before.has(shared[at - 1]!))) at++;
    const run = at - begin;
    let next = at;
    while (next < length && !shared[next]) next++;
    const after = next - at;
    const isChance = next === length ? !hasEnd && (own >= run || after >= run) : own >= run && after >= run;
    if (own > 0 && isChance) {
      shared.fill(undefined, begin, at);
      own += run;
      isChanged = true;
    } else own = 0;
  }
  return isChanged;
}

/** Makes boxes of nodes that follow each other and nothing else. */
function collapse({ order, walks }: Merger, paths: readonly GraphPath[], labels: readonly Label[]): Graph {
  const boxes: (Box & { readonly steps: BoxStep[] })[] = [];
  const boxOf = new Map<Node, number>();
  const placeOf = ({ label }: Node) => labels[label]?.place ?? 0;
  for (const node of order) {
    const [before] = node.before;
    const isEnd = node.label < 0;
    const follows =
      before !== undefined &&
      node.before.size === 1 &&
      before.after.size === 1 &&
      before.paths.length === node.paths.length;
    if (follows && !isEnd && placeOf(before) === placeOf(node)) {
      const id = boxOf.get(before)!;
      boxes[id]!.steps.push(node.label);
      boxOf.set(node, id);
      continue;
    }
    const first = paths[node.paths[0]!];
    boxOf.set(node, boxes.length);
    boxes.push({
      ...{ id: boxes.length, steps: isEnd ? [] : [node.label], paths: node.paths, count: countOf(paths, node.paths) },
      place: isEnd ? (before ? placeOf(before) : 0) : placeOf(node),
      ...{ end: isEnd ? first?.end : undefined, outcome: first?.outcome ?? 'unknown' },
    });
  }
  const visits = walks.map((walk) => walk.map((node, step) => ({ box: boxOf.get(node)!, step })));
  return connect(boxes, visits, paths);
}

/** A graph of boxes. Of visits of the same box one after the other the first one stays. */
export function connect(
  boxes: readonly Box[],
  visits: readonly (readonly Visit[])[],
  paths: readonly Pick<GraphPath, 'count'>[],
): Graph {
  const edges = new Map<string, Omit<Edge, 'count'> & { readonly paths: number[] }>();
  const walks = visits.map((all, index) => {
    const walk: Visit[] = [];
    for (const visit of all) {
      const from = walk.at(-1)?.box;
      if (from === visit.box) continue;
      walk.push(visit);
      if (from === undefined) continue;
      const key = `${from} ${visit.box}`;
      const edge = edges.get(key);
      if (edge) edge.paths.push(index);
      else edges.set(key, { from, to: visit.box, paths: [index] });
    }
    return walk;
  });
  return { boxes, walks, edges: [...edges.values()].map((edge) => ({ ...edge, count: countOf(paths, edge.paths) })) };
}

function countOf(paths: readonly Pick<GraphPath, 'count'>[], indexes: readonly number[]): number {
  return indexes.reduce((sum, index) => sum + (paths[index]?.count ?? 0), 0);
}
