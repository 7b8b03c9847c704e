/** What the timeline shows and where: everything but drawing. Lengths are in CSS pixels, from the canvas's corner. */
import type { Group, Scale } from '../../state.js';
import type { Journey, Trace } from '../../trace/trace.js';
import { type CallRow, callAt, countCallRows, layoutCalls } from './calls.js';
import { type Density, densityOf } from './density.js';
import { eventAt, type Mapping } from './detail.js';
import { groupJourneys, type LaneGroup } from './groups.js';
import { heightOfRows, layoutRows, type RowTable, rowAt, rowOf } from './rows.js';
import {
  clampSpan,
  extentOf,
  firstSpanOf,
  lengthOf,
  moveSpan,
  originOf,
  type Span,
  spanAround,
  zoomSpan,
} from './scale.js';

export const OVERVIEW_HEIGHT = 36;
export const RULER_HEIGHT = 22;
/** The upper edge of the lanes. */
export const TOP = OVERVIEW_HEIGHT + RULER_HEIGHT;
export const SCROLLBAR_WIDTH = 12;
export const THIN_HEIGHT = 4;
export const LANE_HEIGHT = 22;
/** A lane with nested calls: a line with the places, and a line for each depth. */
export const PLACES_HEIGHT = 15;
export const CALL_HEIGHT = 15;
export const LANE_MARGIN = 3;

const DENSITY_PARTS = 1024;
/** The least height of a lane that says its packet, its outcome and its time. */
const TOLD_HEIGHT = 3 * 14 + 2 * LANE_MARGIN;
/** The least width of a packet whose calls are shown. */
const WIDE = 80;
/** So many lanes may all show their calls without being asked. */
const MAX_ALL_CALLS = 40;
/** Journeys whose calls are kept, and the events that these may have together. */
const KEPT_CALLS = 64;
const KEPT_EVENTS = 2_000_000;
/** How near to something the pointer must be. */
const NEAR = 4;
/** The mark of the end stands behind it, and has so much room. */
const END_WIDTH = 12;

export const DETAILS = ['auto', 'thin', 'calls'] as const;
/** How high lanes are: `auto`: calls of the selected one, and of all where there are few. */
export type Detail = (typeof DETAILS)[number];

/** What is selected: a lane, or the heading of a group. */
export type Cursor = { readonly journey: number } | { readonly group: string };

export type Hit =
  | { readonly area: 'overview' | 'ruler' | 'scrollbar' | 'nothing' }
  | { readonly area: 'heading'; readonly group: LaneGroup }
  | LaneHit;

export interface LaneHit {
  readonly area: 'lane';
  readonly lane: number;
  readonly journey: Journey;
  /** `before`, `after`: the arrow that says where the packet is, which is out of sight. */
  readonly part: 'label' | 'before' | 'after' | 'end' | 'piece' | 'call' | 'free';
  /** The event that is meant, for pieces and calls. */
  readonly event?: number;
  readonly begin?: number;
  readonly end?: number;
  /** Of a call: `WHOLE` and those beside it. */
  readonly state?: number;
}

export class TimelineModel {
  #trace: Trace;
  /** Whether the end stays in sight with the next journeys, if it was. */
  #follows = false;
  #journeys: readonly Journey[] = [];
  #group: Group = 'none';
  #scale: Scale = 'time';
  #detail: Detail = 'auto';
  #extent: Span = { from: 0, until: 1 };
  #span: Span = { from: 0, until: 1 };
  #first: Span = this.#span;
  #groups: readonly LaneGroup[] = [];
  #folded = new Set<string>();
  #rows: RowTable = { count: 0, id: new Int32Array(0), top: new Float64Array(1) };
  #hasAllCalls = false;
  #isCursorWide = false;
  #cursor: Cursor | undefined;
  #scrollTop = 0;
  #width = 0;
  #height = 0;
  #lanes: Map<number, number> | undefined;
  #children: Map<number, number[]> | undefined;
  #density: Density | undefined;
  #callRows = new WeakMap<Journey, number>();
  #calls = new Map<Journey, readonly CallRow[]>();
  #keptEvents = 0;

