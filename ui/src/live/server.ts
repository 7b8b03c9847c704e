/** Asks the server of `ipft ui`. It never speaks by itself: what is new is asked for, and the answer waits until there is some. */
import { type Problem, readProblem, readStatus, type Status } from './status.js';

/** A recording may have so many bytes. */
const MAX_FILE_BYTES = 1 << 30;

/** The request was not answered as asked. */
export class ServerError extends Error {
  override readonly name = 'ServerError';
  /** Of HTTP. 0: there was no answer. */
  readonly status: number;
  readonly problem: Problem;

  constructor(status: number, problem: Problem, options?: ErrorOptions) {
    super(problem.message, options);
    this.status = status;
    this.problem = problem;
  }

  /** Whether the page's address is no longer the right one, so that asking again is in vain. */
  get isRefused(): boolean {
    return this.status === 403 || this.status === 404;
  }
}

/** A part as the server sends it. `forgotten`: there is none, since the server no longer has it. */
export interface SentPart {
  readonly part: number;
  readonly kind: string;
  readonly text: string;
  /** Of `forgotten`: all that the server no longer has. */
  readonly amount: unknown;
}

export class Server {
  readonly #base: string;

  /** @param base the page's address */
  constructor(base: string) {
    this.#base = base;
  }

  /** @param known the revision that the page has: the answer waits until there is another one */
  async status(known: string | undefined, signal: AbortSignal): Promise<Status> {
    const query = known === undefined ? '' : `?known=${encodeURIComponent(known)}`;
    return readStatus(await (await this.#ask(`status${query}`, { signal })).json());
  }

  /** The parts of a trace from this one on; waits for the first, but not for ever: then there is none. */
  async parts(trace: number, from: number, signal: AbortSignal): Promise<readonly SentPart[]> {
    const answer = await this.#ask(`parts?trace=${trace}&from=${from}`, { signal });
    return parseParts(await answer.text());
  }

  async start(words: readonly string[]): Promise<void> {
    await this.#post('start', { words });
  }

  async stop(): Promise<void> {
    await this.#post('stop', {});
  }

  /** @throws ServerError with the place in the expression that is wrong */
  async check(expression: string, inner: string | undefined, signal: AbortSignal): Promise<void> {
    await this.#post('check', { expression, ...(inner !== undefined && { inner }) }, signal);
  }

  /** Hands a recording over, to be shown. */
  async open(file: File): Promise<void> {
    if (file.size > MAX_FILE_BYTES) {
      const hint = 'Show it with ipft show FILE -o html, or in a terminal.';
      throw new ServerError(413, { message: `${file.name} is larger than 1 GiB`, hint });
    }
    const headers = { 'content-type': 'application/octet-stream' };
    await this.#ask(`open?name=${encodeURIComponent(file.name)}`, { method: 'POST', headers, body: file });
  }

  async #post(path: string, body: object, signal: AbortSignal | null = null): Promise<void> {
    const headers = { 'content-type': 'application/json' };
    await this.#ask(path, { method: 'POST', headers, body: JSON.stringify(body), signal });
  }

  async #ask(path: string, init: RequestInit): Promise<Response> {
    let answer: Response;
    try {
      answer = await fetch(new URL(path, this.#base), { ...init, cache: 'no-store', redirect: 'error' });
    } catch (error) {
      init.signal?.throwIfAborted();
      throw new ServerError(0, { message: 'ipft does not answer' }, { cause: error });
    }
    if (answer.ok) return answer;
    const said: unknown = await answer.json().catch(() => undefined);
    const { problem } = Object(said);
    throw new ServerError(
      answer.status,
      problem ? readProblem(problem) : { message: `ipft answers with the status ${answer.status}` },
    );
  }
}

/** Lines of JSON. One that is cut off belongs to an answer that broke off: it comes again. */
export function parseParts(text: string): readonly SentPart[] {
  const parts: SentPart[] = [];
  for (const line of text.split('\n')) {
    if (line === '') continue;
    let given: Record<string, unknown>;
    try {
      given = Object(JSON.parse(line));
    } catch {
      break;
    }
    const { part, kind, text: content, ...amount } = given;
    if (typeof part !== 'number' || !Number.isInteger(part)) break;
    parts.push({ part, kind: String(kind), text: typeof content === 'string' ? content : '', amount });
  }
  return parts;
}
