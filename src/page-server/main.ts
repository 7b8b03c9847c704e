/**
 * The page's server, a process of its own: it reads what strangers send, and so it is nobody's. It has a socket, and a pipe
 * to the tracer, which looks at what comes from here as if strangers had sent it.
 */
import { randomBytes } from 'node:crypto';
import { basename } from 'node:path';
import { getHeapStatistics } from 'node:v8';
import { causedBy, IpftError } from '../base/errors.js';
import { printable } from '../base/printable.js';
import { Recording } from '../recording/recording.js';
import { dieWithParent, exitAtOnce } from '../sys/libc.js';
import { loadLibpcap } from '../sys/libpcap.js';
import { becomeNobody } from '../sys/unprivileged.js';
import { checkExpressions } from './expressions.js';
import { FrameError, FrameWriter, readFrames } from './frames.js';
import { type PageHandlers, PageServer, Refusal } from './http-server.js';
import { type Problem, problemOf, type ServerMessage, type TracerMessage } from './messages.js';
import { readLivePage } from './page-frame.js';
import { readRecording } from './recording-reader.js';
import { ShownTrace } from './shown-trace.js';
import { receiveRecording } from './uploads.js';

/** The tracer is trusted; the longest part is that of the longest journey. */
const LIMITS = { maxJsonBytes: 1 << 20, maxBytes: 2 ** 30 };
/** Requests that the tracer has not answered. */
const MAX_ASKED = 8;
const MAX_WORDS = 256;
const MAX_TITLE = 200;
const TOKEN_BYTES = 32;
/** The tracer's process. */
const PARENT = Number(process.argv[2]);

class Tracer {
  readonly #out = new FrameWriter<ServerMessage>(process.stdout);
  readonly #asked = new Map<number, (problem: Problem | undefined) => void>();
  #ids = 0;

  tell(message: ServerMessage): void {
    this.#out.send(message);
  }

  /** @throws Refusal */
  async start(words: readonly string[]): Promise<void> {
    if (this.#asked.size >= MAX_ASKED) throw new Refusal(503, { message: 'too much is asked at the same time' });
    const id = ++this.#ids;
    const problem = await new Promise<Problem | undefined>((resolve) => {
      this.#asked.set(id, resolve);
      this.tell({ type: 'start', id, words });
    });
    if (problem) throw new Refusal(400, problem);
  }

  answered(id: number, problem: Problem | undefined): void {
    this.#asked.get(id)?.(problem);
    this.#asked.delete(id);
  }
}

class Server implements PageHandlers {
  readonly page: Uint8Array;
  readonly policy: string;
  readonly #tracer: Tracer;
  readonly #canTrace: boolean;
  readonly #shown: ShownTrace;
  /** The recording that is being read. */
  #reading: { readonly stop: AbortController; readonly done: Promise<void> } | undefined;
  #isReceiving = false;

  constructor(tracer: Tracer, { canTrace, words }: Extract<TracerMessage, { type: 'listen' }>) {
    const { page, policy } = readLivePage();
    this.page = page;
    this.policy = policy;
    this.#tracer = tracer;
    this.#canTrace = canTrace;
    this.#shown = new ShownTrace(canTrace, words);
  }

  /** What the tracer says, behind `listen`. */
  async take(message: TracerMessage, bytes: Uint8Array): Promise<void> {
    const shown = this.#shown;
    switch (message.type) {
      case 'answer':
        this.#tracer.answered(message.id, message.problem);
        break;
      case 'begin':
        await this.#endReading();
        shown.begin(message.title, message.words, 'starting');
        break;
      case 'state':
        shown.enter(message.state, message.problem);
        break;
      case 'warning':
        shown.warn(message.text);
        break;
      case 'counts':
        shown.count(message.counts);
        break;
      case 'part':
        shown.add(message.kind, bytes, message);
        break;
    }
  }

  async status(known: string | null, signal: AbortSignal): Promise<object> {
    return await this.#shown.status(known === null ? undefined : Number(known), signal);
  }

  async parts(
    trace: string | null,
    from: string | null,
    maxBytes: number,
    signal: AbortSignal,
  ): Promise<readonly Buffer[]> {
    if (!/^\d{1,15}$/.test(from ?? '') || !/^\d{1,15}$/.test(trace ?? '')) {
      throw new Refusal(400, { message: 'the number of the trace, or of its part, is missing' });
    }
    const lines = await this.#shown.parts(Number(trace), Number(from), maxBytes, signal);
    if (lines) return lines;
    throw new Refusal(410, { message: 'another trace is shown now' });
  }

