import { expect, test } from 'vitest';
import { fakeKernel } from '../../../tests/support/fake-kernel.js';
import { type CountQuery, countSource, readCount } from './count.js';

const NAMES = { countBy: '--count-by', histogram: '--hist' };
const types = fakeKernel();
const read = (by: readonly string[], histogram?: string, per: CountQuery['per'] = 'packet') =>
  readCount({ by, histogram, per }, NAMES);
const load = (by: readonly string[], histogram?: string) => countSource(read(by, histogram), NAMES, () => types).load();

test('countSource: data with presence, and the number of a histogram in 64 bits', async () => {
  const set = await load(['skb->len', 'skb->dev->name as device'], 'skb->half');
  expect(set.layout.fields.map(({ name }) => name)).toEqual(['len', 'device', 'half']);
  expect(set.counted).toMatchObject({ presenceBytes: 1, histogram: { name: 'half', isSigned: true } });
  const number = set.layout.fields[2]!;
  expect(number).toMatchObject({ bits: 64, offset: set.counted!.histogram!.offset });
  expect(set.counted!.histogram!.offset % 8).toBe(0);
  expect((await load([], 'skb->huge')).counted).toMatchObject({ histogram: { isSigned: false } });
  expect((await load(['skb->len'])).counted).toEqual({ presenceBytes: 0, histogram: undefined });
});

test.each([
  [['skb->len', 'skb->mark as len'], undefined, /^--count-by: skb->len and skb->mark are both called len/],
  [['skb->len'], 'skb->len', /^--hist: skb->len and skb->len are both called len/],
  [[], 'skb->len, skb->mark', /^--hist: a histogram is of one number, at character 11/],
  [[], 'skb->len:hex', /^--hist: a histogram has no format/],
  [['skb->'], undefined, /^--count-by: /],
] as const)('readCount: %j by %s is refused', (by, histogram, message) => {
  expect(() => read(by, histogram)).toThrow(message);
});

test.each([
  [[], 'skb->dev->name', /^--hist: /],
  [[], 'comm', /^--hist: this is a text/],
  [['skb->nothing'], undefined, /^--count-by: struct sk_buff has no member nothing/],
  [
    Array.from({ length: 9 }, (_, index) => `comm as c${index}`),
    undefined,
    /^--count-by: with c8 the fields have 144 bytes, and all together may have 128/,
  ],
] as const)('countSource: %j by %s is refused', async (by, histogram, message) => {
  await expect(load(by, histogram)).rejects.toThrow(message);
});
