/** What outputs keep, and where it ends. */
import { expect, test } from 'vitest';
import { createEvent, type TraceEvent } from '../base/event.js';
import type { Journey } from '../base/journey.js';
import { Places } from '../base/places.js';
import { AggregateOutput } from './aggregate.js';
import { createJsonOutput } from './json.js';
import type { Output, OutputContext } from './output.js';
import { PathsOutput } from './paths.js';

const targets = Array.from({ length: 20 }, (_, index) => {
  return { name: `function_${index}`, module: 'vmlinux' };
});
const CONTEXT: OutputContext = {
  ...{ targets, hasReturns: false, fields: undefined, dataSize: 0, places: new Places() },
  names: { reason: () => undefined, symbol: () => undefined },
};
const event = (journey: Journey, target: number, time: number, over: Partial<TraceEvent> = {}): TraceEvent => ({
  ...createEvent(),
  ...{ journey: journey.shortId, target, timestampLow: time % 2 ** 32, timestampHigh: Math.floor(time / 2 ** 32) },
  ...over,
});
const journey = (number: number, over: Partial<Journey> = {}): Journey => ({
  ...{ number, shortId: number, packetId: BigInt(number), parent: 0, beginNs: 0n, endNs: 1000n, events: 0 },
  ...{ lost: 0, gap: false, outcome: 'consumed', snapshots: [], fate: undefined },
  ...over,
});

/** A journey of so many events, which goes on. */
function begin(output: Output, number: number, events = 10): Journey {
  const its = journey(number);
  for (let i = 0; i < events; i++) {
    its.events++;
    output.event(event(its, i % targets.length, i), its);
  }
  return its;
}
const textOf = (output: Output) => Buffer.concat([output.take(), ...output.finish()]).toString();

/** How many journeys there is room for, and how many bytes an output says that these take. */
function fill(output: Output, most: number): number {
  let number = 0;
  while (output.hasRoom && number < most) begin(output, ++number);
  return number;
}

test('AggregateOutput: a tenth of the memory is left for what has begun', () => {
  const maxBytes = 1 << 20;
  const output = new AggregateOutput(CONTEXT, { maxBytes });
  const number = fill(output, 10_000);
  // 20 bytes an event, and 600 a journey.
  expect(number).toBe(Math.ceil((maxBytes * 0.9) / (10 * 20 + 600)));
  // What has begun goes on.
  const its = journey(number + 1);
  for (let i = 0; i < 1000; i++) output.event(event(its, 1, i), its);
  output.ended(its);
  expect(textOf(output)).toContain(`journey ${number + 1}, `);
});

test('AggregateOutput, PathsOutput: the engine has a bound of its own, and it is told which one was reached', () => {
  for (const create of [AggregateOutput, PathsOutput]) {
    const output = new create(CONTEXT, { maxBytes: 2 ** 40, maxHeapBytes: 1 << 20 });
    const number = fill(output, 100_000);
    expect(number).toBeGreaterThan(100);
    expect(number).toBeLessThan(3000);
    expect(output.isHeapFull).toBe(true);
    const other = new create(CONTEXT, { maxBytes: 1 << 20, maxHeapBytes: 2 ** 40 });
    expect(fill(other, 100_000)).toBeLessThan(3000);
    expect(other.isHeapFull).toBe(false);
  }
});

test('PathsOutput: journeys that have ended make room again: what is kept of them is their path', () => {
  const output = new PathsOutput(CONTEXT, { maxBytes: 1 << 20 });
  const open: Journey[] = [];
  for (let number = 1; output.hasRoom; number++) open.push(begin(output, number, 100));
  expect(output.hasRoom).toBe(false);
  for (const its of open) output.ended(its);
  output.tick();
  expect(output.hasRoom).toBe(true);
  // However many there are after that.
  for (let number = 1; number < 5000; number++) {
    output.ended(begin(output, open.length + number, 5));
    output.tick();
  }
  expect(output.hasRoom).toBe(true);
});

test('PathsOutput: of two paths side by side, three equal steps around each difference are shown', () => {
  const output = new PathsOutput(CONTEXT, { diff: [1, 2] });
  const walk = (number: number, steps: readonly number[]) => {
    const its = journey(number);
    for (const [index, target] of steps.entries()) output.event(event(its, target, index), its);
    output.ended(its);
  };
  const steps = Array.from({ length: 20 }, (_, index) => index);
  walk(1, steps);
  walk(2, steps);
  walk(3, [...steps.slice(0, 10), 0, ...steps.slice(11)]);
  const text = textOf(output);
  const compared = text.slice(text.indexOf('path 1 and path 2')).trimEnd().split('\n');
  const shown = compared.flatMap(
    (line) => /function_(\d+)/.exec(line)?.[1] ?? /… \d+ equal steps?/.exec(line)?.[0] ?? [],
  );
  expect(shown).toEqual(['… 7 equal steps', '7', '8', '9', '10', '0', '11', '12', '13', '… 6 equal steps']);
});

test('AggregateOutput: a call that goes on over the next 4.3 seconds of the clock takes as long as it does', () => {
  const output = new AggregateOutput({ ...CONTEXT, hasReturns: true });
  const its = journey(1);
  const [entered, left] = [2 ** 33 - 1000, 2 ** 33 + 500];
  output.event(event(its, 1, entered), its);
  output.event(
    event(its, 1, left, { isReturn: true, entryLow: entered % 2 ** 32, entryHigh: Math.floor(entered / 2 ** 32) }),
    its,
  );
  output.ended(its);
  expect(textOf(output)).toContain('} 1.500us');
});

test('all outputs: a target that comes while tracing has its name from then on', () => {
  const creators = [createJsonOutput, (context: OutputContext) => new AggregateOutput(context)];
  for (const create of creators) {
    const growing = [...targets];
    const output = create({ ...CONTEXT, targets: growing });
    const unknown = journey(1);
    const later = targets.length;
    output.event(event(unknown, later, 1), unknown);
    output.ended(unknown);
    output.tick(1000);
    const before = Buffer.from(output.take()).toString();
    growing.push({ ...targets[0]!, name: 'came_later' });
    const known = journey(2);
    output.event(event(known, later, 2), known);
    output.ended(known);
    output.tick(1000);
    const after = textOf(output);
    expect(before).toContain('?');
    expect(after).not.toContain('?');
    expect(after).toContain('came_later');
  }
});

test('JsonOutput: text comes in pieces, while tracing and at the end; nothing is made before it is asked for', () => {
  const output = createJsonOutput(CONTEXT);
  const pieces: number[] = [];
  const take = () => {
    if (output.pendingBytes > 0) pieces.push(output.take().length);
  };
  let time = 0;
  const more = (count: number) => {
    const its = journey(++time);
    for (let i = 0; i < count; i++) output.event(event(its, i % 20, ++time), its);
    output.ended(its);
  };
  more(30_000);
  // All at one go, as after a pause.
  for (let hasMore = true; hasMore; ) {
    hasMore = output.tick(1000);
    take();
  }
  expect(pieces.length).toBeGreaterThan(3);
  more(30_000);
  const end = output.finish()[Symbol.iterator]();
  pieces.push(end.next().value!.length);
  expect(output.pendingBytes).toBe(0);
  for (let next = end.next(); !next.done; next = end.next()) pieces.push(next.value.length);
  expect(pieces.length).toBeGreaterThan(6);
  expect(Math.max(...pieces)).toBeLessThan((1 << 20) + 1000);
});
