import { expect, test } from 'vitest';
import type { FieldWriter, TraceEvent } from '../base/event.js';
import { AggregateOutput } from './aggregate.js';
import { JsonOutput } from './json.js';
import type { Output, OutputContext } from './output.js';

const targets = [
  { name: 'ip_rcv', module: 'vmlinux', skbPosition: 0 },
  { name: 'a_function_with_a_name_longer_than_its_column', module: 'nf_conntrack', skbPosition: 0 },
  { name: 'evil\x1b[2J"name', module: 'mod', skbPosition: 0 },
];
const fields: FieldWriter = {
  text: (out, data, offset) => out.text(`len: ${data.getUint8(offset)}`),
  json: (out, data, offset) => out.text(`,"len":${data.getUint8(offset)}`),
};
const TIME = 464048546193247;
const low = (time: number) => time % 2 ** 32;
const event = (skbLow: number, target: number, over: Partial<TraceEvent> = {}): TraceEvent => ({
  ...{
    skbLow,
    skbHigh: 0xffff8880,
    timestampLow: low(TIME),
    timestampHigh: Math.floor(TIME / 2 ** 32),
    target,
    cpu: 5,
    isReturn: false,
  },
  data: new DataView(Uint8Array.of(84).buffer),
  dataOffset: 0,
  ...over,
});

function outputText(create: (context: OutputContext) => Output, events: TraceEvent[], withFields = true): string {
  const output = create({ targets, fields: withFields ? fields : undefined, dataSize: withFields ? 1 : 0 });
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
  const text = outputText(json, [event(0x100, 0), event(0x200, 2, { isReturn: true })]);
  expect(text.split('\n')[0]).toBe(
    '{"packet_id":"0xffff888000000100","timestamp":464048546193247,"processor_id":5,"module":"vmlinux","function":"ip_rcv","is_return":false,"len":84}',
  );
  expect(JSON.parse(text.split('\n')[1] ?? '')).toMatchObject({ function: 'evil\x1b[2J"name', is_return: true });
  expect(outputText(json, [])).toBe('');
});
