/** Loads an extension in TypeScript: its module is executed in a thread of its own, which shares nothing with this one. */

import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { PACKAGE_ROOT } from '../../base/package-root.js';
import { printable } from '../../base/printable.js';
import type { ModuleField, ModuleProblem, ThreadInput, ThreadMessage } from './messages.js';
import { ModuleError, moduleError } from './problem.js';
import { Shower } from './shower.js';

/** The thread's one file below dist/, also for sources that the tests run. */
const THREAD = fileURLToPath(new URL('dist/fields/typescript/thread.js', PACKAGE_ROOT));
/** How long a module may take, in milliseconds. */
export const LOADING_MS = 10_000;
const MAX_HEAP_MB = 256;
/** The compiler follows calls and loops by calling itself. */
const STACK_MB = 32;
/** The most that a module may print while it is loaded. */
const MAX_OUTPUT = 64 << 10;

/** What an extension in TypeScript asks for. */
export interface LoadedModule {
  /** The path that was given. */
  readonly path: string;
  readonly fields: readonly ModuleField[];
  readonly keep: Omit<ModuleField, 'name' | 'format' | 'hasShow'> | undefined;
  /** The texts of the module's files, by their absolute paths. */
  readonly files: ReadonlyMap<string, string>;
  /** Answers for the functions that show; whoever has it closes it. Undefined where no field has one. */
  readonly shower: Shower | undefined;
}

export interface LoadModuleOptions {
  readonly timeoutMs?: number;
  /** How long a function that shows may take. */
  readonly showMs?: number;
  readonly signal?: AbortSignal | undefined;
  /** Gets what the module prints. */
  readonly onOutput?: ((text: string) => void) | undefined;
}

/**
 * Executes a module and compiles its functions.
 * @throws ModuleError, with the file and the line in its message; the reason of `signal`
 */
export async function loadTypeScript(path: string, options: LoadModuleOptions = {}): Promise<LoadedModule> {
  const { timeoutMs = LOADING_MS, showMs, signal, onOutput } = options;
  signal?.throwIfAborted();
  const input: ThreadInput = { path: resolve(path) };
  const about = `the extension ${printable(path)}`;
  const worker = new Worker(THREAD, {
    // Node would open this process's own streams for it, and so make a pipe non-blocking for all who have it.
    ...{ stdout: true, stderr: true, stdin: false, execArgv: [], workerData: input },
    resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB, stackSizeMb: STACK_MB },
  });
  let isKept = false;
  let printed = 0;
  for (const stream of [worker.stdout, worker.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      if (printed < MAX_OUTPUT) onOutput?.(text.slice(0, MAX_OUTPUT - printed));
      printed += text.length;
    });
  }
  let timer: NodeJS.Timeout | undefined;
  let onAbort = () => {};
  try {
    return await new Promise<LoadedModule>((done, fail) => {
      onAbort = () => fail(signal?.reason as Error);
      signal?.addEventListener('abort', onAbort, { once: true });
      const late = () => {
        fail(
          new ModuleError(
            `${about} has not ended after ${timeoutMs / 1000} s`,
            'what stands outside of functions is executed when it is loaded, and must end',
          ),
        );
      };
      worker.on('message', (message: ThreadMessage) => {
        if (message.type === 'begins') timer = setTimeout(late, timeoutMs);
        else if (message.type === 'failed') fail(moduleError(path, message.problem));
        else if (message.type === 'loaded') {
          const { fields, keep, files } = message;
          isKept = fields.some(({ hasShow }) => hasShow);
          const explain = (field: string, problem: ModuleProblem) =>
            moduleError(path, problem, `show of the field ${field}: `);
          const shower = isKept ? new Shower(worker, about, explain, showMs) : undefined;
          done({ path, fields, keep, files, shower });
        }
      });
      worker.on('error', (error: NodeJS.ErrnoException) => {
        const isMemory = error.code === 'ERR_WORKER_OUT_OF_MEMORY';
        const what = isMemory ? `takes more than ${MAX_HEAP_MB} MB of memory` : `ends its thread: ${firstLine(error)}`;
        fail(new ModuleError(`${about} ${what}`, undefined));
      });
      worker.on('exit', () => {
        const hint = 'process.exit() has no place in it, nor has an await that nothing ends';
        fail(new ModuleError(`${about} ends its thread before it is loaded`, hint));
      });
    });
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
    if (!isKept) await worker.terminate();
  }
}

function firstLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return printable(text.split('\n')[0] ?? '');
}
