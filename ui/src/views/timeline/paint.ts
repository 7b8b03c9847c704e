/** Draws the timeline, whatever of it is in sight. */
import { counted, formatDuration, formatFunction, formatPacket, formatPlace } from '../../format.js';
import { IS_RETURN, type Journey, OUTCOMES, type Outcome, type TracedFunction } from '../../trace/trace.js';
import { type CallRow, LOST, walkCalls } from './calls.js';
import { type Mapping, walkPieces } from './detail.js';
import type { LaneGroup } from './groups.js';
import {
  CALL_HEIGHT,
  LANE_HEIGHT,
  LANE_MARGIN,
  OVERVIEW_HEIGHT,
  PLACES_HEIGHT,
  RULER_HEIGHT,
  SCROLLBAR_WIDTH,
  THIN_HEIGHT,
  type TimelineModel,
  TOP,
} from './model.js';
import type { Palette } from './palette.js';
import { heightOfRows, rowAt, rowOf } from './rows.js';
import { rulerOf } from './ruler.js';
import { originOf } from './scale.js';
import { cutText } from './text.js';

const FONT = 'ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace';
const SMALL = `11px ${FONT}`;
const BOLD = `600 11px ${FONT}`;
/** Rulers have a tick each so many pixels, or more. */
const TICKS_APART = 90;
/** Of one packet, so many copies are linked to it. */
const MAX_LINKS = 200;

/** A name has room where so many characters of it have. */
const LEAST_CHARACTERS = 4;
/** Colours of rectangles: the line of a lane, which they cover, the outcomes, and from here on the places. */
const FIRST_FILL = 1 + OUTCOMES.length;
/** The mark of the end stands behind the end, and hides nothing. */
const END_OFFSET = 6;

/** What is drawn besides the model. */
export interface Marks {
  /** Where the pointer is, undefined for nowhere. */
  readonly x: number | undefined;
  readonly lane: number;
  /** The part of the time that is being chosen. */
  readonly chosen: readonly [x0: number, x1: number] | undefined;
  /** Pixels within which events are merged. */
  readonly step: number;
  readonly hasFocus: boolean;
}

/** Rectangles by colour: the colour is set once for all that have it. Those of lower colours are drawn first. */
class Rects {
  #values = new Float32Array(4096);
  /** The rectangle of the same colour before each. */
  #before = new Int32Array(1024);
  #last = new Int32Array(256).fill(-1);
  #count = 0;

