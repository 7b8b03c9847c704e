import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createEvent, type TraceEvent } from '../base/event.js';
import { Strands, type StrandTaker } from './strands.js';

/** Draws what it is given, and refuses what is no picture. */
class Picture implements StrandTaker {
  readonly open_: TraceEvent[][] = [[]];
  opened = 0;
  returned = 0;
  alone = 0;
  #now = 0;

  addStrand(strand: number): void {
    expect(strand).toBe(this.open_.length);
    this.open_.push([]);
  }

  open(strand: number, event: TraceEvent): void {
    this.#pass(event.timestampLow);
    this.open_[strand]!.push({ ...event });
    this.opened++;
  }

  close(strand: number, low: number, _high: number, event: TraceEvent | undefined): void {
    this.#pass(low);
    const its = this.open_[strand]!.pop()!;
    expect(its).toBeDefined();
    if (!event) return;
    expect([event.target, event.entryLow]).toEqual([its.target, its.timestampLow]);
    this.returned++;
  }

  returnAlone(_strand: number, event: TraceEvent): void {
    this.#pass(event.timestampLow);
    this.alone++;
  }

  #pass(time: number): void {
    expect(time).toBeGreaterThanOrEqual(this.#now);
    this.#now = time;
  }
}

const step = fc.record({ cpu: fc.nat(20), target: fc.nat(3), returns: fc.boolean(), lost: fc.nat(9) });

test('whatever calls overlap and whatever is lost, each event is drawn once, and slices lie within slices', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), fc.boolean(), (steps, hasReturns) => {
      const picture = new Picture();
      const strands = new Strands(picture, hasReturns);
      const open: TraceEvent[] = [];
      let [entries, returns] = [0, 0];
      for (const [time, { cpu, target, returns: isReturn, lost }] of steps.entries()) {
        const entry = isReturn && hasReturns ? open.splice(lost % Math.max(1, open.length), 1)[0] : undefined;
        const event: TraceEvent = { ...createEvent(), timestampLow: time, cpu, target, partnerLost: false };
        if (entry) {
          returns++;
          strands.event({ ...event, target: entry.target, isReturn: true, entryLow: entry.timestampLow });
          continue;
        }
        entries++;
        const isLost = hasReturns && lost === 0;
        if (!isLost) open.push(event);
        strands.event({ ...event, partnerLost: isLost });
      }
      strands.end(steps.length, 0);
      expect(picture.open_.every((stack) => stack.length === 0)).toBe(true);
      expect(picture.opened).toBe(entries);
      expect(picture.returned + picture.alone).toBe(returns);
      expect(picture.open_.length).toBeLessThanOrEqual(16);
      // It is ready for the next journey.
      strands.event({ ...createEvent(), timestampLow: steps.length });
      strands.end(steps.length, 0);
      expect(picture.opened).toBe(entries + 1);
    }),
  );
});

test('many open calls, and returns that find none, take no time of their square', () => {
  const picture = new Picture();
  const strands = new Strands(picture, true);
  for (let i = 0; i < 20_000; i++) strands.event({ ...createEvent(), timestampLow: i, target: 1 });
  for (let i = 0; i < 20_000; i++) {
    strands.event({ ...createEvent(), timestampLow: 20_000 + i, target: 2, isReturn: true, entryLow: 5 });
  }
  strands.end(60_000, 0);
  expect([picture.opened, picture.alone]).toEqual([20_000, 20_000]);
});
