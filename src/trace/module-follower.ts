/** `followModules`: attaches to functions of modules that are loaded while tracing. */
import { IpftError } from '../base/errors.js';
import { MAX_TARGETS, type Session } from '../capture/session.js';
import { type LiveModules, loadLiveModules } from '../kernel/modules.js';
import type { BackendChoice } from '../probes/backends.js';
import { keyOf, type Probe } from '../probes/probe.js';
import { loadModuleTargets } from '../probes/targets.js';
import type { TraceHost } from './host.js';
import type { ProbeQuery } from './plan.js';

/** How often the kernel is asked for its modules, in milliseconds. */
const INTERVAL_MS = 500;

export interface FollowedTrace {
  readonly session: Session;
  readonly choice: BackendChoice;
  readonly probes: ProbeQuery;
  readonly host: Pick<TraceHost, 'warn' | 'onModule'>;
  /** The modules that were loaded when the targets were chosen. */
  readonly modules: LiveModules;
  /** The session's targets; new ones are appended. */
  readonly targets: Probe[];
}

export class ModuleFollower {
  readonly #trace: FollowedTrace;
  #known: LiveModules;
  /** The indexes of targets. A module that is loaded again gets the indexes that it had. */
  readonly #indexes = new Map<string, number>();
  #lookedAt = performance.now();

  constructor(trace: FollowedTrace) {
    this.#trace = trace;
    this.#known = trace.modules;
    for (const [index, target] of trace.targets.entries()) this.#indexes.set(keyOf(target), index);
  }

  /** Looks for new modules, now and then. @param signal ends attaching */
  async look(signal: AbortSignal): Promise<void> {
    const now = performance.now();
    if (now - this.#lookedAt < INTERVAL_MS || signal.aborted) return;
    this.#lookedAt = now;
    const modules = loadLiveModules();
    for (const [module, load] of modules) if (this.#known.get(module) !== load) await this.#attach(module, signal);
    this.#known = modules;
  }

  /** Gives a target an index. @returns false if there are too many */
  #number(target: Probe): boolean {
    const { targets } = this.#trace;
    if (this.#indexes.has(keyOf(target))) return true;
    if (targets.length >= MAX_TARGETS) return false;
    this.#indexes.set(keyOf(target), targets.length);
    targets.push(target);
    return true;
  }

  async #attach(module: string, signal: AbortSignal): Promise<void> {
    const { choice, session, probes, host } = this.#trace;
    try {
      const { targets: found, unknownModules } = await loadModuleTargets(module, choice.backend, probes, signal);
      for (const { problem } of unknownModules) {
        host.warn(`the module ${module} was loaded; its functions are not traced: ${problem}`);
      }
      if (found.length === 0) return;
      const targets = found.filter((target) => this.#number(target));
      if (targets.length < found.length) {
        const problem = `a trace tells ${MAX_TARGETS} functions apart, and has had as many`;
        host.warn(`the module ${module} was loaded; not all of its functions are traced: ${problem}`);
      }
      const before = session.coverage.traced;
      const indexes = targets.map((target) => this.#indexes.get(keyOf(target))!);
      await session.attachMore(targets, indexes, signal);
      host.onModule?.(module, session.coverage.traced - before, found.length);
    } catch (error) {
      if (signal.aborted) return;
      // The module may have been unloaded again. The trace goes on.
      if (!(error instanceof IpftError)) throw error;
      host.warn(`the module ${module} was loaded; its functions are not traced: ${error.message}`);
    }
  }
}