  add(colour: number, x: number, y: number, width: number, height: number): void {
    if (this.#count === this.#before.length) this.#grow();
    const at = this.#count * 4;
    this.#values[at] = x;
    this.#values[at + 1] = y;
    this.#values[at + 2] = width;
    this.#values[at + 3] = height;
    this.#before[this.#count] = this.#last[colour]!;
    this.#last[colour] = this.#count++;
  }

  #grow(): void {
    const values = new Float32Array(this.#values.length * 2);
    values.set(this.#values);
    this.#values = values;
    const before = new Int32Array(this.#before.length * 2);
    before.set(this.#before);
    this.#before = before;
  }

  fill(context: CanvasRenderingContext2D, colours: readonly string[]): void {
    const values = this.#values;
    for (let colour = 0; colour < colours.length; colour++) {
      let rect = this.#last[colour]!;
      if (rect < 0) continue;
      this.#last[colour] = -1;
      context.fillStyle = colours[colour]!;
      for (; rect >= 0; rect = this.#before[rect]!) {
        const at = rect * 4;
        context.fillRect(values[at]!, values[at + 1]!, values[at + 2]!, values[at + 3]!);
      }
    }
    this.#count = 0;
  }
}

export class Painter {
  readonly #context: CanvasRenderingContext2D;
  readonly #model: TimelineModel;
  readonly #placeColours: Uint8Array;
  readonly #rects = new Rects();
  /** Of each name: a function, or `~` of a place; x, y, and its room. */
  readonly #labels: number[] = [];
  /** Of each: x, y, width, height. */
  readonly #hatched: number[] = [];
  #palette: Palette;
  #colours: readonly string[] = [];
  #hatch: CanvasPattern | null = null;
  #character = 7;

  constructor(
    context: CanvasRenderingContext2D,
    model: TimelineModel,
    palette: Palette,
    placeColours: Uint8Array,
    ratio: number,
  ) {
    this.#context = context;
    this.#model = model;
    this.#palette = palette;
    this.#placeColours = placeColours;
    this.setPalette(palette, ratio);
  }

  setPalette(palette: Palette, ratio: number): void {
    this.#palette = palette;
    this.#colours = [palette.faint, ...OUTCOMES.map((outcome) => palette[outcome]), ...palette.fills];
    const tile = document.createElement('canvas');
    const size = Math.round(6 * ratio);
    tile.width = size;
    tile.height = size;
    const context = tile.getContext('2d');
    if (context) {
      context.strokeStyle = palette.warning;
      context.lineWidth = Math.max(1, ratio * 1.2);
      context.beginPath();
      for (const from of [-size, 0, size]) {
        context.moveTo(from, size);
        context.lineTo(from + size, 0);
      }
      context.stroke();
      this.#hatch = this.#context.createPattern(tile, 'repeat');
      this.#hatch?.setTransform(new DOMMatrix().scale(1 / ratio));
    }
    this.#context.font = SMALL;
    this.#character = this.#context.measureText('mmmmmmmmmm').width / 10 || 7;
  }

  /** @param ratio device pixels for a pixel */
  draw(ratio: number, marks: Marks): void {
    const context = this.#context;
    const model = this.#model;
    const { width, height, gutter, plotWidth } = model;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.fillStyle = this.#palette.back;
    context.fillRect(0, 0, width, height);
    context.textBaseline = 'middle';
    context.font = SMALL;
    const ruler = rulerOf(model.span, plotWidth, TICKS_APART);
    this.#clip(gutter, TOP, plotWidth, height - TOP, () => {
      context.fillStyle = this.#palette.line;
      for (const { time } of ruler.ticks) context.fillRect(Math.round(model.xOf(time)), TOP, 1, height - TOP);
    });
    this.#drawRows(marks);
    this.#drawLinks();
    this.#drawRuler(ruler.base, ruler.ticks, marks);
    this.#drawOverview();
    this.#drawScrollbar();
    if (marks.chosen) {
      const [x0, x1] = marks.chosen;
      context.globalAlpha = 0.25;
      context.fillStyle = this.#palette.accent;
      context.fillRect(Math.min(x0, x1), 0, Math.abs(x1 - x0), height);
      context.globalAlpha = 1;
    }
  }

  #clip(x: number, y: number, width: number, height: number, draw: () => void): void {
    const context = this.#context;
    context.save();
    context.beginPath();
    context.rect(x, y, width, height);
    context.clip();
    draw();
    context.restore();
  }

  #text(text: string, x: number, y: number, width: number): void {
    const cut = cutText(text, width / this.#character);
    if (cut !== '') this.#context.fillText(cut, x, y);
  }

  #drawRows(marks: Marks): void {
    const context = this.#context;
    const model = this.#model;
    const { rows, journeys, groups, gutter, plotWidth, height, width, scrollTop } = model;
    const first = Math.max(0, rowAt(rows, scrollTop));
    const selected = model.cursorLane();
    const chosenGroup = model.cursorGroup();
    const bottom = scrollTop + model.lanesHeight;
    let end = first;
    while (end < rows.count && rows.top[end]! < bottom) end++;
    const yOf = (row: number) => TOP + rows.top[row]! - scrollTop;
    this.#clip(0, TOP, width, height - TOP, () => {
      for (let row = first; row < end; row++) {
        const id = rows.id[row]!;
        const y = yOf(row);
        const rowHeight = rows.top[row + 1]! - rows.top[row]!;
        const isChosen = id < 0 ? groups[~id] === chosenGroup : id === selected;
        if (isChosen) {
          context.fillStyle = this.#palette.chosen;
          context.fillRect(0, y, width, rowHeight);
          if (marks.hasFocus) {
            context.strokeStyle = this.#palette.accent;
            context.strokeRect(0.5, y + 0.5, width - 1, rowHeight - 1);
          }
        } else if (id < 0 || id === marks.lane) {
          context.fillStyle = this.#palette.panel;
          context.fillRect(0, y, width, rowHeight);
        }
      }
    });
    this.#clip(gutter, TOP, plotWidth + SCROLLBAR_WIDTH, height - TOP, () => {
      for (let row = first; row < end; row++) {
        const id = rows.id[row]!;
        if (id >= 0) this.#addLane(id, yOf(row), rows.top[row + 1]! - rows.top[row]!, marks.step);
        else if (model.isFolded(groups[~id]!)) this.#drawFolded(groups[~id]!, yOf(row), marks.step);
      }
      this.#rects.fill(context, this.#colours);
      this.#drawOver();
      for (let row = first; row < end; row++) {
        const id = rows.id[row]!;
        if (id >= 0) this.#drawMarks(id, yOf(row), rows.top[row + 1]! - rows.top[row]!);
      }
    });
    this.#clip(0, TOP, width, height - TOP, () => {
      context.fillStyle = this.#palette.line;
      context.fillRect(gutter - 1, TOP, 1, height - TOP);
      for (let row = first; row < end; row++) {
        const id = rows.id[row]!;
        const rowHeight = rows.top[row + 1]! - rows.top[row]!;
        if (id < 0) this.#drawHeading(groups[~id]!, yOf(row), rowHeight);
        else this.#drawLabel(journeys[id]!, yOf(row), rowHeight);
      }
    });
  }

  /** The rectangles of a lane, and the names that have room in them. */
  #addLane(lane: number, y: number, height: number, step: number): void {
    const model = this.#model;
    const journey = model.journeys[lane]!;
    const { hasReturns } = model.trace.head;
    const mapping = model.mappingOf(journey);
    const isThin = height <= THIN_HEIGHT;
    const hasCalls = model.hasCalls(lane);
    const top = isThin ? y : y + LANE_MARGIN;
    const thick = isThin ? height - 1 : hasCalls ? PLACES_HEIGHT - 2 : LANE_HEIGHT - 2 * LANE_MARGIN;
    const from = Math.max(0, (journey.begin - mapping.start) * mapping.scale);
    const until = Math.min(mapping.width, (journey.end - mapping.start) * mapping.scale);
    if (until >= from)
      this.#rects.add(0, model.gutter + from, top + Math.floor(thick / 2), Math.max(1, until - from), 1);
    // Of many lanes in sight, each has fewer pieces.
    if (!hasCalls) this.#addPieces(journey, mapping, top, thick, isThin ? step * 2 : step, isThin);
    else if (!hasReturns) {
      this.#addPieces(journey, mapping, top, thick, step, false);
      this.#addPlaces(journey, mapping, top + PLACES_HEIGHT, CALL_HEIGHT - 1, step);
    } else {
      this.#addPlaces(journey, mapping, top, thick, step);
      this.#addCalls(model.callsOf(journey), mapping, top + PLACES_HEIGHT, step);
    }
  }

  /** Each event until the next one. */
  #addPieces(journey: Journey, mapping: Mapping, top: number, thick: number, step: number, isThin: boolean): void {
    const { trace, gutter } = this.#model;
    const { time, place, fn, flags, depth } = trace.events;
    const { hasReturns } = trace.head;
    const colours = this.#placeColours;
    const rects = this.#rects;
    const least = this.#character * LEAST_CHARACTERS;
    // Neighbours of one colour become one rectangle, where there is no room for a line between them.
    let [openFrom, openUntil, openColour, isOpenNarrow] = [-1, -1, -1, false];
    const close = () => {
      if (openColour < 0) return;
      const at = isOpenNarrow ? top + Math.floor(thick / 2) - 1 : top;
      rects.add(openColour, gutter + openFrom, at, Math.max(1, openUntil - openFrom), isOpenNarrow ? 3 : thick);
    };
    const { first, count, end } = journey;
    walkPieces(time, first, first + count, end, mapping, step, (x0, x1, event, merged) => {
      const colour = FIRST_FILL + (colours[place[event]!] ?? 0);
      const isReturn = (flags[event]! & IS_RETURN) !== 0;
      // After the last return no traced call is open: the packet waits, or is where nothing is traced.
      const isOutside = hasReturns && isReturn && depth[event] === 0;
      const gap = isThin || x1 - x0 < 4 ? 0 : 1;
      let from = x0;
      if (isOutside && merged > 1 && x1 - x0 > 2 * step) {
        // What was merged with it was inside.
        close();
        rects.add(colour, gutter + x0, top, step, thick);
        openColour = -1;
        from = x0 + step;
      }
      const isNarrow = isOutside && (merged === 1 || from > x0);
      if (gap === 0 && colour === openColour && isNarrow === isOpenNarrow && from - openUntil < 0.5) {
        openUntil = Math.max(x1, from + 1);
        return;
      }
      close();
      [openFrom, openUntil, openColour, isOpenNarrow] = [from, Math.max(x1 - gap, from + 1), colour, isNarrow];
      if (!isThin && !isReturn && x1 - x0 >= least)
        this.#labels.push(fn[event]!, gutter + x0 + 3, top + thick / 2, x1 - x0 - 5);
    });
    close();
  }

  /** Where the packet was. */
  #addPlaces(journey: Journey, mapping: Mapping, top: number, thick: number, step: number): void {
    const { trace, gutter } = this.#model;
    const { time, place } = trace.events;
    const { first, count, end } = journey;
    const least = this.#character * LEAST_CHARACTERS;
    let [from, until, now] = [0, 0, -1];
    const close = () => {
      if (now < 0) return;
      const width = Math.max(1, until - from);
      const gap = width < 4 ? 0 : 1;
      this.#rects.add(FIRST_FILL + (this.#placeColours[now] ?? 0), gutter + from, top, width - gap, thick);
      if (width >= least) this.#labels.push(~now, gutter + from + 3, top + thick / 2, width - 5);
    };
    walkPieces(time, first, first + count, end, mapping, step, (x0, x1, event) => {
      if (place[event] !== now) {
        close();
        from = x0;
        now = place[event]!;
      }
      until = x1;
    });
    close();
  }

  #addCalls(rows: readonly CallRow[], mapping: Mapping, top: number, step: number): void {
    const { trace, gutter } = this.#model;
    const { place, fn } = trace.events;
    const least = this.#character * LEAST_CHARACTERS;
    for (let row = 0; row < rows.length; row++) {
      const y = top + row * CALL_HEIGHT;
      const { event, state } = rows[row]!;
      walkCalls(rows[row]!, mapping, step, (x0, x1, call) => {
        const colour = FIRST_FILL + (this.#placeColours[place[event[call]!]!] ?? 0);
        const width = Math.max(1, x1 - x0 - (x1 - x0 < 4 ? 0 : 1));
        this.#rects.add(colour, gutter + x0, y, width, CALL_HEIGHT - 1);
        if (state[call] === LOST) this.#hatched.push(gutter + x0, y + CALL_HEIGHT - 4, Math.max(2, width), 3);
        if (width >= least) this.#labels.push(fn[event[call]!]!, gutter + x0 + 3, y + CALL_HEIGHT / 2, width - 4);
      });
    }
  }

  /** What stands upon the rectangles: names, and what is lost. */
  #drawOver(): void {
    const context = this.#context;
    const { functions, places } = this.#model.trace;
    const hatched = this.#hatched;
    if (this.#hatch) context.fillStyle = this.#hatch;
    for (let at = 0; at < hatched.length; at += 4)
      context.fillRect(hatched[at]!, hatched[at + 1]!, hatched[at + 2]!, hatched[at + 3]!);
    hatched.length = 0;
    const labels = this.#labels;
    context.fillStyle = this.#palette.text;
    for (let at = 0; at < labels.length; at += 4) {
      const of = labels[at]!;
      const text = of < 0 ? formatPlace(places[~of]!) : nameOf(functions[of]);
      this.#text(text, labels[at + 1]!, labels[at + 2]!, labels[at + 3]!);
    }
    labels.length = 0;
  }

  /** A lane's gap, the mark of its end, or an arrow to where it is. */
  #drawMarks(lane: number, y: number, height: number): void {
    const context = this.#context;
    const model = this.#model;
    const { gutter, plotWidth } = model;
    const journey = model.journeys[lane]!;
    const { start, scale } = model.mappingOf(journey);
    const from = (journey.begin - start) * scale;
    const until = (journey.end - start) * scale;
    const isThin = height <= THIN_HEIGHT;
    const middle = isThin ? y + height / 2 : y + LANE_HEIGHT / 2;
    if (until < -2 * END_OFFSET || from > plotWidth) {
      const side = until < 0 ? -1 : 1;
      if (!isThin) this.#drawArrow(side < 0 ? gutter + 6 : gutter + plotWidth - 6, middle, side);
      return;
    }
    if (journey.hasGap && this.#hatch) {
      context.fillStyle = this.#hatch;
      const x0 = Math.max(0, from);
      const size = isThin ? 1 : 4;
      const width = Math.max(8, Math.min(plotWidth, until) - x0);
      context.fillRect(gutter + x0, y + height - size - (isThin ? 1 : 0), width, size);
      // Its end is not known.
      if (journey.outcome === 'unknown' && !isThin) context.fillRect(gutter + until, y + 3, 16, LANE_HEIGHT - 6);
    }
    if (until <= plotWidth)
      this.#drawEnd(journey.outcome, gutter + until + (isThin ? 0 : END_OFFSET), middle, isThin ? height - 1 : 0);
  }

  /** Where the packets of a folded group begin. */
  #drawFolded({ lanes }: LaneGroup, y: number, step: number): void {
    const { journeys, gutter, plotWidth, scale, span } = this.#model;
    if (scale === 'own' || lanes.length === 0) return;
    const perPixel = (span.until - span.from) / plotWidth;
    let at = 0;
    let high = lanes.length;
    while (at < high) {
      const middle = (at + high) >>> 1;
      if (journeys[lanes[middle]!]!.begin < span.from) at = middle + 1;
      else high = middle;
    }
    for (let x = 0; at < lanes.length; ) {
      const { begin, outcome } = journeys[lanes[at]!]!;
      x = Math.floor((begin - span.from) / perPixel);
      if (x >= plotWidth) return;
      this.#rects.add(1 + OUTCOMES.indexOf(outcome), gutter + x, y + 4, 1, 14);
      // The next one that is another pixel's, found in steps that double.
      const next = span.from + (x + step) * perPixel;
      let stride = 1;
      while (at + stride < lanes.length && journeys[lanes[at + stride]!]!.begin < next) stride *= 2;
      let low = at + (stride >> 1);
      let top = Math.min(lanes.length, at + stride);
      while (low < top) {
        const middle = (low + top) >>> 1;
        if (journeys[lanes[middle]!]!.begin < next) low = middle + 1;
        else top = middle;
      }
      at = Math.max(low, at + 1);
    }
  }

  #drawHeading(group: LaneGroup, y: number, height: number): void {
    const context = this.#context;
    const model = this.#model;
    const isFolded = model.isFolded(group);
    const count = `${counted(group.lanes.length, 'packet')}${group.dropped > 0 ? `, ${group.dropped} dropped` : ''}`;
    const text = `${isFolded ? '▸' : '▾'} ${group.title}`;
    context.font = BOLD;
    context.fillStyle = this.#palette.text;
    const room = isFolded ? model.gutter - 12 : model.width - SCROLLBAR_WIDTH - 12;
    const countWidth = Math.min(room / 2, (count.length + 2) * this.#character);
    const titleWidth = Math.min((text.length + 1) * this.#character, room - countWidth);
    this.#text(text, 6, y + height / 2, titleWidth);
    context.font = SMALL;
    context.fillStyle = this.#palette.faint;
    this.#text(count, 6 + titleWidth + this.#character, y + height / 2, room - titleWidth);
    context.fillStyle = this.#palette.line;
    context.fillRect(0, y, model.width, 1);
  }

  #drawLabel(journey: Journey, y: number, height: number): void {
    const context = this.#context;
    const { gutter } = this.#model;
    context.fillStyle = this.#palette[journey.outcome];
    context.fillRect(0, y, 4, height - (height > THIN_HEIGHT ? 2 : 1));
    if (height <= THIN_HEIGHT) return;
    const width = gutter - 14;
    const line = height < 40 ? y + height / 2 : y + LANE_MARGIN + 7;
    context.fillStyle = this.#palette.text;
    this.#text(`${journey.parent === undefined ? '' : '↳ '}${journey.number} ${formatPacket(journey)}`, 9, line, width);
    if (height < 40) return;
    context.fillStyle = this.#palette[journey.outcome];
    this.#text(journey.endText, 9, line + 14, width);
    context.fillStyle = this.#palette.faint;
    const took = formatDuration(journey.end - journey.begin);
    this.#text(journey.gapText === undefined ? took : `${took}, ${journey.gapText}`, 9, line + 28, width);
  }

  #drawArrow(x: number, y: number, side: 1 | -1): void {
    const context = this.#context;
    context.fillStyle = this.#palette.faint;
    context.beginPath();
    context.moveTo(x + side * 3, y);
    context.lineTo(x - side * 3, y - 5);
    context.lineTo(x - side * 3, y + 5);
    context.fill();
  }

  /** Each outcome has a form of its own. @param thin the height of a thin lane, 0 for others */
  #drawEnd(outcome: Outcome, x: number, y: number, thin: number): void {
    const context = this.#context;
    context.fillStyle = this.#palette[outcome];
    if (thin > 0) {
      // What was dropped sticks out.
      const width = outcome === 'dropped' ? 8 : 3;
      context.fillRect(x, y - thin / 2 - 0.5, width, thin);
      return;
    }
    drawOutcome(context, outcome, x, y, this.#palette[outcome], this.#palette.back);
  }

  /** Lines from the selected packet to what it is a copy of, and to its copies. */
  #drawLinks(): void {
    const model = this.#model;
    const lane = model.cursorLane();
    if (lane < 0) return;
    const journey = model.journeys[lane]!;
    const { gutter, plotWidth, height } = model;
    const context = this.#context;
    this.#clip(gutter, TOP, plotWidth, height - TOP, () => {
      context.strokeStyle = this.#palette.accent;
      context.lineWidth = 1.5;
      context.setLineDash([4, 3]);
      if (journey.parent !== undefined) {
        const parent = model.laneOf(journey.parent);
        if (parent !== undefined) this.#drawLink(parent, lane);
      }
      for (const child of model.childrenOf(journey.number).slice(0, MAX_LINKS)) this.#drawLink(lane, child);
      context.setLineDash([]);
      context.lineWidth = 1;
    });
  }

  #drawLink(parent: number, child: number): void {
    const { rows, journeys, scale, scrollTop } = this.#model;
    const [parentRow, childRow] = [rowOf(rows, parent), rowOf(rows, child)];
    if (parentRow < 0 || childRow < 0) return;
    const [from, to] = [journeys[parent]!, journeys[child]!];
    const middleOf = (row: number) => TOP + rows.top[row]! - scrollTop + LANE_MARGIN + 7;
    const x0 = this.#model.xOf(to.begin - originOf(from, scale));
    const x1 = this.#model.xOf(to.begin - originOf(to, scale));
    const [y0, y1] = [middleOf(parentRow), middleOf(childRow)];
    const context = this.#context;
    context.beginPath();
    context.moveTo(x0, y0);
    context.bezierCurveTo(x0, (y0 + y1) / 2, x1, (y0 + y1) / 2, x1, y1);
    context.stroke();
    context.beginPath();
    context.arc(x0, y0, 3, 0, 7);
    context.stroke();
  }

  #drawRuler(base: string | undefined, ticks: readonly { time: number; text: string }[], marks: Marks): void {
    const context = this.#context;
    const model = this.#model;
    const { width, gutter, plotWidth, height } = model;
    const y = OVERVIEW_HEIGHT;
    context.fillStyle = this.#palette.panel;
    context.fillRect(0, 0, width, TOP);
    context.fillStyle = this.#palette.faint;
    this.#text(base ?? (model.scale === 'own' ? 'since its begin' : 'time'), 6, y + RULER_HEIGHT / 2, gutter - 12);
    this.#clip(gutter, y, plotWidth + SCROLLBAR_WIDTH, RULER_HEIGHT, () => {
      for (const { time, text } of ticks) {
        const x = Math.round(model.xOf(time));
        context.fillRect(x, y + RULER_HEIGHT - 7, 1, 7);
        context.fillText(text, x + 4, y + RULER_HEIGHT / 2);
      }
    });
    context.fillStyle = this.#palette.line;
    context.fillRect(0, TOP - 1, width, 1);
    if (marks.x === undefined || marks.x < gutter || marks.x > gutter + plotWidth) return;
    context.fillStyle = this.#palette.accent;
    context.fillRect(marks.x, y, 1, height - y);
  }

  #drawOverview(): void {
    const context = this.#context;
    const model = this.#model;
    const { gutter, plotWidth, journeys, span, extent } = model;
    const { events, dropped, most } = model.density;
    const bottom = OVERVIEW_HEIGHT - 6;
    context.fillStyle = this.#palette.faint;
    this.#text('all', 6, OVERVIEW_HEIGHT / 2, gutter - 12);
    if (journeys.length === 0) return;
    context.fillStyle = this.#palette.back;
    context.fillRect(gutter, 2, plotWidth, OVERVIEW_HEIGHT - 3);
    const log = Math.log1p(most) || 1;
    context.fillStyle = this.#palette.faint;
    forPixels(events, plotWidth, (x, count) => {
      const high = Math.round(2 + ((bottom - 6) * Math.log1p(count)) / log);
      context.fillRect(gutter + x, bottom - high, 1, high);
    });
    context.fillStyle = this.#palette.dropped;
    forPixels(dropped, plotWidth, (x) => context.fillRect(gutter + x - 0.5, bottom, 2, 5));
    const x0 = model.overviewXOf(span.from);
    const x1 = Math.max(model.overviewXOf(span.until), x0 + 2);
    if (span.from > extent.from || span.until < extent.until) {
      context.fillStyle = this.#palette.panel;
      context.globalAlpha = 0.65;
      context.fillRect(gutter, 2, x0 - gutter, OVERVIEW_HEIGHT - 3);
      context.fillRect(x1, 2, gutter + plotWidth - x1, OVERVIEW_HEIGHT - 3);
      context.globalAlpha = 1;
    }
    context.strokeStyle = this.#palette.accent;
    context.strokeRect(x0 + 0.5, 1.5, Math.max(1, x1 - x0 - 1), OVERVIEW_HEIGHT - 3);
    context.fillStyle = this.#palette.accent;
    for (const x of [x0, x1]) context.fillRect(x - 1.5, OVERVIEW_HEIGHT / 2 - 7, 3, 14);
  }

  #drawScrollbar(): void {
    const model = this.#model;
    if (model.maxScroll <= 0) return;
    const { top, size } = scrollThumb(model);
    const context = this.#context;
    context.fillStyle = this.#palette.panel;
    context.fillRect(model.width - SCROLLBAR_WIDTH, TOP, SCROLLBAR_WIDTH, model.lanesHeight);
    context.fillStyle = this.#palette.faint;
    context.globalAlpha = 0.6;
    context.fillRect(model.width - SCROLLBAR_WIDTH + 3, top, SCROLLBAR_WIDTH - 6, size);
    context.globalAlpha = 1;
  }
}

