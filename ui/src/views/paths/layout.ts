/**
 * Where the boxes and edges of a graph are drawn: time goes down, each network namespace has a lane. Boxes stand in rows;
 * edges turn between the rows, and pass rows in slots of their own, so that none goes through a box. Pure.
 */
import { OUTCOMES, type Outcome } from '../../trace/trace.js';
import type { Edge, Graph, GraphPath } from './graph.js';

export interface PlacedBox {
  readonly x: number;
  readonly y: number;
  readonly height: number;
  readonly row: number;
}

/** Packets of one outcome on an edge. */
export interface Strand {
  readonly outcome: Outcome;
  readonly width: number;
  /** As an SVG path has it. */
  readonly d: string;
}

export interface PlacedEdge {
  readonly edge: Edge;
  readonly strands: readonly Strand[];
  /** Its middle, as an SVG path has it. */
  readonly d: string;
  /** Where its number is written. */
  readonly label: { readonly x: number; readonly y: number };
}

export interface Lane {
  readonly place: number;
  readonly x: number;
  readonly width: number;
}

export interface Layout {
  /** By the boxes' ids. */
  readonly boxes: ReadonlyMap<number, PlacedBox>;
  readonly edges: readonly PlacedEdge[];
  readonly lanes: readonly Lane[];
  readonly width: number;
  readonly height: number;
}

export const BOX_WIDTH = 220;
const SLOT_GAP = 18;
const LANE_PADDING = 16;
const ROW_GAP = 46;
const MARGIN = 8;
/** An edge of few packets, and what one of all packets has in addition. */
const MIN_WIDTH = 2;
const MORE_WIDTH = 14;
/** The part of a box's width where edges begin and end. */
const PORTS = 0.8;

/** The width of an edge of some packets of all that are drawn: ten times as many are three times as wide. */
export function edgeWidth(count: number, all: number): number {
  return MIN_WIDTH + MORE_WIDTH * Math.sqrt(count / Math.max(1, all));
}

/** What takes a slot of a lane in some rows: a box, or an edge that passes. */
interface Item {
  readonly place: number;
  readonly from: number;
  readonly to: number;
  readonly isBox: boolean;
  slot: number;
}

/** @param heightOf the height of a box, by its id */
export function layOut(graph: Graph, paths: readonly GraphPath[], heightOf: (id: number) => number): Layout {
  const rows = findRows(graph);
  const items = new Map<number, Item>();
  for (const { id, place } of graph.boxes) {
    const row = rows.get(id)!;
    items.set(id, { place, from: row, to: row, isBox: true, slot: -1 });
  }
  const passing = new Map<Edge, Item>();
  for (const edge of graph.edges) {
    const [from, to] = [rows.get(edge.from)! + 1, rows.get(edge.to)! - 1];
    if (from <= to) passing.set(edge, { place: items.get(edge.to)!.place, from, to, isBox: false, slot: -1 });
  }
  const slots = assignSlots(graph, items, passing);
  const { lanes, xOf, width } = placeLanes(graph, slots);
  const { tops, bottoms } = placeRows(graph, rows, heightOf);
  const boxes = new Map<number, PlacedBox>();
  for (const { id } of graph.boxes) {
    const row = rows.get(id)!;
    boxes.set(id, { x: xOf(items.get(id)!), y: tops[row]!, height: heightOf(id), row });
  }
  const edges = placeEdges(graph, paths, { boxes, passing, xOf, tops, bottoms });
  return { boxes, edges, lanes, width, height: (bottoms.at(-1) ?? 0) + MARGIN };
}