  async start(asked: unknown): Promise<void> {
    const words = readKey(asked, 'words');
    if (!Array.isArray(words) || words.length > MAX_WORDS || !words.every((word) => typeof word === 'string')) {
      throw new Refusal(400, { message: 'words are missing, or too many' });
    }
    // The tracer does not answer to those.
    if (words.some((word) => word.includes('\0'))) throw new Refusal(400, { message: 'a word has a NUL' });
    if (!this.#canTrace) {
      throw new Refusal(400, {
        message: 'tracing needs root',
        hint: 'sudo ipft ui; without it recordings can be opened',
      });
    }
    if (this.#isReceiving) throw new Refusal(409, { message: 'a recording is being sent' });
    await this.#tracer.start(words);
  }

  check(asked: unknown): void {
    const [expression, inner] = ['expression', 'inner'].map((key) => {
      const text = readKey(asked, key);
      if (text === undefined || typeof text === 'string') return text;
      throw new Refusal(400, { message: `${key} is no text` });
    });
    try {
      checkExpressions(expression, inner);
    } catch (error) {
      const problem = problemOf(error);
      throw problem ? new Refusal(400, problem) : error;
    }
  }

  stop(): void {
    if (this.#reading) this.#reading.stop.abort();
    else this.#tracer.tell({ type: 'stop' });
  }

  async open(name: string, body: AsyncIterable<Buffer>): Promise<void> {
    if (this.#isReceiving) throw new Refusal(409, { message: 'another recording is being sent' });
    this.#refuseWhileTracing();
    this.#isReceiving = true;
    try {
      const title = printable(basename(name).slice(0, MAX_TITLE)) || 'a recording';
      const recording = await receiveRecording(title, body);
      try {
        this.#refuseWhileTracing();
        await this.#endReading();
      } catch (error) {
        recording[Symbol.dispose]();
        throw error;
      }
      this.show(recording, title);
    } finally {
      this.#isReceiving = false;
    }
  }

  #refuseWhileTracing(): void {
    if (!['starting', 'tracing', 'stopping'].includes(this.#shown.state)) return;
    throw new Refusal(409, { message: 'a trace is running', hint: 'stop it first' });
  }

  /** Shows a recording, which is closed at last. */
  show(recording: Recording, title: string): void {
    const stop = new AbortController();
    this.#shown.begin(title, undefined, 'opening');
    const maxHeapBytes = PART_OF_HEAP * getHeapStatistics().heap_size_limit;
    const done = readRecording(recording, title, this.#shown, stop.signal, maxHeapBytes);
    this.#reading = { stop, done: done.finally(() => (this.#reading = undefined)) };
  }

  async #endReading(): Promise<void> {
    this.#reading?.stop.abort();
    await this.#reading?.done;
  }
}

/** The part of the engine's heap that journeys may take. */
const PART_OF_HEAP = 0.5;

function readKey(asked: unknown, key: string): unknown {
  return typeof asked === 'object' && asked !== null ? (asked as Record<string, unknown>)[key] : undefined;
}

/** @throws IpftError where the port is taken */
async function listen(server: PageServer, port: number): Promise<number> {
  try {
    return await server.listen(port);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const problem = code === 'EADDRINUSE' ? 'it is taken' : code === 'EACCES' ? 'only root may have it' : message;
    const hint = 'choose another --port, or none for one that is free';
    throw causedBy(new IpftError('PAGE_SERVER', `listening on port ${port} of 127.0.0.1: ${problem}`, hint), error);
  }
}

async function main(): Promise<void> {
  const tracer = new Tracer();
  let server: Server | undefined;
  for await (const { message, bytes } of readFrames(process.stdin, LIMITS)) {
    const told = message as TracerMessage;
    if (told.type !== 'listen') {
      await server?.take(told, bytes);
      continue;
    }
    try {
      const token = randomBytes(TOKEN_BYTES).toString('base64url');
      server = new Server(tracer, told);
      try {
        loadLibpcap();
      } catch {
        // Each check of an expression says so.
      }
      const recording = told.file === undefined ? undefined : Recording.open(told.file);
      const port = await listen(new PageServer(token, server), told.port);
      // It holds no folder of others.
      process.chdir('/');
      // Nothing has been answered: a request can only be read when this function waits again.
      becomeNobody();
      // Becoming another user has undone it.
      dieWithParent(PARENT);
      if (recording) server.show(recording, printable(basename(told.file!)));
      tracer.tell({ type: 'ready', port, token });
    } catch (error) {
      const problem = problemOf(error);
      if (!problem) throw error;
      tracer.tell({ type: 'failed', problem });
    }
  }
  exitAtOnce(0);
}

// Node would open its debugger.
process.on('SIGUSR1', () => {});
dieWithParent(PARENT);
process.title = 'ipft-page';
await main().catch((error) => {
  // The tracer has ended within a message.
  if (error instanceof FrameError) exitAtOnce(1);
  throw error;
});
