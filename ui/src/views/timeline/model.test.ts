import { beforeEach, describe, expect, it } from 'vitest';
import type { Trace } from '../../trace/trace.js';
import { LANE_HEIGHT, THIN_HEIGHT, TimelineModel, TOP } from './model.js';
import { HEADING_HEIGHT } from './rows.js';
import { createTrace } from './testing.js';

/** Packets one after the other, each with a call that has another one in it. */
function createPackets(count: number): Trace {
  return createTrace(
    Array.from({ length: count }, (_, index) => {
      const at = index * 1000;
      return {
        ...(index === 1 ? { parent: 1 } : {}),
        outcome: index % 2 === 0 ? ('delivered' as const) : ('dropped' as const),
        events: [
          { time: at },
          { time: at + 100, fn: 1, depth: 1 },
          { time: at + 200, fn: 1, depth: 1, isReturn: true },
          { time: at + 400, isReturn: true },
        ],
      };
    }),
  );
}

describe('the timeline', () => {
  const trace = createPackets(100);
  let model: TimelineModel;

  beforeEach(() => {
    model = new TimelineModel(trace);
    model.resize(1000, TOP + 400);
    model.show(trace.journeys, 'none', 'time', 'auto');
  });

  /** The middle of a lane, while no other one is higher. */
  const yOf = (lane: number) => TOP + lane * LANE_HEIGHT - model.scrollTop + LANE_HEIGHT / 2;

  it('shows all of the time at first', () => {
    expect(model.span).toEqual(model.extent);
    expect(model.maxScroll).toBe(100 * LANE_HEIGHT - 400);
  });

  it('shows what most packets take where each begins at 0, and all when it is asked', () => {
    const journeys = trace.journeys.map((journey, index) =>
      index === 7 ? { ...journey, end: journey.begin + 1e6 } : journey,
    );
    model.show(journeys, 'none', 'own', 'auto');
    expect(model.span.until).toBeLessThan(1000);
    expect(model.isAtFirst).toBe(true);
    model.showAll();
    expect([model.span.until > 1e6, model.isAtFirst]).toEqual([true, false]);
    model.showFirst();
    expect(model.isAtFirst).toBe(true);
    model.show(trace.journeys, 'none', 'own', 'auto');
    expect(model.span).toEqual(model.extent);
  });

  it('knows what is at a place', () => {
    model.setSpan({ from: 0, until: 1000 });
    const at = (time: number) => model.hit(model.xOf(time), yOf(0));
    expect(at(50)).toMatchObject({ area: 'lane', lane: 0, part: 'piece', event: 0, begin: 0, end: 100 });
    expect(at(250)).toMatchObject({ part: 'piece', event: 2, begin: 200, end: 400 });
    expect(at(402)).toMatchObject({ part: 'end' });
    expect(at(800)).toMatchObject({ part: 'free' });
    expect(model.hit(5, yOf(0))).toMatchObject({ part: 'label' });
    expect(model.hit(980, yOf(9))).toMatchObject({ part: 'after', lane: 9 });
    expect(model.hit(500, 5)).toEqual({ area: 'overview' });
    expect(model.hit(500, TOP - 3)).toEqual({ area: 'ruler' });
    expect(model.hit(995, TOP + 50)).toEqual({ area: 'scrollbar' });
  });

  it('says where a packet is that is out of sight', () => {
    model.setSpan({ from: 5000, until: 6000 });
    expect(model.hit(model.gutter + 5, yOf(0))).toMatchObject({ part: 'before', lane: 0 });
  });

  it('shows the calls of the selected packet where there is room for them', () => {
    model.select({ journey: 1 });
    expect(model.hasCalls(0)).toBe(false);
    model.zoomToLane(0);
    expect(model.hasCalls(0)).toBe(true);
    const y = TOP + 3 + 15 + 15 + 5;
    const hit = model.hit(model.xOf(150), y);
    expect(hit).toMatchObject({ part: 'call', event: 1, begin: 100, end: 200 });
    expect(model.hit(model.xOf(300), y)).toMatchObject({ part: 'free' });
    model.showAll();
    expect(model.hasCalls(0)).toBe(false);
  });

  it('keeps the lane that is selected where it is, whatever becomes of the one before', () => {
    model.scrollTo(500);
    model.setSpan({ from: 30_000, until: 31_000 });
    const topOf = (lane: number) => model.rows.top[lane]! - model.scrollTop;
    for (const lane of [30, 32, 28]) {
      const top = topOf(lane);
      model.select({ journey: lane + 1 });
      expect(topOf(lane)).toBe(top);
    }
  });

  it('moves the selection by rows, and brings it into sight', () => {
    model.moveCursor(1);
    expect(model.cursor).toEqual({ journey: 1 });
    model.setSpan({ from: 0, until: 1000 });
    model.moveCursor(Number.POSITIVE_INFINITY);
    expect(model.cursor).toEqual({ journey: 100 });
    expect(model.scrollTop).toBe(model.maxScroll);
    expect(model.span.from).toBeLessThan(99_000);
    expect(model.span.until).toBeGreaterThan(99_000);
  });

  it('scrolls to packets of the time in sight', () => {
    model.setSpan({ from: 80_000, until: 80_500 });
    model.follow();
    const { area, ...hit } = model.hit(model.xOf(80_050), TOP + 400 / 4 + 5);
    expect([area, hit]).toMatchObject(['lane', { lane: 80, part: 'piece' }]);
    const before = model.scrollTop;
    model.follow();
    expect(model.scrollTop).toBe(before);
  });

  it('folds groups, whose headings can be selected', () => {
    model.show(trace.journeys, 'outcome', 'time', 'auto');
    expect(model.hit(10, TOP + 5)).toMatchObject({ area: 'heading', group: { key: 'delivered', dropped: 0 } });
    model.moveCursor(1);
    expect(model.cursorGroup()?.key).toBe('delivered');
    model.toggleFold(model.cursorGroup()!);
    expect(model.rows.count).toBe(2 + 50);
    model.moveCursor(1);
    expect(model.cursorGroup()?.key).toBe('dropped');
    model.foldAll(true);
    expect(model.rows.top[2]).toBe(2 * HEADING_HEIGHT);
    model.foldAll(false);
    expect(model.rows.count).toBe(102);
  });

  it('shows each packet from its own begin', () => {
    model.show(trace.journeys, 'none', 'own', 'auto');
    expect(model.extent.until).toBeLessThan(500);
    expect(model.hit(model.xOf(150), yOf(7))).toMatchObject({ lane: 7, part: 'piece', event: 7 * 4 + 1 });
  });

  it('knows copies by their numbers', () => {
    expect(model.childrenOf(1)).toEqual([1]);
    expect(model.childrenOf(2)).toEqual([]);
    expect([model.laneOf(2), model.laneOf(1000)]).toEqual([1, undefined]);
  });

  it('has thin lanes, and lanes that all have calls', () => {
    model.show(trace.journeys, 'none', 'time', 'thin');
    expect(model.rows.top[100]).toBe(100 * THIN_HEIGHT);
    model.show(trace.journeys, 'none', 'time', 'calls');
    expect(model.hasCalls(50)).toBe(true);
    model.show(trace.journeys.slice(0, 3), 'none', 'time', 'auto');
    expect(model.hasCalls(2)).toBe(true);
  });

  it('keeps the time in sight while other packets are chosen', () => {
    model.setSpan({ from: 2000, until: 3000 });
    model.show(trace.journeys.slice(0, 50), 'none', 'time', 'auto');
    expect(model.span).toEqual({ from: 2000, until: 3000 });
    model.show(trace.journeys.slice(10, 20), 'none', 'time', 'auto');
    expect(model.span.from).toBe(model.extent.from);
  });

  it('may have nothing to show', () => {
    model.show([], 'flow', 'time', 'auto');
    model.moveCursor(1);
    model.follow();
    expect(model.hit(500, TOP + 5)).toEqual({ area: 'nothing' });
  });

  it('has packets that take no time, or have no events', () => {
    const odd = createTrace([{ events: [{ time: 5 }] }, { events: [], begin: 2 ** 53 - 1, end: 2 ** 53 - 1 }]);
    const of = new TimelineModel(odd);
    of.resize(1000, TOP + 400);
    of.show(odd.journeys, 'none', 'time', 'auto');
    for (const lane of [0, 1]) {
      of.zoomToLane(lane);
      const time = odd.journeys[lane]!.end;
      expect(of.hit(of.xOf(time) + 3, TOP + of.rows.top[lane]! + 5)).toMatchObject({ lane, part: 'end' });
    }
  });
});

