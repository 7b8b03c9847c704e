/**
 * Plans the size of the ring and the memory for journeys, so that all fits into the memory that the process may have.
 */

import { IPFT_MAX_HOLDERS, IPFT_MAX_JOURNEYS, JOURNEY_SIZE } from '../abi/layout.js';
import { EnvironmentError } from '../base/errors.js';
import type { TracerName } from '../base/method.js';
import { endsBytes } from '../capture/load.js';
import type { MemoryRoom } from '../kernel/memory.js';
import type { Backend } from '../probes/backend.js';
import { RING_BYTES } from './plan.js';

/**
 * The memory that tracing takes from loading on, without the rings: the table of journeys, programs, and the growth of
 * Node while it attaches and reads.
 */
const REST_BYTES = IPFT_MAX_JOURNEYS * JOURNEY_SIZE + (12 << 20);
/**
 * The memory that is taken before loading, when the kernel's types are read and functions are chosen. Measured on Linux
 * 6.12, from 14M at the start to 32M with patterns, and to 54M and more without.
 */
const READING_BYTES = { filtered: 18 << 20, all: 40 << 20 };
/** The part of the remaining memory for the rings; the rest is for journeys. */
const PART_FOR_RINGS = 0.5;
/**
 * The kernel's memory for a function with a link of its own. Measured on Linux 6.12, with 160 functions: 4K for a
 * kprobe, 30K for a program and its trampoline; returns need another pair.
 */
const ATTACHED_BYTES = { kprobe: 6 << 10, trampoline: 40 << 10 };
/** The kernel's memory for the sockets of processes: an element of such a map takes some 100 bytes. */
const HOLDERS_BYTES = IPFT_MAX_HOLDERS * 104;
const LEAST_KEPT_BYTES = 1 << 20;
const SMALLEST_RING_BYTES = 1 << 16;

export interface MemoryWish {
  readonly ringSizeBytes: number;
  /** Whether the user has given the size. */
  readonly ringIsGiven: boolean;
  /** The memory for journeys, in bytes. */
  readonly maxMemoryBytes?: number;
  readonly maxMemoryIsGiven?: boolean;
}

export interface MemoryPlan {
  readonly ringSizeBytes: number;
  readonly maxMemoryBytes: number;
  /** A message for the user. */
  readonly warning: string | undefined;
}

/** The kernel's memory for so many functions. */
export function attachedBytes(
  { oneByOne, access }: Pick<Backend, 'oneByOne' | 'access'>,
  tracer: TracerName,
  functions: number,
): number {
  if (!oneByOne) return 0;
  if (access !== 'trampoline') return functions * ATTACHED_BYTES.kprobe;
  return functions * ATTACHED_BYTES.trampoline * (tracer === 'function_graph' ? 2 : 1);
}

/** The kernel's memory for what tells of processes. */
export function processBytes(who: boolean): number {
  return who ? HOLDERS_BYTES : 0;
}

/**
 * Checks the memory before the kernel is read.
 * @param isFiltered whether patterns choose few functions
 * @throws EnvironmentError `NO_MEMORY` where not even the smallest ring would fit
 */
export function checkMemory({ isFiltered }: { isFiltered: boolean }, room: MemoryRoom | undefined): void {
  const rest = REST_BYTES + (isFiltered ? READING_BYTES.filtered : READING_BYTES.all);
  if (room && room.freeBytes < rest + ringsBytes(SMALLEST_RING_BYTES)) throw refuse(SMALLEST_RING_BYTES, room, rest);
}

/**
 * @param room undefined where there is no limit
 * @param attached see `attachedBytes`
 * @throws EnvironmentError `NO_MEMORY` where the kernel would end the process
 */
export function planMemory(wish: MemoryWish, room: MemoryRoom | undefined, attached: number): MemoryPlan {
  const {
    ringSizeBytes: wanted,
    ringIsGiven,
    maxMemoryIsGiven = false,
    maxMemoryBytes = Number.POSITIVE_INFINITY,
  } = wish;
  if (!room) return { ringSizeBytes: wanted, maxMemoryBytes, warning: undefined };
  const rest = REST_BYTES + attached;
  const left = room.freeBytes - rest;
  let ring = wanted;
  while (!ringIsGiven && ring > SMALLEST_RING_BYTES && ringsBytes(ring) > left * PART_FOR_RINGS) ring /= 2;
  if (ringsBytes(ring) > left) throw refuse(ring, room, rest);
  const warning =
    ring < wanted
      ? `the ring has ${formatSize(ring)} instead of ${formatSize(wanted)}: ${describe(room)}; --ring-size asks for another`
      : undefined;
  const kept = Math.max(LEAST_KEPT_BYTES, left - ringsBytes(ring));
  return {
    ringSizeBytes: ring,
    maxMemoryBytes: maxMemoryIsGiven ? maxMemoryBytes : Math.min(maxMemoryBytes, kept),
    warning,
  };
}

function refuse(ring: number, room: MemoryRoom, rest: number): EnvironmentError {
  const largest = largestRing(room.freeBytes - rest);
  const needed = formatSize(ringsBytes(ring) + rest);
  return new EnvironmentError(
    'NO_MEMORY',
    `tracing with a ring of ${formatSize(ring)} needs ${needed} more memory, and ${describe(room)}`,
    largest === undefined ? room.remedy : `--ring-size ${formatSize(largest)} would fit`,
  );
}

function describe({ freeBytes, limitBytes, name }: MemoryRoom): string {
  return `${name} with its limit of ${formatSize(limitBytes)} leaves ${formatSize(freeBytes)}`;
}

function largestRing(left: number): number | undefined {
  for (let ring = RING_BYTES.most; ring >= SMALLEST_RING_BYTES; ring /= 2) if (ringsBytes(ring) <= left) return ring;
  return undefined;
}

/** The bytes of both rings. */
function ringsBytes(ring: number): number {
  return ring + endsBytes(ring);
}

/** A size as the command line takes it: `16M`. */
export function formatSize(bytes: number): string {
  if (bytes >= 1 << 20) return `${Math.floor(bytes / (1 << 20))}M`;
  return bytes >= 1024 ? `${Math.floor(bytes / 1024)}K` : String(bytes);
}
