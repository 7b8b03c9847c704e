import { expect, test } from 'vitest';
import { createTrace } from '../timeline/testing.js';
import { chooseColumns, toggleColumn, widthsOf } from './columns.js';

const names = (text: string | undefined) => chooseColumns(text).map(({ name }) => name);

test('the address names columns, in its order; what is none is left out', () => {
  expect(names('outcome,number,nothing,__proto__,outcome')).toEqual(['outcome', 'number']);
  expect(names('')).toEqual(names(undefined));
  expect(names('nothing')).toEqual(names(undefined));
});

test('a column comes and goes, and the usual ones need no address', () => {
  const more = toggleColumn(undefined, 'lost');
  expect(names(more)).toEqual(['number', 'begin', 'took', 'events', 'lost', 'packet', 'outcome', 'where', 'by']);
  expect(toggleColumn(more, 'lost')).toBeUndefined();
  expect(toggleColumn('number', 'number')).toBe('number');
});

test('numbers are as wide as the widest, texts give way', () => {
  const trace = createTrace([
    { begin: 0, events: [{ time: 0 }] },
    { begin: 123_456_789_012, end: 123_456_789_013, events: [{ time: 123_456_789_012 }], text: 'x'.repeat(10_000) },
  ]);
  expect(widthsOf(chooseColumns('begin,packet'), trace.journeys, trace)).toEqual({
    columns: 'calc(13ch + 17px) minmax(calc(30ch + 17px), 60fr)',
    least: 'calc(43ch + 34px)',
  });
  expect(widthsOf(chooseColumns('begin'), [], trace).columns).toBe('calc(10ch + 17px)');
});
