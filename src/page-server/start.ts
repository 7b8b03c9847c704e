/** Starts the page's server, and talks with it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { writeSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { IpftError } from '../base/errors.js';
import { PACKAGE_ROOT } from '../base/package-root.js';
import { printable } from '../base/printable.js';
import { keepDescriptors, renounceNewPrivileges } from '../sys/unprivileged.js';
import { FrameWriter, readFrames } from './frames.js';
import type { Problem, ServerMessage, TracerMessage } from './messages.js';

/** The server's one file below dist/, also for sources that the tests run. */
const CHILD = fileURLToPath(new URL('dist/page-server/page-server.js', PACKAGE_ROOT));
/** The server reads what strangers send: it can't fill memory here. */
const LIMITS = { maxJsonBytes: 128 << 10, maxBytes: 0 };
const MAX_WORDS = 256;
/** The most that is shown of what the server writes to its stderr. */
const MAX_ERROR_BYTES = 64 << 10;
const STDERR = 2;
/** How long the server may take to end, in milliseconds. */
const ENDING_MS = 2000;
/** What the server's process gets of the environment. */
const VARIABLES = ['LD_LIBRARY_PATH', 'TMPDIR', 'LANG'];
/** No machine has this address: SIGUSR1 opens no debugger. */
const NODE_OPTIONS = ['--inspect-port=192.0.2.1:9229'];

export type ListenOptions = Omit<Extract<TracerMessage, { type: 'listen' }>, 'type'>;

/** What the page asks for. */
export type PageRequest = Extract<ServerMessage, { type: 'start' | 'stop' }>;

/** The page's server, as the tracer sees it. */
export interface RunningServer {
  readonly pid: number;
  /** What opens the page, and lets nobody else in. */
  readonly address: string;
  readonly out: FrameWriter<TracerMessage>;
  /** What the page asks for, until the server ends. @throws IpftError if it ends by itself */
  requests(): AsyncIterable<PageRequest>;
  /** Ends it. */
  close(): Promise<void>;
}

/** @throws IpftError where it can't listen, or the recording can't be read */
export async function startPageServer(options: ListenOptions): Promise<RunningServer> {
  renounceNewPrivileges();
  keepDescriptors();
  // A process group of its own: Ctrl-C at the terminal is for this process. It begins in this process' folder, from which
  // the recording is named.
  const child = spawn(process.execPath, [...NODE_OPTIONS, CHILD, String(process.pid)], {
    ...{ detached: true, stdio: 'pipe' },
    env: Object.fromEntries(VARIABLES.map((name) => [name, process.env[name]])),
  });
  const ended = new Promise<string>((resolve) => {
    child.on('error', (error) => resolve(error.message));
    child.on('close', (status, signal) => resolve(signal === null ? `exit status ${status}` : `by ${signal}`));
  });
  if (!child.stdin || !child.stdout) throw endedByItself(await ended);
  if (child.stderr) showErrors(child.stderr);
  const out = new FrameWriter<TracerMessage>(child.stdin);
  const messages = readMessages(child.stdout);
  out.send({ type: 'listen', ...options });
  const { value: first, done } = await messages.next();
  if (done) throw endedByItself(await ended);
  if (first.type !== 'ready') {
    await endChild(child, ended);
    throw first.type === 'failed' ? errorOf(first.problem) : endedByItself('it does not say that it is ready');
  }
  let isEnding = false;
  return {
    ...{ pid: child.pid!, out, address: `http://127.0.0.1:${first.port}/${first.token}/` },
    async *requests() {
      yield* takeRequests(messages, out);
      if (!isEnding) throw endedByItself(await ended);
    },
    async close() {
      isEnding = true;
      await endChild(child, ended);
    },
  };
}

/** What the server asks for, one after the other: as long as it does not take the answers, nothing more is read from it. */
export async function* takeRequests(
  messages: AsyncIterable<ServerMessage>,
  out: FrameWriter<TracerMessage>,
): AsyncGenerator<PageRequest, void> {
  for await (const message of messages) {
    if (message.type === 'start' || message.type === 'stop') yield message;
    await out.drain();
  }
}

/**
 * Shows what the server writes when it fails by a bug. It does not get this process' own stderr: by that of a terminal it
 * could read what is typed there.
 */
function showErrors(stderr: Readable): void {
  let left = MAX_ERROR_BYTES;
  stderr.on('data', (bytes: Buffer) => {
    const text = printable(bytes.subarray(0, left).toString(), { multiline: true });
    left = Math.max(0, left - bytes.length);
    try {
      writeSync(STDERR, text);
    } catch {
      // Nobody reads it.
    }
  });
  stderr.on('error', () => {});
}

/** The end of its pipe ends it. */
async function endChild(child: ChildProcess, ended: Promise<unknown>): Promise<void> {
  child.stdin?.end();
  const timer = setTimeout(() => child.kill('SIGKILL'), ENDING_MS);
  await ended;
  clearTimeout(timer);
}

async function* readMessages(input: AsyncIterable<Uint8Array>): AsyncGenerator<ServerMessage, void> {
  try {
    for await (const { message } of readFrames(input, LIMITS)) {
      const known = readMessage(message);
      if (known) yield known;
    }
  } catch {
    // Whatever is wrong with what it says, it is not asked again.
  }
}

/** Looks at what the server says as if strangers had sent it. @returns undefined for what makes no sense */
function readMessage(message: unknown): ServerMessage | undefined {
  if (typeof message !== 'object' || message === null) return undefined;
  const { type, port, token, problem, id, words } = message as Record<string, unknown>;
  if (type === 'stop') return { type };
  if (type === 'ready' && isNumber(port) && typeof token === 'string' && /^[\w-]{43}$/.test(token)) {
    return { type, port, token };
  }
  if (type === 'failed' && typeof problem === 'object' && problem !== null) {
    const { message: text, hint } = problem as Record<string, unknown>;
    return { type, problem: { message: String(text), hint: typeof hint === 'string' ? hint : undefined } };
  }
  if (type === 'start' && isNumber(id) && Array.isArray(words) && words.length <= MAX_WORDS) {
    if (words.every((word): word is string => typeof word === 'string' && !word.includes('\0')))
      return { type, id, words };
  }
  return undefined;
}

const isNumber = (value: unknown): value is number => Number.isSafeInteger(value);

function errorOf({ message, hint }: Problem): IpftError {
  return new IpftError('PAGE_SERVER', message, hint);
}

function endedByItself(how: string): IpftError {
  return new IpftError('PAGE_SERVER', `serving the page: its server has ended (${how})`);
}
