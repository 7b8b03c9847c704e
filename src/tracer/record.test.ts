import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import * as record from './record.js';

test('record.ts mirrors bpf/event.h', () => {
  const header = readFileSync(new URL('../../bpf/event.h', import.meta.url), 'utf8');
  const sizes: Record<string, number> = { __u64: 8, __u32: 4, __u16: 2, __u8: 1 };
  const layout = (struct: string) => {
    const body = new RegExp(`struct ${struct} \\{([^}]+)\\}`).exec(header)?.[1] ?? '';
    let offset = 0;
    const offsets: Record<string, number> = {};
    for (const [, type = '', name = '', array] of body.matchAll(/^\t(__u\d+) (\w+)(\[\])?;/gm)) {
      offsets[name] = offset;
      offset += array ? 0 : (sizes[type] ?? Number.NaN);
    }
    return { ...offsets, size: offset };
  };
  expect(layout('ipft_event')).toEqual({
    ...{ skb: record.EVENT_SKB, timestamp_ns: record.EVENT_TIMESTAMP, target: record.EVENT_TARGET },
    ...{
      cpu: record.EVENT_CPU,
      flags: record.EVENT_FLAGS,
      depth: record.EVENT_DEPTH,
      data: record.EVENT_DATA,
      size: record.EVENT_DATA,
    },
  });
  expect(layout('ipft_cpu')).toEqual({
    lost: 0,
    lost_first_ns: 8,
    lost_last_ns: 16,
    matched: 24,
    calls: 32,
    size: record.CPU_SIZE,
  });
  const defines = Object.fromEntries(
    [...header.matchAll(/^#define (IPFT_\w+)\s+\(?(1u << )?(\d+)/gm)].map(([, name, shift, value]) => {
      return [name, shift ? 2 ** Number(value) : Number(value)];
    }),
  );
  expect(defines).toMatchObject({
    ...{ IPFT_EVENT_RETURN: record.IPFT_EVENT_RETURN, IPFT_EVENT_NO_FIELDS: record.IPFT_EVENT_NO_FIELDS },
    ...{ IPFT_EVENT_FREED: record.IPFT_EVENT_FREED, IPFT_EVENT_ENTRY_LOST: record.IPFT_EVENT_ENTRY_LOST },
    ...{ IPFT_TARGET_HIDDEN: record.TARGET_HIDDEN, IPFT_TARGET_FREES: record.TARGET_FREES },
  });
  const config = record.encodeConfig({ mark: 0xabcd, mask: 0xff, dataSize: 64, samplePeriod: 3, directReads: true });
  expect(layout('ipft_config')).toEqual({
    mark: 0,
    mask: 4,
    data_size: 8,
    sample_period: 12,
    direct_reads: 16,
    size: config.length,
  });
  expect([...new Uint32Array(config.buffer, config.byteOffset, 5)]).toEqual([0xcd, 0xff, 64, 3, 1]);
});
