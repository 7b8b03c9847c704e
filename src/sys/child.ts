/** Commands that end with this process. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';

/**
 * A shell beside the command reads a pipe from this process. A line says that the command may go on; the end of the
 * pipe says that this process is gone, be it by SIGKILL: then the whole process group is killed, also if it is stopped
 * or hangs. `PR_SET_PDEATHSIG` would reach the shell alone, and not its children.
 */
const WATCH = '{ read -r _ <&3 || kill -KILL 0; } </dev/null >/dev/null 2>&1 & exec 3<&-;';

export interface Command {
  readonly process: ChildProcessByStdio<Writable, Readable, Readable>;
  /** Kills the command and all that it has started. */
  kill(): void;
  /** To be called when the command has ended: processes that it left running go on. */
  release(): void;
}

/**
 * Runs shell text in a process group of its own.
 * @param args the value of `"$@"`
 */
export function runCommand(text: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env): Command {
  const child = spawn('/bin/sh', ['-c', `${WATCH} ${text}`, 'sh', ...args], {
    env,
    stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
    detached: true,
  });
  // Where no descriptor is left, spawning fails and there is no pipe.
  const watch = child.stdio?.[3] as Writable | undefined;
  for (const stream of [child.stdin, watch]) stream?.on('error', () => {});
  return {
    process: child,
    kill() {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      } catch {
        // The group has ended already.
      }
    },
    release: () => void watch?.end('\n'),
  };
}