  constructor(trace: Trace) {
    this.#trace = trace;
  }

  get trace(): Trace {
    return this.#trace;
  }
  /** The same trace, to which packets were added. */
  set trace(trace: Trace) {
    this.#trace = trace;
    this.#follows = true;
  }

  get journeys(): readonly Journey[] {
    return this.#journeys;
  }
  get scale(): Scale {
    return this.#scale;
  }
  get extent(): Span {
    return this.#extent;
  }
  get span(): Span {
    return this.#span;
  }
  /** Whether what is in sight is what is there at first. */
  get isAtFirst(): boolean {
    const near = lengthOf(this.#first) * 1e-9;
    const { from, until } = this.#first;
    return Math.abs(this.#span.from - from) <= near && Math.abs(this.#span.until - until) <= near;
  }
  get rows(): RowTable {
    return this.#rows;
  }
  get groups(): readonly LaneGroup[] {
    return this.#groups;
  }
  get cursor(): Cursor | undefined {
    return this.#cursor;
  }
  get scrollTop(): number {
    return this.#scrollTop;
  }
  get width(): number {
    return this.#width;
  }
  get height(): number {
    return this.#height;
  }
  get isThin(): boolean {
    return this.#detail === 'thin';
  }
  /** The width of the labels. */
  get gutter(): number {
    return Math.round(Math.min(320, Math.max(72, this.#width * 0.26)));
  }
  get plotWidth(): number {
    return Math.max(1, this.#width - this.gutter - SCROLLBAR_WIDTH);
  }
  /** The height that lanes have in sight. */
  get lanesHeight(): number {
    return Math.max(1, this.#height - TOP);
  }
  get hasHeadings(): boolean {
    return this.#group !== 'none';
  }
  get maxScroll(): number {
    return Math.max(0, heightOfRows(this.#rows) - this.lanesHeight);
  }
  isFolded(group: LaneGroup): boolean {
    return this.#folded.has(group.key);
  }

  /** @returns whether anything is another than before */
  show(journeys: readonly Journey[], group: Group, scale: Scale, detail: Detail): boolean {
    const isOther = journeys !== this.#journeys || scale !== this.#scale;
    const isRegrouped = journeys !== this.#journeys || group !== this.#group;
    if (!isOther && !isRegrouped && detail === this.#detail) return false;
    const wasAtBottom = this.#follows && this.#scrollTop >= this.maxScroll;
    if (isOther) {
      const before = this.#extent;
      const wasFirst = this.isAtFirst || scale !== this.#scale;
      const wasAtEnd = this.#follows && this.#span.until >= before.until;
      this.#extent = extentOf(journeys, scale);
      this.#first = firstSpanOf(journeys, scale, this.#extent);
      const { from, until } = this.#span;
      const by = wasAtEnd ? this.#extent.until - before.until : 0;
      this.#span = wasFirst ? this.#first : clampSpan({ from: from + by, until: until + by }, this.#extent);
      this.#density = undefined;
    }
    if (group !== this.#group) this.#folded.clear();
    if (isRegrouped) this.#groups = groupJourneys(this.trace, journeys, group);
    if (journeys !== this.#journeys) {
      this.#lanes = undefined;
      this.#children = undefined;
    }
    this.#journeys = journeys;
    this.#group = group;
    this.#scale = scale;
    this.#detail = detail;
    this.#layout();
    if (wasAtBottom) this.scrollTo(this.maxScroll);
    this.#follows = false;
    return true;
  }

  resize(width: number, height: number): void {
    this.#width = width;
    this.#height = height;
    this.#layout();
  }

  /** Rows by their heights; what is selected stays where it is. */
  #layout(): void {
    const anchor = this.#cursorRow();
    const before = anchor < 0 ? 0 : this.#rows.top[anchor]! - this.#scrollTop;
    const lanes = this.#journeys.length;
    this.#hasAllCalls = this.#detail === 'calls';
    if (this.#detail === 'auto' && lanes <= MAX_ALL_CALLS) {
      let height = 0;
      for (const journey of this.#journeys) height += this.#heightOfCalls(journey);
      this.#hasAllCalls = height + this.#groups.length * 24 <= this.lanesHeight;
    }
    const selected = this.cursorLane();
    const plain = this.isThin ? THIN_HEIGHT : LANE_HEIGHT;
    this.#isCursorWide = this.#isWide(selected);
    this.#rows = layoutRows(this.#groups, this.hasHeadings, this.#folded, (lane) => {
      if (this.#hasAllCalls || (lane === selected && this.#isCursorWide))
        return this.#heightOfCalls(this.#journeys[lane]!);
      return lane === selected ? TOLD_HEIGHT : plain;
    });
    const row = this.#cursorRow();
    if (anchor >= 0 && row >= 0) this.#scrollTop = this.#rows.top[row]! - before;
    this.scrollTo(this.#scrollTop);
  }

  /** Whether a lane's packet takes enough pixels that its calls can be told from each other. */
  #isWide(lane: number): boolean {
    const journey = this.#journeys[lane];
    return journey !== undefined && (journey.end - journey.begin) * this.#pixelsPerNs() >= WIDE;
  }

  #pixelsPerNs(): number {
    return this.plotWidth / lengthOf(this.#span);
  }

  #setSpan(span: Span): void {
    this.#span = span;
    // Its lane gets its calls, or loses them.
    if (!this.#hasAllCalls && this.#isWide(this.cursorLane()) !== this.#isCursorWide) this.#layout();
  }

  #heightOfCalls(journey: Journey): number {
    const height = PLACES_HEIGHT + this.callRowsOf(journey) * CALL_HEIGHT + 2 * LANE_MARGIN;
    return Math.max(height, TOLD_HEIGHT);
  }

  callRowsOf(journey: Journey): number {
    let rows = this.#callRows.get(journey);
    if (rows === undefined) {
      rows = countCallRows(this.trace.events, journey, this.trace.head.hasReturns);
      this.#callRows.set(journey, rows);
    }
    return rows;
  }

  /** The calls of a journey; those of a few are kept. */
  callsOf(journey: Journey): readonly CallRow[] {
    let calls = this.#calls.get(journey);
    if (calls) return calls;
    calls = layoutCalls(this.trace.events, journey, this.callRowsOf(journey));
    this.#calls.set(journey, calls);
    this.#keptEvents += journey.count;
    for (const oldest of this.#calls.keys()) {
      if (this.#calls.size <= KEPT_CALLS && this.#keptEvents <= KEPT_EVENTS) break;
      if (oldest === journey) break;
      this.#calls.delete(oldest);
      this.#keptEvents -= oldest.count;
    }
    return calls;
  }

  hasCalls(lane: number): boolean {
    return this.#hasAllCalls || (this.#isCursorWide && lane === this.cursorLane());
  }

  get density(): Density {
    this.#density ??= densityOf(this.trace, this.#journeys, this.#scale, this.#extent, DENSITY_PARTS);
    return this.#density;
  }

  /** The lane of a journey, by its number. */
  laneOf(number: number): number | undefined {
    this.#lanes ??= new Map(this.#journeys.map((journey, lane) => [journey.number, lane]));
    return this.#lanes.get(number);
  }

  childrenOf(number: number): readonly number[] {
    if (!this.#children) {
      this.#children = new Map();
      for (const [lane, { parent }] of this.#journeys.entries()) {
        if (parent === undefined) continue;
        const list = this.#children.get(parent);
        if (list) list.push(lane);
        else this.#children.set(parent, [lane]);
      }
    }
    return this.#children.get(number) ?? [];
  }

  /** The selected lane, -1 for none. */
  cursorLane(): number {
    const cursor = this.#cursor;
    return cursor && 'journey' in cursor ? (this.laneOf(cursor.journey) ?? -1) : -1;
  }

  cursorGroup(): LaneGroup | undefined {
    const cursor = this.#cursor;
    if (!cursor || !('group' in cursor)) return undefined;
    return this.#groups.find(({ key }) => key === cursor.group);
  }

  #cursorRow(): number {
    const lane = this.cursorLane();
    if (lane >= 0) return rowOf(this.#rows, lane);
    const group = this.cursorGroup();
    return group ? rowOf(this.#rows, ~this.#groups.indexOf(group)) : -1;
  }

  select(cursor: Cursor | undefined): void {
    // The new one stays under the pointer, whatever becomes of the old one.
    const old = this.#rows;
    this.#cursor = cursor;
    const row = this.#cursorRow();
    const at = row < 0 ? 0 : old.top[row]! - this.#scrollTop;
    this.#layout();
    if (row >= 0) this.scrollTo(this.#rows.top[row]! - at);
  }

  /** Selects the row so many further, and brings it into sight. */
  moveCursor(by: number): void {
    const { count, id } = this.#rows;
    if (count === 0) return;
    const row = this.#cursorRow();
    const first = rowAt(this.#rows, this.#scrollTop);
    const to = row < 0 ? (by > 0 ? first : count - 1) : Math.min(count - 1, Math.max(0, row + by));
    const wanted = id[to]!;
    this.select(wanted < 0 ? { group: this.#groups[~wanted]!.key } : { journey: this.#journeys[wanted]!.number });
    this.showCursor();
  }

  /** Brings what is selected into sight, if it is not there. */
  showCursor(): void {
    const row = this.#cursorRow();
    if (row < 0) return;
    const top = this.#rows.top[row]!;
    const bottom = this.#rows.top[row + 1]!;
    if (bottom > this.#scrollTop + this.lanesHeight) this.scrollTo(bottom - this.lanesHeight);
    if (top < this.#scrollTop) this.scrollTo(top);
    const lane = this.cursorLane();
    if (lane >= 0 && !this.#isInSpan(lane)) this.showLane(lane);
  }

  #isInSpan(lane: number): boolean {
    const journey = this.#journeys[lane]!;
    const origin = originOf(journey, this.#scale);
    return journey.begin - origin <= this.#span.until && journey.end - origin >= this.#span.from;
  }

  /** Moves the time in sight to a lane's begin. */
  showLane(lane: number): void {
    const journey = this.#journeys[lane]!;
    const begin = journey.begin - originOf(journey, this.#scale);
    this.#setSpan(moveSpan(this.#span, begin - this.#span.from - lengthOf(this.#span) * 0.1, this.#extent));
  }

  zoomToLane(lane: number): void {
    const journey = this.#journeys[lane];
    if (!journey) return;
    const origin = originOf(journey, this.#scale);
    this.#setSpan(spanAround(journey.begin - origin, journey.end - origin, this.#extent));
  }

  toggleFold({ key }: LaneGroup): void {
    if (!this.#folded.delete(key)) this.#folded.add(key);
    this.#layout();
  }

  foldAll(isFolded: boolean): void {
    this.#folded = new Set(isFolded ? this.#groups.map(({ key }) => key) : []);
    this.#layout();
  }

  setSpan(span: Span): void {
    this.#setSpan(clampSpan(span, this.#extent));
  }
  showAll(): void {
    this.#setSpan(this.#extent);
  }
  showFirst(): void {
    this.#setSpan(this.#first);
  }
  zoom(factor: number, at: number): void {
    this.#setSpan(zoomSpan(this.#span, factor, at, this.#extent));
  }
  /** @param pixels to the left for later times */
  pan(pixels: number): void {
    this.#setSpan(moveSpan(this.#span, (pixels / this.plotWidth) * lengthOf(this.#span), this.#extent));
  }
  scrollTo(top: number): void {
    this.#scrollTop = Math.min(this.maxScroll, Math.max(0, top));
  }

  /** Scrolls to packets of the time in sight, if no lane in sight has any. */
  follow(): void {
    const { count, id, top } = this.#rows;
    const last = this.#scrollTop + this.lanesHeight;
    let before = -1;
    for (let row = rowAt(this.#rows, this.#scrollTop); row >= 0 && row < count && top[row]! < last; row++)
      if (id[row]! >= 0 && this.#isInSpan(id[row]!)) return;
    for (let row = 0; row < count; row++) {
      if (id[row]! < 0 || !this.#isInSpan(id[row]!)) continue;
      before = row;
      break;
    }
    if (before >= 0) this.scrollTo(top[before]! - this.lanesHeight / 4);
  }

  /** The time at a place of the plot. */
  timeAt(x: number): number {
    return this.#span.from + ((x - this.gutter) / this.plotWidth) * lengthOf(this.#span);
  }
  xOf(time: number): number {
    return this.gutter + ((time - this.#span.from) / lengthOf(this.#span)) * this.plotWidth;
  }
  overviewTimeAt(x: number): number {
    return this.#extent.from + ((x - this.gutter) / this.plotWidth) * lengthOf(this.#extent);
  }
  overviewXOf(time: number): number {
    return this.gutter + ((time - this.#extent.from) / lengthOf(this.#extent)) * this.plotWidth;
  }
  /** For the events of a lane. */
  mappingOf(journey: Journey): Mapping {
    return {
      start: originOf(journey, this.#scale) + this.#span.from,
      scale: this.#pixelsPerNs(),
      width: this.plotWidth,
    };
  }

  hit(x: number, y: number): Hit {
    if (y < OVERVIEW_HEIGHT) return { area: 'overview' };
    if (y < TOP) return { area: 'ruler' };
    if (x >= this.#width - SCROLLBAR_WIDTH && this.maxScroll > 0) return { area: 'scrollbar' };
    const at = y - TOP + this.#scrollTop;
    if (at >= heightOfRows(this.#rows)) return { area: 'nothing' };
    const row = rowAt(this.#rows, at);
    if (row < 0) return { area: 'nothing' };
    const lane = this.#rows.id[row]!;
    if (lane < 0) return { area: 'heading', group: this.#groups[~lane]! };
    return this.#hitLane(lane, x, at - this.#rows.top[row]!);
  }

  #hitLane(lane: number, x: number, y: number): LaneHit {
    const journey = this.#journeys[lane]!;
    const found = { area: 'lane', lane, journey } as const;
    if (x < this.gutter) return { ...found, part: 'label' };
    const origin = originOf(journey, this.#scale);
    const begin = this.xOf(journey.begin - origin);
    const end = this.xOf(journey.end - origin);
    if (end < this.gutter - END_WIDTH) return { ...found, part: x < this.gutter + 14 ? 'before' : 'free' };
    if (begin > this.gutter + this.plotWidth) return { ...found, part: x > this.#width - 28 ? 'after' : 'free' };
    if (x >= end && x <= end + END_WIDTH) return { ...found, part: 'end' };
    if (x < begin - NEAR || x > end) return { ...found, part: 'free' };
    const near = (NEAR * lengthOf(this.#span)) / this.plotWidth;
    const time = this.timeAt(x) + origin;
    const { events, head } = this.trace;
    const depth = Math.floor((y - LANE_MARGIN - PLACES_HEIGHT) / CALL_HEIGHT);
    if (this.hasCalls(lane) && head.hasReturns && depth >= 0) {
      const row = this.callsOf(journey)[depth];
      const call = row ? callAt(row, time, near / 2) : -1;
      if (!row || call < 0) return { ...found, part: 'free' };
      const [event, state] = [row.event[call]!, row.state[call]!];
      return { ...found, part: 'call', event, begin: row.begin[call]!, end: row.end[call]!, state };
    }
    const last = journey.first + journey.count;
    const event = eventAt(events.time, journey.first, last, time + near / 4);
    if (event < 0) return { ...found, part: 'free' };
    const until = event + 1 < last ? events.time[event + 1]! : journey.end;
    return { ...found, part: 'piece', event, begin: events.time[event]!, end: Math.max(until, events.time[event]!) };
  }
}
