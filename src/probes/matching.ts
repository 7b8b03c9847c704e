/**
 * Runs users' regular expressions where they can be stopped: a short one may take years for a name of thirty letters,
 * and the thread that runs it handles no signal.
 */
import { runInNewContext } from 'node:vm';
import { Worker } from 'node:worker_threads';
import { causedBy, UsageError } from '../base/errors.js';
import type { NamePattern } from '../base/name-pattern.js';
import { printable } from '../base/printable.js';

/** A delay of signals that nobody notices. Nearly all patterns take less. */
const UNNOTICED_MS = 50;
const LONGEST_MS = 2000;
/**
 * Nothing stops the compiler of regular expressions, and a pattern that is nested too deep crashes the process. So
 * patterns have bounds: as long as a word of a command line can be, groups within groups, repetitions with a number.
 */
const LONGEST_PATTERN = 1 << 17;
const DEEPEST_GROUP = 100;
const MOST_COUNTED = 200;
/** The longest pattern that a message shows. */
const LONGEST_TEXT = 200;

/** Runs in the context of `vm` and in the worker, which bring in `names` and `regExp`. */
const MATCH = 'Uint8Array.from(names, (name) => (regExp.test(name) ? 1 : 0))';
const WORKER = `
const { parentPort, workerData: { source, flags, names } } = require('node:worker_threads');
const regExp = new RegExp(source, flags);
parentPort.postMessage('begins');
parentPort.postMessage(${MATCH});
`;

/** The names that a pattern matches. */
export interface Matches {
  test(name: string): boolean;
}

/**
 * Matches a pattern with names; in a thread of its own if it takes long.
 * @param signal ends it early
 * @throws UsageError if it takes longer than two seconds, or is too large; the reason of `signal`
 */
export async function matchNames(
  pattern: NamePattern,
  names: readonly string[],
  signal?: AbortSignal,
): Promise<Matches> {
  checkSize(pattern);
  const found = matchAtOnce(pattern, names) ?? (await matchInThread(pattern, names, signal));
  const matching = new Set(names.filter((_, index) => found[index] === 1));
  return { test: (name) => matching.has(name) };
}

function checkSize(pattern: NamePattern): void {
  const { source } = pattern.regExp;
  if (source.length > LONGEST_PATTERN) throw refuse(pattern, `it is longer than ${LONGEST_PATTERN} characters`);
  let [depth, counted] = [0, 0];
  // Parentheses within brackets count too, since only the size matters.
  for (const [token] of source.matchAll(/\\.|[()]|\{\d/gs)) {
    if (token === '(') depth++;
    else if (token === ')') depth--;
    else if (token.startsWith('{')) counted++;
    if (depth > DEEPEST_GROUP) throw refuse(pattern, `it has more than ${DEEPEST_GROUP} groups within each other`);
    if (counted > MOST_COUNTED) throw refuse(pattern, `it has more than ${MOST_COUNTED} repetitions with a number`);
  }
}

/** @returns undefined if it takes longer than `UNNOTICED_MS` */
function matchAtOnce(pattern: NamePattern, names: readonly string[]): Uint8Array | undefined {
  const { regExp } = pattern;
  try {
    return runInNewContext(MATCH, { names, regExp }, { timeout: UNNOTICED_MS }) as Uint8Array;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') return undefined;
    throw refuse(pattern, (error as Error).message, error);
  }
}

/** @returns 1 for each name that matches, 0 for the others @throws UsageError if it takes longer than so many milliseconds */
export async function matchInThread(
  pattern: NamePattern,
  names: readonly string[],
  signal?: AbortSignal,
  longestMs = LONGEST_MS,
): Promise<Uint8Array> {
  signal?.throwIfAborted();
  const { source, flags } = pattern.regExp;
  // Node would open this process's own streams for it, and so make a pipe non-blocking for all who have it.
  const streams = { stdout: true, stderr: true };
  const worker = new Worker(WORKER, { eval: true, execArgv: [], ...streams, workerData: { source, flags, names } });
  let endEarly = () => {};
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise<Uint8Array>((resolve, reject) => {
      const tooLong = `it takes longer than ${longestMs / 1000} s to match it with ${names.length} names`;
      endEarly = () => reject(signal?.aborted ? signal.reason : refuse(pattern, tooLong));
      signal?.addEventListener('abort', endEarly);
      worker.on('message', (message: 'begins' | Uint8Array) => {
        // The time counts from here: on a busy machine a thread takes seconds to start.
        if (message === 'begins') timer = setTimeout(endEarly, longestMs);
        else resolve(message);
      });
      worker.on('error', (error) => reject(refuse(pattern, error.message, error)));
    });
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', endEarly);
    await worker.terminate();
  }
}

function refuse({ text }: NamePattern, problem: string, cause?: unknown): UsageError {
  const shown = text.length > LONGEST_TEXT ? `${text.slice(0, LONGEST_TEXT)}…` : text;
  const refusal = new UsageError(
    `the regular expression '${printable(shown)}': ${problem}`,
    'say the same more simply; a repetition within a repetition, as in (a+)+, may take for ever',
  );
  return cause === undefined ? refusal : causedBy(refusal, cause);
}
