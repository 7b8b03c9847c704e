/** `--follow-modules`: attaches to functions of modules that are loaded while tracing. */
import { readFileSync } from 'node:fs';
import { type BackendChoice, IpftError, loadModuleTargets, type Session, type Target } from '../internal.js';
import type { CommonOptions } from './options.js';
import type { Terminal } from './terminal.js';

/** How often the kernel is asked for its modules, in milliseconds. */
const INTERVAL_MS = 500;

export class ModuleFollower {
  readonly #tracing: { readonly choice: BackendChoice; readonly session: Session };
  readonly #targets: Target[];
  readonly #options: CommonOptions;
  readonly #terminal: Terminal;
  #known = loadModuleNames();
  #lookedAt = performance.now();

  /** @param targets the session's; grows */
  constructor(
    tracing: { readonly choice: BackendChoice; readonly session: Session },
    targets: Target[],
    options: CommonOptions,
    terminal: Terminal,
  ) {
    this.#tracing = tracing;
    this.#targets = targets;
    this.#options = options;
    this.#terminal = terminal;
  }

  /** Looks for new modules, now and then. */
  async look(signal: AbortSignal): Promise<void> {
    const now = performance.now();
    if (now - this.#lookedAt < INTERVAL_MS || signal.aborted) return;
    this.#lookedAt = now;
    const modules = loadModuleNames();
    for (const module of modules) if (!this.#known.has(module)) await this.#attach(module, signal);
    this.#known = modules;
  }

  async #attach(module: string, signal: AbortSignal): Promise<void> {
    const { choice, session } = this.#tracing;
    try {
      const { targets, unknownModules } = await loadModuleTargets(module, choice.backend.access, this.#options, signal);
      for (const { problem } of unknownModules) {
        this.#terminal.warn(`the module ${module} was loaded; its functions are not traced: ${problem}`);
      }
      if (targets.length === 0) return;
      const first = this.#targets.length;
      const before = session.succeeded;
      this.#targets.push(...targets);
      await session.attachMore(targets, first, signal);
      const succeeded = session.succeeded - before;
      this.#terminal.line(`Module ${module} loaded: ${succeeded} of its ${targets.length} functions are traced now`);
    } catch (error) {
      if (signal.aborted) return;
      // The module may have gone again. What is traced goes on.
      if (!(error instanceof IpftError)) throw error;
      this.#terminal.warn(`the module ${module} was loaded; its functions are not traced: ${error.message}`);
    }
  }
}

function loadModuleNames(): Set<string> {
  try {
    return new Set(
      readFileSync('/proc/modules', 'latin1')
        .split('\n')
        .filter((line) => / Live /.test(line))
        .map((line) => line.slice(0, line.indexOf(' '))),
    );
  } catch {
    // A kernel without modules.
    return new Set();
  }
}
