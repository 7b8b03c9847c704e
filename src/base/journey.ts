/** What the kernel side tells of journeys, and a journey as the outputs get it. Times are nanoseconds of CLOCK_MONOTONIC. */

/** Where a packet is. */
export interface Place {
  /** Inode of the network namespace. */
  readonly netns: number;
  /** 0 if it has no device yet. */
  readonly ifindex: number;
  readonly device: string;
}

/** A journey has begun; comes before its first event. */
export interface Began {
  /**
   * The kernel side's number for the journey, which no other has. Its events bear the low 32 bits: no two journeys that
   * live share these; one that begins later may.
   */
  readonly journey: number;
  readonly timestampNs: bigint;
  /** Address of the skb. */
  readonly packetId: bigint;
  /** What the journey is called that this one is a copy of; 0 for none. */
  readonly parent: number;
  readonly place: Place | undefined;
}

/** The packet is somewhere else; comes before its first event there. */
export interface Moved {
  readonly journey: number;
  readonly place: Place;
}

/** What the kernel saw of a packet's end. Many packets share one: they are few, and stay the same objects. */
export interface Fate {
  readonly dropped: boolean;
  /** Whether it was received from a device. */
  readonly received: boolean;
  /**
   * How far it got since. `processed`: TCP had taken in all that it brought when it was dropped; `unread`: TCP got it, and
   * the socket was closed before all of it was read.
   */
  readonly stage: 'none' | 'sent' | 'queued' | 'processed' | 'unread';
  /** `enum skb_drop_reason` and those of subsystems; 0 if the kernel tells none. */
  readonly reason: number;
  /** Address behind the call that dropped or consumed it; 0 if that is not known. */
  readonly location: bigint;
  /** Its name, if the kernel can tell: `ip_rcv+0x10/0x40 [module]`. */
  readonly symbol: string;
  /** Of a packet that was sent. */
  readonly device: string;
  /** Of a packet that was queued: AF_… and IPPROTO_… of the socket. */
  readonly family: number;
  readonly protocol: number;
}

/**
 * The skb was freed. Its last events may still come, and the beginning of the next journey at its address may have come
 * before: the kernel side tells of ends apart.
 */
export interface Ended {
  /** As `Began.journey`. */
  readonly journey: number;
  readonly timestampNs: bigint;
  /** How many events it had so far, with those that were lost. */
  readonly events: number;
  readonly fate: Fate;
}

/** A journey that the kernel side has not ended. */
export interface Living {
  readonly journey: number;
  /** How many events it had so far, with those that were lost. */
  readonly events: number;
  /** Of one that is being freed: what its end will be. If that is long ago, its end was missed. */
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

/** All outcomes. */
export const OUTCOMES: readonly Outcome[] = [
  ...(['delivered', 'forwarded', 'transmitted', 'dropped', 'processed', 'consumed', 'alive', 'unknown'] as const),
];

/** One packet from its first event until its skb was freed. */
export interface Journey {
  /** Counted from 1, in the order in which journeys began. */
  readonly number: number;
  /** What its events and notices call it. */
  readonly id: number;
  /** Address of the skb. */
  readonly packetId: bigint;
  /** Number of the journey that it is a copy of; 0 if it is none, or nothing was seen of that one. */
  parent: number;
  /** Time of the first event. */
  readonly beginNs: bigint;
  /** When it was freed, or of the last event. */
  endNs: bigint;
  /** Events that were seen. */
  events: number;
  /** Events that are known to be missing. */
  lost: number;
  /** Whether events may be missing: some are, or its end is, or probes were missed while it lasted. */
  gap: boolean;
  outcome: Outcome;
  /** What the kernel told of the end. */
  fate: Fate | undefined;
}
