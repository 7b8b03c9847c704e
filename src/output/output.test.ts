import { expect, test } from 'vitest';
import { createEvent, type FieldWriter, type TraceEvent } from '../base/event.js';
import { AggregateOutput } from './aggregate.js';
import { JsonOutput } from './json.js';
import type { Output, OutputContext } from './output.js';

const targets = [
  { name: 'ip_rcv', module: 'vmlinux' },
  { name: 'a_function_with_a_name_longer_than_its_column', module: 'nf_conntrack' },
  { name: 'evil\x1b[2J"name', module: 'mod' },
].map((target) => ({ ...target, skbPosition: 0, btfId: 1 }));
const fields: FieldWriter = {
  text: (out, data, offset) => out.text(`len: ${data.getUint8(offset)}`),
  json: (out, data, offset) => out.text(`,"len":${data.getUint8(offset)}`),
};
const TIME = 464048546193247;
const low = (time: number) => time % 2 ** 32;
const event = (skbLow: number, target: number, over: Partial<TraceEvent> = {}): TraceEvent => ({
  ...createEvent(new DataView(Uint8Array.of(84).buffer)),
  ...{
    skbLow,
    skbHigh: 0xffff8880,
    timestampLow: low(TIME),
    timestampHigh: Math.floor(TIME / 2 ** 32),
    target,
    cpu: 5,
  },
  ...over,
});

function outputText(
  create: (context: OutputContext) => Output,
  events: TraceEvent[],
  withFields = true,
  hasReturns = false,
): string {
  const output = create({
    targets,
    hasReturns,
    fields: withFields ? fields : undefined,
    dataSize: withFields ? 1 : 0,
  });
  for (const one of events) output.take(one);
  return Buffer.concat([output.text(), ...output.finish()]).toString();
}

const aggregate = (context: OutputContext) => new AggregateOutput(context);
const json = (context: OutputContext) => new JsonOutput(context);

test('AggregateOutput: columns to the character; long names are whole, control characters are not', () => {
  const early = { timestampLow: low(TIME - 95) };
  expect(outputText(aggregate, [event(0x100, 0), event(0x200, 2), event(0x100, 1, early)])).toBe(
    [
      'Timestamp            CPU                   Module                         Function',
      '===',
      '464048546193152      005             nf_conntrack a_function_with_a_name_longer_than_its_column ( len: 84 )',
      '464048546193247      005                  vmlinux                           ip_rcv ( len: 84 )',
      '===',
      '464048546193247      005                      mod                 evil\\x1b[2J"name ( len: 84 )',
      '',
    ].join('\n'),
  );
});

test('AggregateOutput: without an extension a line ends after the function; without events there is the header', () => {
  expect(outputText(aggregate, [event(0x100, 0)], false).split('\n')[2]).toBe(
    '464048546193247      005                  vmlinux                           ip_rcv',
  );
  expect(outputText(aggregate, [])).toBe(
    'Timestamp            CPU                   Module                         Function\n',
  );
});

test('JsonOutput: one object a line, in order, escaped', () => {
  const text = outputText(json, [event(0x100, 0), event(0x200, 2, { isReturn: true, entryHigh: 0 })]);
  expect(text.split('\n')[0]).toBe(
    '{"packet_id":"0xffff888000000100","timestamp":464048546193247,"processor_id":5,"module":"vmlinux","function":"ip_rcv","is_return":false,"len":84}',
  );
  expect(JSON.parse(text.split('\n')[1] ?? '')).toMatchObject({ function: 'evil\x1b[2J"name', is_return: true });
  expect(outputText(json, [])).toBe('');
});

/** A call of target 0, with one of target 2 in it; times are in nanoseconds behind TIME. */
const at = (time: number) => ({ timestampLow: low(TIME + time), timestampHigh: Math.floor((TIME + time) / 2 ** 32) });
const entered = (time: number) => ({ entryLow: low(TIME + time), entryHigh: Math.floor((TIME + time) / 2 ** 32) });
const graph = {
  outer: event(0x100, 0, at(0)),
  inner: event(0x100, 2, { ...at(1000), depth: 1 }),
  innerReturn: event(0x100, 2, { ...at(2500), ...entered(1000), depth: 1, isReturn: true }),
  outerReturn: event(0x100, 0, { ...at(12345), ...entered(0), isReturn: true }),
};
const lines = (text: string) => text.trimEnd().split('\n');

test('AggregateOutput: calls are nested by two spaces, with the time that they took', () => {
  const { outer, inner, innerReturn, outerReturn } = graph;
  expect(lines(outputText(aggregate, [outer, inner, innerReturn, outerReturn], true, true)).slice(2)).toEqual([
    `464048546193247      005                  vmlinux ${'ip_rcv() {'.padEnd(64)} ( len: 84 )`,
    `464048546194247      005                      mod ${'  evil\\x1b[2J"name() {'.padEnd(64)} ( len: 84 )`,
    `464048546195747      005                      mod ${'  } 1.500us'.padEnd(64)} ( len: 84 )`,
    `464048546205592      005                  vmlinux ${'} 12.345us'.padEnd(64)} ( len: 84 )`,
  ]);
  expect(lines(outputText(aggregate, [outer, outerReturn], false, true)).slice(2)).toEqual([
    '464048546193247      005                  vmlinux ip_rcv() {',
    '464048546205592      005                  vmlinux } 12.345us',
  ]);
});

test('AggregateOutput: what is missing is named, and a return without fields ends before them', () => {
  const { outer, inner, innerReturn, outerReturn } = graph;
  const lost = { ...innerReturn, entryLost: true };
  const dropped = { ...outerReturn, hasFields: false };
  expect(lines(outputText(aggregate, [outer, lost, dropped], true, true)).slice(3)).toEqual([
    `464048546195747      005                      mod ${'  } lost entry of evil\\x1b[2J"name'.padEnd(64)} ( len: 84 )`,
    '464048546205592      005                  vmlinux } 12.345us',
  ]);
  const freed = { ...outerReturn, hasFields: false, skbFreed: true };
  expect(lines(outputText(aggregate, [outer, inner, freed], true, true)).slice(3)).toEqual([
    `464048546194247      005                      mod ${'  evil\\x1b[2J"name() { lost return'.padEnd(64)} ( len: 84 )`,
    '464048546205592      005                  vmlinux } 12.345us skb freed',
  ]);
});

test('JsonOutput: returns tell how long the call took, and which partner is missing', () => {
  const { outer, inner, innerReturn, outerReturn } = graph;
  const objects = (events: TraceEvent[]) =>
    lines(outputText(json, events, true, true)).map((line) => JSON.parse(line) as Record<string, unknown>);
  const [first, second, , last] = objects([outer, inner, innerReturn, outerReturn]);
  expect(first).toEqual({
    ...{ packet_id: '0xffff888000000100', timestamp: TIME, processor_id: 5, module: 'vmlinux', function: 'ip_rcv' },
    ...{ is_return: false, len: 84 },
  });
  expect(second).not.toHaveProperty('partner');
  expect(last).toEqual({ ...first, timestamp: TIME + 12345, is_return: true, duration_ns: 12345 });
  const damaged = objects([outer, inner, { ...outerReturn, hasFields: false, skbFreed: true }]);
  expect(damaged.map(({ partner }) => partner)).toEqual([undefined, 'lost', undefined]);
  expect(damaged[2]).toMatchObject({ skb_freed: true, duration_ns: 12345 });
  expect(damaged[2]).not.toHaveProperty('len');
  expect(objects([{ ...innerReturn, entryLost: true }])[0]).toMatchObject({ partner: 'lost', duration_ns: 1500 });
});
