import { expect, test } from 'vitest';
import { encodeConfig } from './config.js';
import * as layout from './layout.js';

const tracepoints = { dropHasReason: true, consumeHasLocation: true };
const flags = {
  ...tracepoints,
  directReads: true,
  follow: true,
  wants: true,
  where: true,
  processes: false,
  who: false,
  neighbours: false,
};
const sizes = {
  dataSize: 72,
  samplePeriod: 3,
  snaplen: 96,
  module: { offset: 8, dataBytes: 64 },
  fields: undefined,
  ...{ script: undefined, show: undefined },
};

test('encodeConfig: each member in its place', () => {
  const config = Buffer.from(encodeConfig({ ...sizes, ...flags }));
  expect(config.length).toBe(layout.CONFIG_SIZE);
  expect(config.readUInt32LE(layout.CONFIG_DATA_SIZE)).toBe(72);
  const part = (at: number) => [config.readUInt32LE(at + layout.PART_AT), config.readUInt32LE(at + layout.PART_BYTES)];
  expect(part(layout.CONFIG_MODULE)).toEqual([8, 64]);
  expect(part(layout.CONFIG_FIELDS)).toEqual([0, 0]);
  expect(config.readUInt32LE(layout.CONFIG_SAMPLE_PERIOD)).toBe(3);
  expect(config.readUInt32LE(layout.CONFIG_SNAPLEN)).toBe(96);
  expect(config.subarray(layout.CONFIG_SYMBOL_FORMAT).toString('latin1', 0, 4)).toBe('%pS\0');
  for (const [flag, offset] of [
    ['directReads', layout.CONFIG_DIRECT_READS],
    ['follow', layout.CONFIG_FOLLOW],
    ['dropHasReason', layout.CONFIG_DROP_HAS_REASON],
    ['consumeHasLocation', layout.CONFIG_CONSUME_HAS_LOCATION],
    ['wants', layout.CONFIG_WANTS],
    ['where', layout.CONFIG_WHERE],
  ] as const) {
    const without = encodeConfig({ ...sizes, ...flags, [flag]: false });
    expect(config.readUInt32LE(offset)).toBe(1);
    expect([...without.keys()].filter((at) => without[at] !== config[at])).toEqual([offset]);
  }
});

test('encodeConfig: what is counted', () => {
  const { CONFIG_COUNTS, CONFIG_PRESENCES, CONFIG_HISTOGRAM, CONFIG_NUMBER_AT } = layout;
  const encode = (counting: Parameters<typeof encodeConfig>[0]['counting']) => {
    const config = Buffer.from(encodeConfig({ ...sizes, ...flags, counting }));
    return [CONFIG_COUNTS, CONFIG_PRESENCES, CONFIG_HISTOGRAM, CONFIG_NUMBER_AT].map((at) => config.readUInt32LE(at));
  };
  expect(encode(undefined)).toEqual([0, 0, 0, 0]);
  expect(encode({ per: 'packet', presenceBytes: 3, histogram: undefined })).toEqual([1, 3, 0, 0]);
  expect(encode({ per: 'call', presenceBytes: 0, histogram: { offset: 24, isSigned: false } })).toEqual([2, 0, 1, 24]);
  expect(encode({ per: 'call', presenceBytes: 0, histogram: { offset: 8, isSigned: true } })).toEqual([2, 0, 2, 8]);
});

test('encodeConfig: whether journeys have processes', () => {
  const who = (isTold: boolean) =>
    Buffer.from(encodeConfig({ ...sizes, ...flags, who: isTold })).readUInt32LE(layout.CONFIG_WHO);
  expect([who(true), who(false)]).toEqual([1, 0]);
});

test('encodeConfig: whether neighbours are followed', () => {
  const neighbours = (areFollowed: boolean) =>
    Buffer.from(encodeConfig({ ...sizes, ...flags, neighbours: areFollowed })).readUInt32LE(layout.CONFIG_NEIGHBOURS);
  expect([neighbours(true), neighbours(false)]).toEqual([1, 0]);
});

test('encodeConfig: a program alone is asked apart from all that asks for more', () => {
  const filters = (more: object) =>
    Buffer.from(encodeConfig({ ...sizes, ...flags, ...more })).readUInt32LE(layout.CONFIG_FILTERS);
  const connections = { mark: { value: 0, mask: 0 } };
  expect(filters({ wants: false, where: false })).toBe(layout.IPFT_FILTERS_NOTHING);
  expect(filters({ wants: false })).toBe(layout.IPFT_FILTERS_BY_PROGRAM);
  expect(filters({ where: false })).toBe(layout.IPFT_FILTERS_BY_PROGRAM);
  expect(filters({})).toBe(layout.IPFT_FILTERS_BY_PROGRAM);
  expect(filters({ connections })).toBe(layout.IPFT_FILTERS_BY_MORE);
  expect(filters({ processes: true })).toBe(layout.IPFT_FILTERS_BY_MORE);
  expect(filters({ wants: false, where: false, places: { netns: [1], devices: [] } })).toBe(
    layout.IPFT_FILTERS_BY_MORE,
  );
});

test('encodeConfig: a name is compared up to its end, so that nothing behind it counts', () => {
  const places = {
    netns: [0xf0000001],
    devices: [
      { name: 'eth0', netns: 0xf0000002 },
      { name: 'longest-name-15', netns: undefined },
    ],
  };
  const bytes = Buffer.from(encodeConfig({ ...sizes, ...flags, places })).subarray(layout.CONFIG_PLACES);
  expect(bytes.readUInt32LE(layout.WANTED_PLACES_NETNS_COUNT)).toBe(1);
  expect(bytes.readUInt32LE(layout.WANTED_PLACES_NETNS)).toBe(0xf0000001);
  expect(bytes.readUInt32LE(layout.WANTED_PLACES_DEVICE_COUNT)).toBe(2);
  const device = (index: number) => {
    const one = bytes.subarray(layout.WANTED_PLACES_DEVICES + index * layout.WANTED_DEVICE_SIZE);
    const text = (at: number) => one.subarray(at, at + 16).toString('latin1');
    return {
      name: text(layout.WANTED_DEVICE_NAME),
      mask: text(layout.WANTED_DEVICE_MASK),
      netns: one.readUInt32LE(layout.WANTED_DEVICE_NETNS),
    };
  };
  expect(device(0)).toEqual({
    name: 'eth0'.padEnd(16, '\0'),
    mask: '\xff'.repeat(5).padEnd(16, '\0'),
    netns: 0xf0000002,
  });
  expect(device(1)).toEqual({ name: 'longest-name-15\0', mask: '\xff'.repeat(16), netns: 0 });
});

test('encodeConfig: the mark is there only with connections, where no instruction compares it', () => {
  const mark = { value: 0x80000001, mask: 0xffffffff };
  const read = (config: Uint8Array) =>
    [layout.CONFIG_CONNECTIONS, layout.CONFIG_MARK, layout.CONFIG_MASK].map((at) =>
      Buffer.from(config).readUInt32LE(at),
    );
  expect(read(encodeConfig({ ...sizes, ...flags }))).toEqual([0, 0, 0]);
  expect(read(encodeConfig({ ...sizes, ...flags, connections: { mark } }))).toEqual([1, 0x80000001, 0xffffffff]);
});
