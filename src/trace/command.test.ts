import { expect, test } from 'vitest';
import { CommandError } from '../base/errors.js';
import { checkCommand, type ProcessFollower, RunningCommand } from './command.js';

const PLAN = { settleMs: 0, asRoot: false };
/** A signal that never comes. */
const NEVER = new AbortController().signal;

/** Counts what nobody follows: as many processes as it is told. */
class Counted implements ProcessFollower {
  expected = 0;
  processes = 0;
  asked = 0;

  expectCommand(): void {
    this.expected++;
  }

  countCommand(): number {
    this.asked++;
    return this.processes;
  }
}

const start = (argv: readonly string[], follower = new Counted(), settleMs = 0) =>
  new RunningCommand({ ...PLAN, argv, settleMs }, follower, { environment: process.env });

test('RunningCommand: it is expected before it is started, and over when its processes are', async () => {
  const follower = new Counted();
  follower.processes = 1;
  const running = start(['true'], follower);
  expect(follower.expected).toBe(1);
  let isOver = false;
  const over = running.whenOver(NEVER).then(() => {
    isOver = true;
  });
  expect(await running.program.ended).toEqual({ exitCode: 0, signal: undefined });
  await expect.poll(() => follower.asked).toBeGreaterThan(1);
  expect(isOver).toBe(false);
  follower.processes = 0;
  await over;
});

test('RunningCommand.whenOver: a signal ends the waiting for the command, its processes and the settling', async () => {
  const sleeping = start(['sleep', '1000'], new Counted(), 1e6);
  const leave = new AbortController();
  const over = sleeping.whenOver(leave.signal);
  leave.abort();
  await over;
  await sleeping.whenOver(leave.signal);
  sleeping.program.kill('SIGTERM');
  expect(await sleeping.program.ended).toEqual({ exitCode: undefined, signal: 15 });
  // It has ended: nobody else gets the signal.
  sleeping.program.kill('SIGTERM');
});

test('RunningCommand: what can not be started says why', () => {
  const refusal = (name: string) => {
    try {
      start([name]);
    } catch (error) {
      return error as CommandError;
    }
    throw new Error('it was started');
  };
  expect(refusal('/etc/passwd')).toMatchObject({
    message: 'starting /etc/passwd: it is no file that may be executed',
    isMissing: false,
    cause: { errnoName: 'EACCES' },
  });
  expect(refusal('ipft-no-such')).toMatchObject({ code: 'COMMAND', isMissing: true });
  expect(() => checkCommand({ ...PLAN, argv: ['ipft-no-such'] })).toThrow(CommandError);
  expect(() => checkCommand({ ...PLAN, argv: [''] })).toThrow("starting '': there is no such program");
  checkCommand({ ...PLAN, argv: ['sh'] });
  checkCommand({ ...PLAN, argv: ['/bin/sh'] });
});

test('RunningCommand: what it writes is kept, with what its children write; it has nothing to read', async () => {
  const script = 'cat; echo said >&2; (sleep 0.2; echo late) & head -c 200000 /dev/zero | tr "\\0" x; echo';
  const follower = new Counted();
  follower.processes = 1;
  const options = { environment: process.env, output: { maxBytes: 200_003 } };
  const running = new RunningCommand({ ...PLAN, argv: ['sh', '-c', script] }, follower, options);
  await expect.poll(() => running.output.isCut).toBe(true);
  follower.processes = 0;
  await running.whenOver(NEVER);
  expect(running.output).toMatchObject({ stderr: 'said\n', isCut: true });
  expect(running.output.stdout).toHaveLength(200_003);
  expect(running.end).toEqual({ exitCode: 0, signal: undefined });
});