describe('a trace to which packets are added', () => {
  const many = (count: number) =>
    createTrace(Array.from({ length: count }, (_, index) => ({ events: [{ time: index * 1000 }] })));
  const grow = (model: TimelineModel, count: number) => {
    const trace = many(count);
    model.trace = trace;
    model.show(trace.journeys, 'none', 'time', 'auto');
  };

  it('keeps all of it in sight, and the last packet, if they were', () => {
    const trace = many(100);
    const model = new TimelineModel(trace);
    model.resize(800, 400);
    model.show(trace.journeys, 'none', 'time', 'auto');
    model.scrollTo(model.maxScroll);
    grow(model, 200);
    expect(model.span).toEqual(model.extent);
    expect(model.scrollTop).toBe(model.maxScroll);
  });

  it('keeps the end of the time in sight, if it was, and nothing else', () => {
    const trace = many(100);
    const model = new TimelineModel(trace);
    model.resize(800, 400);
    model.show(trace.journeys, 'none', 'time', 'auto');
    const { until } = model.extent;
    model.setSpan({ from: until - 10_000, until });
    model.scrollTo(100);
    grow(model, 200);
    expect(model.span.until).toBe(model.extent.until);
    expect(model.span.until - model.span.from).toBeCloseTo(10_000);
    expect(model.scrollTop).toBe(100);
    model.setSpan({ from: 20_000, until: 30_000 });
    grow(model, 300);
    expect(model.span).toEqual({ from: 20_000, until: 30_000 });
  });
});