/** Takes the most that the parts of each pixel have, where they have any. */
function forPixels(counts: Uint32Array, width: number, visit: (x: number, count: number) => void): void {
  const perPixel = counts.length / width;
  for (let x = 0; x < width; x++) {
    const first = Math.floor(x * perPixel);
    let count = counts[first] ?? 0;
    for (let at = first + 1; at < (x + 1) * perPixel && at < counts.length; at++) count = Math.max(count, counts[at]!);
    if (count > 0) visit(x, count);
  }
}

/** Where the scroll bar's handle is. */
export function scrollThumb(model: TimelineModel): { readonly top: number; readonly size: number } {
  const { lanesHeight, maxScroll, scrollTop } = model;
  const size = Math.max(24, (lanesHeight * lanesHeight) / Math.max(1, heightOfRows(model.rows)));
  return { top: TOP + (scrollTop / Math.max(1, maxScroll)) * (lanesHeight - size), size };
}

function nameOf(traced: TracedFunction | undefined): string {
  return traced ? formatFunction(traced) : '?';
}

/** The mark of an outcome: known by its form, not by its colour alone. */
export function drawOutcome(
  context: CanvasRenderingContext2D,
  outcome: Outcome,
  x: number,
  y: number,
  colour: string,
  back: string,
): void {
  context.save();
  context.translate(x, y);
  context.lineJoin = 'round';
  const path = MARKS[outcome];
  context.strokeStyle = back;
  context.lineWidth = outcome === 'dropped' ? 6 : 3;
  context.stroke(path);
  if (outcome === 'dropped' || outcome === 'alive' || outcome === 'unknown' || outcome === 'consumed') {
    context.fillStyle = back;
    if (outcome !== 'dropped') context.fill(path);
    context.strokeStyle = colour;
    context.lineWidth = outcome === 'dropped' ? 3 : 2;
    context.stroke(path);
  } else {
    context.fillStyle = colour;
    context.fill(path);
  }
  context.restore();
}

const MARKS: Readonly<Record<Outcome, Path2D>> = createMarks();

function createMarks(): Record<Outcome, Path2D> {
  const circle = 'M5 0A5 5 0 1 1 -5 0A5 5 0 1 1 5 0Z';
  const paths: Record<Outcome, string> = {
    delivered: circle,
    forwarded: 'M-4 -5L5 0L-4 5Z',
    transmitted: 'M0 -5L5 4L-5 4Z',
    dropped: 'M-5 -5L5 5M5 -5L-5 5',
    processed: 'M-4 -4H4V4H-4Z',
    consumed: circle,
    alive: 'M-4 -5L5 0L-4 5Z',
    unknown: 'M0 -5L5 0L0 5L-5 0Z',
  };
  return Object.fromEntries(Object.entries(paths).map(([key, path]) => [key, new Path2D(path)])) as Record<
    Outcome,
    Path2D
  >;
}