/** Each box is a row below all that lead to it; where paths begin, it is right above what follows. */
function findRows({ boxes, edges }: Graph): Map<number, number> {
  const rows = new Map<number, number>();
  const from = new Map<number, number[]>();
  const to = new Map<number, number[]>();
  for (const edge of edges) {
    from.set(edge.to, [...(from.get(edge.to) ?? []), edge.from]);
    to.set(edge.from, [...(to.get(edge.from) ?? []), edge.to]);
  }
  for (const { id } of boxes) {
    rows.set(
      id,
      (from.get(id) ?? []).reduce((row, before) => Math.max(row, rows.get(before)! + 1), 0),
    );
  }
  for (const { id } of [...boxes].reverse()) {
    const after = to.get(id);
    if (!from.has(id) && after) rows.set(id, Math.max(0, Math.min(...after.map((next) => rows.get(next)!)) - 1));
  }
  return rows;
}

/** Gives boxes and passing edges their slots, those of frequent paths first: these are straight lines then. */
function assignSlots(
  { walks, edges }: Graph,
  items: ReadonlyMap<number, Item>,
  passing: ReadonlyMap<Edge, Item>,
): Map<number, Item[][]> {
  const lanes = new Map<number, Item[][]>();
  const edgeOf = new Map(edges.map((edge) => [`${edge.from} ${edge.to}`, edge]));
  const take = (item: Item, wanted: number | undefined) => {
    if (item.slot >= 0) return;
    const lane = lanes.get(item.place) ?? [];
    lanes.set(item.place, lane);
    const isFree = (slot: number) => (lane[slot] ?? []).every(({ from, to }) => item.to < from || item.from > to);
    let slot = wanted !== undefined && isFree(wanted) ? wanted : 0;
    while (!isFree(slot)) slot++;
    item.slot = slot;
    while (lane.length <= slot) lane.push([]);
    lane[slot]!.push(item);
  };
  for (const walk of walks) {
    let before: Item | undefined;
    for (const [index, { box }] of walk.entries()) {
      const item = items.get(box)!;
      const edge = index === 0 ? undefined : edgeOf.get(`${walk[index - 1]!.box} ${box}`);
      take(item, before?.place === item.place ? before.slot : undefined);
      const pass = edge && passing.get(edge);
      if (pass) take(pass, item.slot + 1);
      before = item;
    }
  }
  return lanes;
}

function placeLanes({ walks, boxes }: Graph, slots: ReadonlyMap<number, Item[][]>) {
  const placeOf = new Map(boxes.map(({ id, place }) => [id, place]));
  // The lanes as the most frequent paths come through them.
  const order = new Set(walks.flatMap((walk) => walk.map(({ box }) => placeOf.get(box)!)));
  const lanes: Lane[] = [];
  const xs = new Map<number, number[]>();
  let x = MARGIN;
  for (const place of order) {
    const begin = x;
    x += LANE_PADDING;
    const own: number[] = [];
    for (const items of slots.get(place) ?? []) {
      own.push(x);
      x += (items.some(({ isBox }) => isBox) ? BOX_WIDTH : MIN_WIDTH + MORE_WIDTH) + SLOT_GAP;
    }
    xs.set(place, own);
    x += LANE_PADDING - SLOT_GAP;
    lanes.push({ place, x: begin, width: x - begin });
    x += MARGIN;
  }
  return { lanes, width: x, xOf: ({ place, slot }: Item) => xs.get(place)![slot]! };
}

function placeRows({ boxes }: Graph, rows: ReadonlyMap<number, number>, heightOf: (id: number) => number) {
  const heights: number[] = [];
  for (const { id } of boxes) {
    const row = rows.get(id)!;
    heights[row] = Math.max(heights[row] ?? 0, heightOf(id));
  }
  const tops: number[] = [];
  const bottoms: number[] = [];
  let y = MARGIN;
  for (const height of heights) {
    tops.push(y);
    bottoms.push(y + (height ?? 0));
    y += (height ?? 0) + ROW_GAP;
  }
  return { tops, bottoms };
}

interface Frame {
  readonly boxes: ReadonlyMap<number, PlacedBox>;
  readonly passing: ReadonlyMap<Edge, Item>;
  readonly xOf: (item: Item) => number;
  readonly tops: readonly number[];
  readonly bottoms: readonly number[];
}

