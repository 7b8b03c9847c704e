/** Values as text, as people read them. */
import type { Journey, Place, Process, TracedFunction } from './trace/trace.js';

/** Nanoseconds as `12.345 µs`, `1.200 ms`, `3.4 s`. */
export function formatDuration(ns: number): string {
  if (ns < 1000) return `${ns} ns`;
  if (ns < 1e6) return `${(ns / 1e3).toFixed(3)} µs`;
  if (ns < 1e9) return `${(ns / 1e6).toFixed(3)} ms`;
  return `${(ns / 1e9).toFixed(3)} s`;
}

/** A time since the trace began, in seconds: `0.012345678`. */
export function formatTime(ns: number): string {
  return (ns / 1e9).toFixed(9);
}

/** The time of day of a moment, in the reader's own time zone. @param began CLOCK_REALTIME of the trace's begin */
export function formatTimeOfDay(began: bigint, ns: number): string {
  const at = began + BigInt(Math.round(ns));
  const date = new Date(Number(at / 1_000_000n));
  const two = (value: number) => String(value).padStart(2, '0');
  const nanoseconds = String(at % 1_000_000_000n).padStart(9, '0');
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${nanoseconds}`;
}

export function formatNetns({ netns, name }: Place): string {
  if (netns === 0) return 'unknown';
  return name === null ? String(netns) : name;
}

export function formatPlace(place: Place): string {
  return place.device === '' ? formatNetns(place) : `${formatNetns(place)} ${place.device}`;
}

/** A function with its module, unless it is of the kernel itself. */
export function formatFunction({ name, module }: TracedFunction): string {
  return module === 'vmlinux' ? name : `${name} [${module}]`;
}

export function formatProcess({ command, pid, container, unit, pod }: Process): string {
  const group = pod ?? container?.name ?? container?.id?.slice(0, 12) ?? unit;
  return `${command}${pid === undefined ? '' : `[${pid}]`}${group === undefined ? '' : ` (${group})`}`;
}

/** The flow of a packet, `10.0.0.1:4711 > 10.0.0.2:80`, or what else is known of it. */
export function formatPacket(journey: Journey): string {
  const { endpoints, text, packetId } = journey;
  if (text !== undefined) return text;
  return endpoints ? `${endpoints.source} > ${endpoints.destination}` : packetId;
}

/** `1,234`, `1,234.567800`: the whole part in groups. `toLocaleString` takes 15 ms when it is first asked. */
export function formatNumber(value: number, decimals = 0): string {
  return value.toFixed(decimals).replace(/^-?\d+/, (whole) => whole.replace(/\B(?=(\d{3})+$)/g, ','));
}

/** `1 packet`, `1,234 packets` */
export function counted(count: number, noun: string): string {
  return `${formatNumber(count)} ${noun}${count === 1 ? '' : 's'}`;
}
