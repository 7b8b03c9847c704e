/** Processes in journeys. */

/** What is known of a control group. */
export interface ControlGroup {
  /** Its path in the unified hierarchy, from the root that this machine shows: `/system.slice/nginx.service`. */
  readonly path: string;
  /** The container that it is of. */
  readonly container?: JourneyContainer | undefined;
  /** The unit of systemd that it is of, as `nginx.service`. */
  readonly unit?: string | undefined;
  /** The pod that it is of, as `NAMESPACE/NAME`. */
  readonly pod?: string | undefined;
}

/** A container, or a machine of systemd: at least one of its members is known. */
export interface JourneyContainer {
  /** The id that its runtime gave it: 64 hexadecimal digits. */
  readonly id: string | undefined;
  /** Its name, where the path or the runtime's files tell it. */
  readonly name: string | undefined;
}

/** The process that sent a packet, or the one that it was for. */
export interface JourneyProcess {
  /**
   * Its id, as ipft's own namespace of process ids has it; undefined if it has none there. The process may be over since,
   * and another one may have the id.
   */
  readonly pid: number | undefined;
  /** Its name, as `/proc/PID/comm` had it when it got the socket: up to 15 bytes of anything. */
  readonly command: string;
  /** The path of its control group, as `/system.slice/nginx.service`; undefined if it is not known. */
  readonly cgroup: string | undefined;
  /** The container that it was in; undefined if none is known. */
  readonly container: JourneyContainer | undefined;
  /** The unit of systemd that it was of, as `nginx.service`; undefined if none is known. */
  readonly unit: string | undefined;
  /** The pod that it was in, as `NAMESPACE/NAME`; undefined if none is known. */
  readonly pod: string | undefined;
}

/** The parts that a process can have in a journey. */
export type Party = 'sender' | 'receiver';

/** The notice of a process. */
export interface Whose {
  /** The short id of the journey. */
  readonly journey: number;
  readonly party: Party;
  readonly process: JourneyProcess;
}

/** Finds a control group by its id, which is the inode of its directory. */
export type FindControlGroup = (id: bigint) => ControlGroup | undefined;
