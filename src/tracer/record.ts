/** The layouts of `bpf/event.h`, mirrored. Offsets and sizes in bytes, little-endian. */

/** struct ipft_event */
export const EVENT_SKB = 0;
export const EVENT_TIMESTAMP = 8;
export const EVENT_TARGET = 16;
export const EVENT_CPU = 20;
export const EVENT_FLAGS = 22;
export const EVENT_DEPTH = 23;
export const EVENT_DATA = 24;

/** Bits of its flags. */
export const IPFT_EVENT_RETURN = 1;
export const IPFT_EVENT_NO_FIELDS = 2;
export const IPFT_EVENT_FREED = 4;
export const IPFT_EVENT_ENTRY_LOST = 8;

/** Bits of the attach cookie. */
export const TARGET_HIDDEN = 0x80000000;
export const TARGET_FREES = 0x40000000;

/** struct ipft_config, as the initial value of the section `.rodata.ipft` */
export function encodeConfig(config: {
  mark: number;
  mask: number;
  dataSize: number;
  samplePeriod: number;
  directReads: boolean;
}): Uint8Array {
  const bytes = Buffer.alloc(20);
  // What a masked mark can't be is never found; `-m` says so, the program need not know.
  bytes.writeUInt32LE((config.mark & config.mask) >>> 0, 0);
  bytes.writeUInt32LE(config.mask, 4);
  bytes.writeUInt32LE(config.dataSize, 8);
  bytes.writeUInt32LE(config.samplePeriod, 12);
  bytes.writeUInt32LE(config.directReads ? 1 : 0, 16);
  return bytes;
}

/** struct ipft_cpu */
export const CPU_SIZE = 40;
const CPU_LOST = 0;
const CPU_LOST_FIRST = 8;
const CPU_LOST_LAST = 16;

/** What one CPU lost since tracing began. */
export interface CpuLoss {
  readonly cpu: number;
  /** Events that found no room in the ring. */
  readonly lost: bigint;
  /** When the first and the last of them were lost: nanoseconds of CLOCK_MONOTONIC. */
  readonly firstNs: bigint;
  readonly lastNs: bigint;
}

/** Reads the structs ipft_cpu of all CPUs, and keeps those that lost something. */
export function decodeLosses(view: DataView): CpuLoss[] {
  const losses: CpuLoss[] = [];
  for (let cpu = 0; (cpu + 1) * CPU_SIZE <= view.byteLength; cpu++) {
    const at = cpu * CPU_SIZE;
    const lost = view.getBigUint64(at + CPU_LOST, true);
    if (lost === 0n) continue;
    losses.push({
      cpu,
      lost,
      firstNs: view.getBigUint64(at + CPU_LOST_FIRST, true),
      lastNs: view.getBigUint64(at + CPU_LOST_LAST, true),
    });
  }
  return losses;
}
