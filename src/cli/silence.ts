/**
 * Explains a trace without events: whether packets with the mark were seen, and whether the traced functions were
 * called at all. It costs nothing once there are events.
 */

import { counted } from '../base/counted.js';
import type { TraceLosses } from '../base/losses.js';
import { printable } from '../base/printable.js';
import type { Session } from '../capture/session.js';
import { describePackets, type PacketQuery } from '../filter/packet-query.js';
import { enableRunCounts } from '../sys/bpf.js';
import type { Descriptor } from '../sys/descriptor.js';
import type { TracePlan } from '../trace/plan.js';
import { findMarkRules, type NamespaceRules } from './mark-rules.js';
import type { Terminal } from './terminal.js';

const LOOK_MS = 250;
/**
 * How long calls are counted, and the pause after that: while counting, each run of a BPF program on the machine costs
 * more.
 */
const COUNTING_MS = 1000;
const PAUSE_MS = 4000;
/** The time after which a person at a terminal is told. */
const SAY_MS = 5000;

/** The calls that the kernel counted. */
export interface CountedCalls {
  /** The number of functions whose calls were counted. */
  readonly functions: number;
  readonly calls: bigint;
  /** How long they were counted; 0 if they were not. */
  readonly milliseconds: number;
}

export interface SilenceFacts {
  readonly packets: PacketQuery;
  /** The number of traced functions. */
  readonly functions: number;
  /** Packets with the mark that were seen by any attached function. */
  readonly followed: ReturnType<Session['countFollowed']>;
  readonly samplePeriod: number;
  /** Whether packets are counted by values, and make no events. */
  readonly isCounting: boolean;
  readonly counted: CountedCalls;
  /** Rules that set the mark, if they were looked for. */
  readonly rules: readonly NamespaceRules[];
}

/** What is certain about a trace without events and without losses, and what to do next; a sentence a line. */
export function describeSilence(facts: SilenceFacts): string[] {
  const { functions, followed, samplePeriod, counted: calls, rules, isCounting } = facts;
  const packets = describePackets(facts.packets);
  const traced = functions === 1 ? 'the traced function' : `the ${functions} traced functions`;
  if (followed.leftOut > 0 && isCounting) {
    return [`packets ${packets} were seen, where not all values that are counted by could be had`];
  }
  if (followed.leftOut > 0) {
    const left = `packets ${packets} were seen, but the extension left out all of their events`;
    return [left, 'an event is shown where module() returns 0'];
  }
  if (followed.packets > 0 && samplePeriod > 1) {
    return [`packets ${packets} were seen, but --perf-sample-period ${samplePeriod} left out all of their events`];
  }
  if (followed.packets > 0) {
    return [
      `packets ${packets} were seen, but none passed ${traced}`,
      'without -r and --module-regex all functions are traced; ipft -l lists them',
    ];
  }
  const lines = [`no packet ${packets} was seen`];
  if (calls.milliseconds > 0 && calls.functions > 0) {
    const seconds = `${(calls.milliseconds / 1000).toFixed(1)} s that were counted`;
    const which = calls.functions === functions ? traced : `${calls.functions} of ${traced}`;
    if (calls.calls > 0n) {
      const times = counted(calls.calls, 'time');
      lines.push(`in ${seconds} ${which} ${calls.functions === 1 ? 'was' : 'were'} called ${times}: by other packets`);
    } else {
      lines.push(`in ${seconds} no packet at all passed ${which}: was anything sent?`);
    }
  }
  if (facts.packets.mark === undefined) return lines;
  const counters = rules.flatMap(describeRules);
  lines.push(...counters, 'ipft mark-help prints commands that set the mark; docs/marking.md tells where it is lost');
  if (counters.length === 0) lines.push('nft list ruleset, in the namespace of the rules, shows whether they match');
  return lines;
}

/** The counters of rules; rules without a counter are left out. */
function describeRules({ namespace, rules }: NamespaceRules): string[] {
  const where = namespace === undefined ? '' : `, in the namespace ${printable(namespace)},`;
  return rules.flatMap(({ chain, packets }) => {
    if (packets === undefined) return [];
    const matched = packets === 0 ? 'no packet' : counted(packets, 'packet');
    return [`the rule of nftables in ${printable(chain)}${where} has matched ${matched} since it was made`];
  });
}

/** Looks now and then while a trace has no events, until it is disposed of. */
export class Silence implements Disposable {
  readonly #session: Session;
  readonly #taken: { readonly events: number };
  readonly #plan: TracePlan;
  readonly #terminal: Terminal;
  readonly #begin = performance.now();
  readonly #timer: NodeJS.Timeout;
  #wasSaid = false;
  /** Set while calls are counted. */
  #counting: { readonly counts: Descriptor; readonly since: number; readonly calls: bigint } | undefined;
  #countAgain = this.#begin;
  #calls = 0n;
  #milliseconds = 0;

  constructor(session: Session, taken: { readonly events: number }, plan: TracePlan, terminal: Terminal) {
    this.#session = session;
    this.#taken = taken;
    this.#plan = plan;
    this.#terminal = terminal;
    this.#timer = setInterval(() => this.#look(performance.now()), LOOK_MS);
  }

  #look(now: number): void {
    if (this.#taken.events > 0) {
      this[Symbol.dispose]();
      return;
    }
    if (this.#counting) {
      if (now - this.#counting.since >= COUNTING_MS) this.#stopCounting();
    } else if (now >= this.#countAgain) {
      this.#startCounting(now);
    }
    if (this.#wasSaid || now - this.#begin < SAY_MS || !this.#terminal.isTerminal) return;
    this.#wasSaid = true;
    for (const line of this.#describe([])) this.#terminal.tell(`  ${line}`);
  }

  /** Where the kernel does not count, or not for this process, the message has no calls. */
  #startCounting(now: number): void {
    const counts = enableRunCounts();
    if (typeof counts === 'number') this.#countAgain = Number.POSITIVE_INFINITY;
    else this.#counting = { counts, since: now, calls: this.#session.countCalls() };
  }

  #stopCounting(): void {
    const counting = this.#counting;
    if (!counting) return;
    this.#counting = undefined;
    counting.counts[Symbol.dispose]();
    this.#calls += this.#session.countCalls() - counting.calls;
    this.#milliseconds += performance.now() - counting.since;
    this.#countAgain = performance.now() + PAUSE_MS;
  }

  #describe(rules: readonly NamespaceRules[]): string[] {
    const { packets, probes, counting } = this.#plan;
    return describeSilence({
      ...{ packets, samplePeriod: probes.samplePeriod, rules, isCounting: counting !== undefined },
      ...{ functions: this.#session.coverage.traced, followed: this.#session.countFollowed() },
      counted: {
        functions: this.#session.countableFunctions,
        calls: this.#calls,
        milliseconds: this.#milliseconds,
      },
    });
  }

  /** Reports why there are no events, when all has been read. A loss is reported elsewhere, and explains it. */
  async report({ cpus, unseen, unfollowed, missed }: TraceLosses): Promise<void> {
    if (this.#taken.events > 0 || cpus.length > 0 || unseen + unfollowed + missed.shown > 0n) return;
    this.#stopCounting();
    const { mark, mask } = this.#plan.packets;
    const rules = mark === undefined ? [] : await findMarkRules(mark, mask);
    for (const line of this.#describe(rules)) this.#terminal.tell(`  ${line}`);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#counting?.counts[Symbol.dispose]();
    this.#counting = undefined;
  }
}
