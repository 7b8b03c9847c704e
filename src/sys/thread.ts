/** Calls that take long, in a thread of their own, while the event loop goes on. */
import { randomInt } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import koffi from 'koffi';
import { withoutSignals } from './libc.js';

const libc = koffi.load(null);
const c = {
  create: libc.func('int pthread_create(void *thread, void *attributes, void *routine, void *argument)'),
  join: libc.func('int pthread_join(ulong thread, void *result)'),
  setName: libc.func('int pthread_setname_np(ulong thread, const char *name)'),
  sigmask: libc.func('int pthread_sigmask(int how, void *set, void *old)'),
  signal: libc.func('void *signal(int number, void *handler)'),
  tgkill: libc.func('long syscall(long number, int process, int thread, int signal)'),
};
const SYS_TGKILL: Record<string, number> = { x64: 234, arm64: 131 };
/** A signal handler without an effect: an interrupted system call ends with EINTR. */
const NOTHING: unknown = libc.symbol('abs');

const SIG_UNBLOCK = 1;
/** SIGRTMAX, which neither Node nor the C library uses. */
const INTERRUPT = 64;
const ONLY_INTERRUPT = Buffer.alloc(128);
ONLY_INTERRUPT[(INTERRUPT - 1) >> 3] = 1 << ((INTERRUPT - 1) & 7);
/** The time between two interrupts of a thread, in milliseconds: libbpf tries a few times again. */
const AGAIN_MS = 2;

/**
 * Calls a function in a new thread, in which only `signal` interrupts system calls. Calls that can't be interrupted end
 * by themselves; the promise always waits for the end, since the thread uses its argument until then.
 * @param routine address of a function from a pointer to an int, which must not call back into JavaScript: Node would
 * wait for ever if it ended meanwhile
 * @param signal interrupts the thread's system calls, again and again
 * @returns the function's result; undefined if no thread can be made
 */
export async function callInThread(
  routine: unknown,
  argument: unknown,
  signal?: AbortSignal,
): Promise<number | undefined> {
  const thread = new BigUint64Array(1);
  const problem = withoutSignals(() => {
    // The new thread inherits the mask of this one.
    c.sigmask(SIG_UNBLOCK, ONLY_INTERRUPT, null);
    return c.create(thread, null, routine, argument);
  });
  if (problem !== 0) return undefined;
  const name = `ipft-${randomInt(2 ** 32).toString(16)}`;
  c.setName(thread[0], name);
  let timer: NodeJS.Timeout | undefined;
  const interrupt = () => {
    c.signal(INTERRUPT, NOTHING);
    let number: number | undefined;
    timer ??= setInterval(() => {
      number ??= findThread(name);
      if (number !== undefined) c.tgkill(SYS_TGKILL[process.arch], process.pid, number, INTERRUPT);
    }, AGAIN_MS);
  };
  signal?.addEventListener('abort', interrupt, { once: true });
  if (signal?.aborted) interrupt();
  const result = new BigInt64Array(1);
  await new Promise((resolve) => c.join.async(thread[0], result, resolve));
  clearInterval(timer);
  signal?.removeEventListener('abort', interrupt);
  return Number(BigInt.asIntN(32, result[0]!));
}

/** The id of a thread. Unlike a pthread handle, an id of a thread that has ended is safe to use. */
function findThread(name: string): number | undefined {
  try {
    const isIt = (task: string) => readFileSync(`/proc/self/task/${task}/comm`, 'latin1') === `${name}\n`;
    return readdirSync('/proc/self/task')
      .map(Number)
      .find((task) => isIt(String(task)));
  } catch {
    // A thread has ended meanwhile, or /proc is hidden: then nothing is interrupted this time.
    return undefined;
  }
}
