/** Notices of the kernel side, and journeys as outputs get them. Times are nanoseconds of CLOCK_MONOTONIC. */

import type { JourneyProcess } from './process.js';
import type { Snapshot } from './snapshot.js';

/** The place of a packet. */
export interface Place {
  /** Inode of the network namespace. */
  readonly netns: number;
  /** 0 if it has no device yet. */
  readonly ifindex: number;
  readonly device: string;
}

/** The begin of a journey; comes before its first event. */
export interface Began {
  /**
   * The journey id. Events carry its low 32 bits, the short id: no two living journeys share it, but a journey that
   * begins later may have it again.
   */
  readonly journey: number;
  readonly timestampNs: bigint;
  /** Address of the skb. */
  readonly packetId: bigint;
  /** The short id of the journey that this one is a copy of; 0 for none. */
  readonly parent: number;
  readonly place: Place | undefined;
  /** Whether its first events were in an earlier part of a recording, which is not read. */
  readonly isCarried?: boolean;
}

/** The move of a packet to another place; comes before its first event there. */
export interface Moved {
  readonly journey: number;
  readonly place: Place;
}

/** How far packets get. */
export const FATE_STAGES = ['none', 'sent', 'queued', 'processed', 'unread'] as const;
export type FateStage = (typeof FATE_STAGES)[number];

/** A snapshot of a packet, taken where it was first seen with such headers, or at such a place; comes before that event. */
export interface Snapped {
  readonly journey: number;
  readonly snapshot: Snapshot;
}

/** The facts of a packet's end. Many packets share one, which is the same object for all of them. */
export interface Fate {
  readonly dropped: boolean;
  /** Whether the packet was received from a device. */
  readonly received: boolean;
  /**
   * How far the packet got since. `processed`: TCP had taken in all its data when it was dropped; `unread`: TCP got it,
   * and the socket was closed before all its data were read.
   */
  readonly stage: FateStage;
  /** A value of `enum skb_drop_reason` or of a subsystem's enum; 0 if the kernel tells none. */
  readonly reason: number;
  /** The address behind the call that dropped or consumed the packet; 0 if it is not known. */
  readonly location: bigint;
  /** The name of the location, if the kernel tells it: `ip_rcv+0x10/0x40 [module]`. */
  readonly symbol: string;
  /** Of a packet that was sent. */
  readonly device: string;
  /** Of a packet that was queued: AF_… and IPPROTO_… of the socket. */
  readonly family: number;
  readonly protocol: number;
}

/** The location in a symbol as the kernel writes it, `name+0x10` of `name+0x10/0x40 [module]`; undefined if it names none. */
export function locationOf(symbol: string): string | undefined {
  return /^([^/ ]+)\//.exec(symbol)?.[1];
}

/**
 * The end of a journey: the skb was freed. Ends have a ring of their own, so that the journey's last events may come
 * later, and the begin of the next journey at its address may come before.
 */
export interface Ended {
  /** As `Began.journey`. */
  readonly journey: number;
  readonly timestampNs: bigint;
  /** The number of its events so far, lost ones included. */
  readonly events: number;
  readonly fate: Fate;
}

/** A journey that the kernel side has not ended. */
export interface Living {
  readonly journey: number;
  /** The number of its events so far, lost ones included. */
  readonly events: number;
  /**
   * The end that is to come, if the skb is being freed. If its time is long ago, the call that ends the journey was
   * missed.
   */
  readonly freeing: Ended | undefined;
}

/**
 * How a journey ended:
 *
 * - `delivered`: a socket got it
 * - `forwarded`: a device got it, after another one had brought it
 * - `transmitted`: a device got it
 * - `dropped`: it was lost for its receiver
 * - `processed`: TCP took in all that it brought; then the kernel freed it in the way of dropped packets
 * - `consumed`: it was used up in another way: merged, answered, segmented, acknowledged
 * - `alive`: it was not freed when tracing ended
 * - `unknown`: its end was lost
 */
export type Outcome =
  | 'delivered'
  | 'forwarded'
  | 'transmitted'
  | 'dropped'
  | 'processed'
  | 'consumed'
  | 'alive'
  | 'unknown';

/** The outcome of a fate. */
export function outcomeOf({ dropped, stage, received }: Fate): Outcome {
  if (dropped) return stage === 'processed' ? 'processed' : 'dropped';
  if (stage === 'unread') return 'dropped';
  if (stage === 'queued') return 'delivered';
  if (stage === 'sent') return received ? 'forwarded' : 'transmitted';
  return 'consumed';
}

/** All outcomes. */
export const OUTCOMES: readonly Outcome[] = [
  ...(['delivered', 'forwarded', 'transmitted', 'dropped', 'processed', 'consumed', 'alive', 'unknown'] as const),
];

/** One packet from its first event until its skb was freed. */
export interface Journey {
  /** Counted from 1, in the order in which journeys began. */
  readonly number: number;
  /** The short id, which its events carry. */
  readonly shortId: number;
  /** Address of the skb. */
  readonly packetId: bigint;
  /** The number of the journey that it is a copy of; 0 if it is no copy, or that journey was not seen. */
  parent: number;
  /** Time of the first event. */
  readonly beginNs: bigint;
  /** The time when it was freed, or of the last event. */
  endNs: bigint;
  /** The number of events that were read. */
  events: number;
  /** The number of events that are known to be lost. */
  lost: number;
  /** Whether it has a gap: events or its end are lost, or calls were missed while it lasted, or it was carried. */
  gap: boolean;
  /** Whether its first events are in an earlier part of the recording. They are not counted as lost. */
  readonly isCarried?: boolean;
  outcome: Outcome;
  /** Its snapshots, in the order of time; empty where none are taken. */
  readonly snapshots: readonly Snapshot[];
  /** The process that sent the packet, or the one that it is a copy of; undefined if none is known. */
  readonly sender?: JourneyProcess | undefined;
  /** The process that the packet was for; undefined if none is known. */
  readonly receiver?: JourneyProcess | undefined;
  /** The facts of its end; undefined if the end is lost. */
  fate: Fate | undefined;
}
