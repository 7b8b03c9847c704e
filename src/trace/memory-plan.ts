/** How large the ring is, and how much may be kept: what is taken must fit into what the process may have. */

import { IPFT_MAX_JOURNEYS, JOURNEY_SIZE } from '../abi/layout.js';
import { EnvironmentError } from '../base/errors.js';
import type { TracerName } from '../base/method.js';
import { endsBytes } from '../capture/load.js';
import type { MemoryRoom } from '../kernel/memory.js';
import type { Backend } from '../probes/backend.js';
import { RING_BYTES } from './plan.js';

/**
 * What tracing takes besides the rings once its programs are to be loaded: the table of journeys, programs, and what Node
 * grows by while it attaches and reads.
 */
const REST_BYTES = IPFT_MAX_JOURNEYS * JOURNEY_SIZE + (12 << 20);
/**
 * What is taken before that: the kernel's types are read, and functions are chosen. Measured on Linux 6.12, from 14M at the
 * start to 32M with filters, and to 54M and more without.
 */
const READING_BYTES = { filtered: 18 << 20, all: 40 << 20 };
/** Of what is left when that is taken, the part for the rings; the rest is for what is kept of journeys. */
const PART_FOR_RINGS = 0.5;
/**
 * What the kernel takes for a function where each is attached by itself. Measured on Linux 6.12, with 160 functions: 4K for
 * a kprobe, 30K for a program and its trampoline, of which returns need another.
 */
const ATTACHED_BYTES = { kprobe: 6 << 10, trampoline: 40 << 10 };
const LEAST_KEPT_BYTES = 1 << 20;
const SMALLEST_RING_BYTES = 1 << 16;

export interface MemoryWish {
  readonly ringSizeBytes: number;
  /** Whether the user wants that size and no other. */
  readonly ringIsGiven: boolean;
  /** How much may be kept of journeys. */
  readonly maxMemoryBytes?: number;
  readonly maxMemoryIsGiven?: boolean;
}

export interface MemoryPlan {
  readonly ringSizeBytes: number;
  readonly maxMemoryBytes: number;
  /** What the user should know of it. */
  readonly notice: string | undefined;
}

/** What so many functions take, besides what there is for all of them. */
export function attachedBytes(
  { oneByOne, access }: Pick<Backend, 'oneByOne' | 'access'>,
  tracer: TracerName,
  functions: number,
): number {
  if (!oneByOne) return 0;
  if (access !== 'trampoline') return functions * ATTACHED_BYTES.kprobe;
  return functions * ATTACHED_BYTES.trampoline * (tracer === 'function_graph' ? 2 : 1);
}

/**
 * To be called before the kernel is read, which takes memory too.
 * @param isFiltered whether few of the functions are wanted
 * @throws EnvironmentError `NO_MEMORY` where not even the smallest ring would fit
 */
export function checkMemory({ isFiltered }: { isFiltered: boolean }, room: MemoryRoom | undefined): void {
  const rest = REST_BYTES + (isFiltered ? READING_BYTES.filtered : READING_BYTES.all);
  if (room && room.freeBytes < rest + ringsBytes(SMALLEST_RING_BYTES)) throw refuse(SMALLEST_RING_BYTES, room, rest);
}

/**
 * @param room nothing where there is no limit
 * @param attached what the functions take that are attached to: see `attachedBytes`
 * @throws EnvironmentError `NO_MEMORY` where the kernel would end the process
 */
export function planMemory(wish: MemoryWish, room: MemoryRoom | undefined, attached: number): MemoryPlan {
  const {
    ringSizeBytes: wanted,
    ringIsGiven,
    maxMemoryIsGiven = false,
    maxMemoryBytes = Number.POSITIVE_INFINITY,
  } = wish;
  if (!room) return { ringSizeBytes: wanted, maxMemoryBytes, notice: undefined };
  const rest = REST_BYTES + attached;
  const left = room.freeBytes - rest;
  let ring = wanted;
  while (!ringIsGiven && ring > SMALLEST_RING_BYTES && ringsBytes(ring) > left * PART_FOR_RINGS) ring /= 2;
  if (ringsBytes(ring) > left) throw refuse(ring, room, rest);
  const notice =
    ring < wanted
      ? `the ring has ${formatSize(ring)} instead of ${formatSize(wanted)}: ${describe(room)}; --ring-size asks for another`
      : undefined;
  const kept = Math.max(LEAST_KEPT_BYTES, left - ringsBytes(ring));
  return {
    ringSizeBytes: ring,
    maxMemoryBytes: maxMemoryIsGiven ? maxMemoryBytes : Math.min(maxMemoryBytes, kept),
    notice,
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

/** The ring of events and that of ends. */
function ringsBytes(ring: number): number {
  return ring + endsBytes(ring);
}

/** As sizes are given: `16M`. */
export function formatSize(bytes: number): string {
  if (bytes >= 1 << 20) return `${Math.floor(bytes / (1 << 20))}M`;
  return bytes >= 1024 ? `${Math.floor(bytes / 1024)}K` : String(bytes);
}
