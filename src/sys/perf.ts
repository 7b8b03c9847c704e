/** Kprobes as perf events: `linux/perf_event.h`. */
import { readFileSync } from 'node:fs';
import { Descriptor } from './descriptor.js';
import { addressOf, ioctl, perfEventOpenAsync } from './libc.js';

const PERF_EVENT_IOC_SET_BPF = 0x40042408;
/** PERF_ATTR_SIZE_VER1: up to config2, which every kernel here knows. */
const ATTR_BYTES = 72;

/** The PMU type of kprobe events; undefined if the kernel has none (CONFIG_KPROBE_EVENTS). */
export function loadKprobeEventType(): number | undefined {
  try {
    return Number(readFileSync('/sys/bus/event_source/devices/kprobe/type', 'latin1'));
  } catch {
    return undefined;
  }
}

/** The setting `kernel.perf_event_paranoid`: a higher value allows less; -1 where it can't be read. */
export function loadPerfEventParanoid(): number {
  try {
    return Number(readFileSync('/proc/sys/kernel/perf_event_paranoid', 'latin1'));
  } catch {
    return -1;
  }
}

/**
 * Sets a kprobe at the beginning of a function. Requires Linux 4.17.
 * @param type as `loadKprobeEventType` tells
 * @param where the function's name, `module:name` for one of a module; or its address
 * @returns the event, or a negative errno: ENOENT if there is no such function, EINVAL if it can't be probed
 */
export async function openKprobe(type: number, where: string | bigint): Promise<Descriptor | number> {
  const text = Buffer.from(`${where}\0`);
  const attr = Buffer.alloc(ATTR_BYTES);
  attr.writeUInt32LE(type, 0);
  attr.writeUInt32LE(ATTR_BYTES, 4);
  if (typeof where === 'string')
    attr.writeBigUInt64LE(addressOf(text), 56); // config1: kprobe_func
  else attr.writeBigUInt64LE(where, 64); // config2: kprobe_addr
  const result = await perfEventOpenAsync(attr);
  // Used after the call, so that the buffer is not collected before.
  if (text.length === 0 || result < 0) return result;
  return new Descriptor(result);
}

/** Lets an event run a program; returns 0 or a negative errno. */
export function setEventProgram(eventFd: number, programFd: number): number {
  return ioctl(eventFd, PERF_EVENT_IOC_SET_BPF, programFd);
}
