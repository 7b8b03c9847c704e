/**
 * The kernel releases each kprobe and trampoline only when no CPU can still be in it, and waits for that: an RCU grace
 * period takes tens of milliseconds, most of them spent sleeping. `/sys/kernel/rcu_expedited` makes it interrupt the
 * other CPUs instead of waiting for them, which takes microseconds.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';

const SETTING = '/sys/kernel/rcu_expedited';

/**
 * Shortens the kernel's grace periods until `end`. The setting belongs to the whole machine, so it must come back
 * whatever happens to this process: a shell keeps the old value, and writes it when our end of its pipe closes, be it
 * by SIGKILL.
 */
export class ShortGracePeriods {
  readonly #keeper: ChildProcess | undefined;

  /** Does nothing where it can't be set or is set already. */
  constructor() {
    let old: string;
    try {
      old = readFileSync(SETTING, 'latin1').trim();
    } catch {
      return;
    }
    if (old !== '0') return;
    // A session of its own: Ctrl-C is not for it.
    this.#keeper = spawn('/bin/sh', ['-c', `echo 1 > ${SETTING} && read -r _; echo 0 > ${SETTING}`], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    this.#keeper.on('error', () => {});
    this.#keeper.stdin?.on('error', () => {});
  }

  /** Returns when the setting is what it was. */
  async end(): Promise<void> {
    const keeper = this.#keeper;
    if (!keeper || keeper.pid === undefined || keeper.exitCode !== null || keeper.signalCode !== null) return;
    const ended = new Promise((resolve) => keeper.once('close', resolve));
    keeper.stdin?.end();
    await ended;
  }
}
