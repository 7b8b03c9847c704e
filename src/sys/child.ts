/** Commands that don't outlive this process. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';

/**
 * A shell beside the command waits for a line from us. Instead of it, the end of the pipe comes when this process is gone,
 * be it by SIGKILL: then all that the command has started goes too, also if it is stopped or hangs.
 * `PR_SET_PDEATHSIG` would reach the shell alone, and not what it runs.
 */
const WATCH = '{ read -r _ <&3 || kill -KILL 0; } </dev/null >/dev/null 2>&1 & exec 3<&-;';

export interface Command {
  readonly process: ChildProcessByStdio<Writable, Readable, Readable>;
  /** Ends it and all that it has started, at once. */
  kill(): void;
  /** To be called when it has ended: what it left running may go on. */
  release(): void;
}

/**
 * Runs shell text in a process group of its own.
 * @param args `"$@"` there
 */
export function runCommand(text: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env): Command {
  const child = spawn('/bin/sh', ['-c', `${WATCH} ${text}`, 'sh', ...args], {
    env,
    stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
    detached: true,
  });
  // Without a descriptor more there is no child, and no pipe.
  const watch = child.stdio?.[3] as Writable | undefined;
  for (const stream of [child.stdin, watch]) stream?.on('error', () => {});
  return {
    process: child,
    kill() {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      } catch {
        // it has ended by itself
      }
    },
    release: () => void watch?.end('\n'),
  };
}