function placeEdges(graph: Graph, paths: readonly GraphPath[], frame: Frame): PlacedEdge[] {
  const { boxes, passing, xOf, tops, bottoms } = frame;
  const all = paths.reduce((sum, { count }) => sum + count, 0);
  const widthOf = ({ count }: Edge) => edgeWidth(count, all);
  const middleOf = (id: number) => boxes.get(id)!.x + BOX_WIDTH / 2;
  const passX = (edge: Edge) => {
    const item = passing.get(edge);
    return item && xOf(item) + (item.isBox ? 0 : (MIN_WIDTH + MORE_WIDTH) / 2);
  };
  const begins = placePorts(
    graph.edges,
    ({ from }) => from,
    (edge) => passX(edge) ?? middleOf(edge.to),
    widthOf,
  );
  const ends = placePorts(
    graph.edges,
    ({ to }) => to,
    (edge) => passX(edge) ?? middleOf(edge.from),
    widthOf,
  );
  return graph.edges.map((edge) => {
    const from = boxes.get(edge.from)!;
    const to = boxes.get(edge.to)!;
    const beginX = middleOf(edge.from) + begins.get(edge)!;
    const endX = middleOf(edge.to) + ends.get(edge)!;
    const through = passX(edge);
    const rowEnd = bottoms[from.row]!;
    const shape = (dx: number) => {
      const start = `M${round(beginX + dx)} ${round(from.y + from.height)}V${round(rowEnd)}`;
      if (through === undefined) return start + curve(beginX, rowEnd, endX, to.y, dx);
      const [top, bottom] = [tops[from.row + 1]!, bottoms[to.row - 1]!];
      return `${start}${curve(beginX, rowEnd, through, top, dx)}V${round(bottom)}${curve(through, bottom, endX, to.y, dx)}`;
    };
    const width = widthOf(edge);
    let dx = -width / 2;
    const strands = OUTCOMES.flatMap((outcome) => {
      const count = edge.paths.reduce(
        (sum, path) => sum + (paths[path]?.outcome === outcome ? paths[path].count : 0),
        0,
      );
      if (count === 0) return [];
      const own = (width * count) / edge.count;
      dx += own;
      // Thin ones among many others are seen, too.
      return [{ outcome, width: Math.max(1, own), d: shape(dx - own / 2) }];
    });
    const label =
      through === undefined
        ? { x: (beginX + endX) / 2, y: (rowEnd + to.y) / 2 }
        : { x: through, y: tops[from.row + 1]! };
    return { edge, strands, label, d: shape(0) };
  });
}

/** Where edges begin or end below or above a box, from its middle: beside each other, in the order of what they lead to. */
function placePorts(
  edges: readonly Edge[],
  boxOf: (edge: Edge) => number,
  towards: (edge: Edge) => number,
  widthOf: (edge: Edge) => number,
): Map<Edge, number> {
  const groups = new Map<number, Edge[]>();
  for (const edge of edges) {
    const group = groups.get(boxOf(edge));
    if (group) group.push(edge);
    else groups.set(boxOf(edge), [edge]);
  }
  const ports = new Map<Edge, number>();
  for (const group of groups.values()) {
    group.sort((a, b) => towards(a) - towards(b));
    const gap = 6;
    const whole = group.reduce((sum, edge) => sum + widthOf(edge) + gap, -gap);
    const scale = Math.min(1, (BOX_WIDTH * PORTS) / whole);
    let at = -whole / 2;
    for (const edge of group) {
      ports.set(edge, (at + widthOf(edge) / 2) * scale);
      at += widthOf(edge) + gap;
    }
  }
  return ports;
}

/** A curve from one row to the next. @param dx how far beside the middle of the edge it is; where it goes sideways, above or below */
function curve(x0: number, y0: number, x1: number, y1: number, dx: number): string {
  // The middle of such a curve goes three quarters of the way to its control points.
  const middle = round((y0 + y1) / 2 - (Math.sign(x1 - x0) * dx * 4) / 3);
  return `C${round(x0 + dx)} ${middle} ${round(x1 + dx)} ${middle} ${round(x1 + dx)} ${round(y1)}`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
