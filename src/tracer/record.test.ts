import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import * as record from './record.js';

test('record.ts mirrors bpf/event.h', () => {
  const header = readFileSync(new URL('../../bpf/event.h', import.meta.url), 'utf8');
  const sizes: Record<string, number> = { __u64: 8, __u32: 4, __u16: 2, __u8: 0 };
  const layout = (struct: string) => {
    const body = new RegExp(`struct ${struct} \\{([^}]+)\\}`).exec(header)?.[1] ?? '';
    let offset = 0;
    const offsets: Record<string, number> = {};
    for (const [, type = '', name = ''] of body.matchAll(/^\t(__u\d+) (\w+)(?:\[\])?;/gm)) {
      offsets[name] = offset;
      offset += sizes[type] ?? Number.NaN;
    }
    return { ...offsets, size: offset };
  };
  expect(layout('ipft_event')).toEqual({
    ...{ skb: record.EVENT_SKB, timestamp_ns: record.EVENT_TIMESTAMP, target: record.EVENT_TARGET },
    ...{ cpu: record.EVENT_CPU, flags: record.EVENT_FLAGS, data: record.EVENT_DATA, size: record.EVENT_DATA },
  });
  expect(layout('ipft_cpu')).toEqual({
    lost: 0,
    lost_first_ns: 8,
    lost_last_ns: 16,
    matched: 24,
    size: record.CPU_SIZE,
  });
  const config = record.encodeConfig({ mark: 0xabcd, mask: 0xff, dataSize: 64, samplePeriod: 3 });
  expect(layout('ipft_config')).toEqual({ mark: 0, mask: 4, data_size: 8, sample_period: 12, size: config.length });
  expect([...new Uint32Array(config.buffer, config.byteOffset, 4)]).toEqual([0xcd, 0xff, 64, 3]);
});
