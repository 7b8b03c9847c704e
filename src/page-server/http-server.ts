/**
 * The page over HTTP, on this machine alone. Nothing is pushed: a page asks for what is new and waits, so that one that
 * does not read holds its own answer and no more. Connections, waits, bodies and headers have bounds.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { causedBy } from '../base/errors.js';
import { type Gate, judge } from './gate.js';
import type { Problem } from './messages.js';

const ADDRESS = '127.0.0.1';
/** The most connections that have not shown the token, and that have. A new one of the former ends the oldest. */
const MAX_STRANGERS = 32;
const MAX_FRIENDS = 32;
const MAX_HEADER_BYTES = 8 << 10;
const HEADERS_MS = 10_000;
/** The longest time for a request with its body, which may be a large recording. */
const REQUEST_MS = 300_000;
/** A connection on which nothing moves is ended: longer than a request may wait. */
const IDLE_MS = 60_000;
const KEEP_ALIVE_MS = 30_000;
const CHECK_MS = 2000;
/** How long a request waits for something new. */
const WAIT_MS = 20_000;
/** How much of the parts is sent at a time, and to how many requests. */
const MAX_ANSWER_BYTES = 8 << 20;
const MAX_ANSWERS = 8;
const MAX_JSON_BYTES = 64 << 10;

/** A request that can't be answered: its status, and why. */
export class Refusal extends Error {
  readonly status: number;
  readonly problem: Problem;

  constructor(status: number, problem: Problem) {
    super(problem.message);
    this.status = status;
    this.problem = problem;
  }
}

/** What the page asks for. `signal` says that it does not wait any longer. @throws Refusal */
export interface PageHandlers {
  readonly page: Uint8Array;
  /** The page's own policy. */
  readonly policy: string;
  status(known: string | null, signal: AbortSignal): Promise<object>;
  /** Lines, from a part on. */
  parts(trace: string | null, from: string | null, maxBytes: number, signal: AbortSignal): Promise<readonly Buffer[]>;
  start(asked: unknown): Promise<void>;
  check(asked: unknown): void;
  stop(): void;
  open(name: string, body: AsyncIterable<Buffer>): Promise<void>;
}

export class PageServer {
  readonly #server: Server;
  readonly #handlers: PageHandlers;
  /** Connections by the order in which they came. */
  readonly #strangers = new Set<Socket>();
  readonly #friends = new Set<Socket>();
  #gate: Gate;
  #answers = 0;

  /** @param token what its address has to have */
  constructor(token: string, handlers: PageHandlers) {
    this.#handlers = handlers;
    this.#gate = { port: 0, token };
    this.#server = createServer(
      {
        ...{ maxHeaderSize: MAX_HEADER_BYTES, headersTimeout: HEADERS_MS, requestTimeout: REQUEST_MS },
        ...{ keepAliveTimeout: KEEP_ALIVE_MS, connectionsCheckingInterval: CHECK_MS },
      },
      (request, response) => void this.#answer(request, response),
    );
    this.#server.timeout = IDLE_MS;
    this.#server.on('connection', (socket: Socket) => this.#admit(socket));
    this.#server.on('clientError', (_error, socket: Socket) => socket.destroy());
    // No other protocol is spoken.
    this.#server.on('upgrade', (_request, socket: Socket) => socket.destroy());
    this.#server.on('connect', (_request, socket: Socket) => socket.destroy());
  }

  /** @param port 0 for any @returns the port @throws the system's error if it is taken */
  async listen(port: number): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ port, host: ADDRESS }, resolve);
    });
    const { port: own } = this.#server.address() as AddressInfo;
    this.#gate = { ...this.#gate, port: own };
    return own;
  }

  #admit(socket: Socket): void {
    this.#strangers.add(socket);
    socket.on('close', () => {
      this.#strangers.delete(socket);
      this.#friends.delete(socket);
    });
    socket.on('error', () => {});
    if (this.#strangers.size <= MAX_STRANGERS) return;
    const [oldest] = this.#strangers;
    oldest?.destroy();
  }

  /** @returns whether there is room for this connection among those that have shown the token */
  #befriend(socket: Socket): boolean {
    if (this.#friends.has(socket)) return true;
    if (this.#friends.size >= MAX_FRIENDS) return false;
    this.#strangers.delete(socket);
    this.#friends.add(socket);
    return true;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const judgement = judge(request, this.#gate);
    for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value);
    response.setHeader('content-security-policy', `${this.#handlers.policy}; frame-ancestors 'none'`);
    if ('status' in judgement) {
      response.setHeader('connection', 'close');
      end(response, judgement.status);
      return;
    }
    if (!this.#befriend(request.socket)) {
      response.setHeader('connection', 'close');
      end(response, 503);
      return;
    }
    try {
      await this.#handle(request, response, judgement);
    } catch (error) {
      // The page has gone in the middle of what it asked.
      if (request.destroyed && !request.complete) return;
      if (!(error instanceof Refusal)) throw error;
      if (!request.complete) response.setHeader('connection', 'close');
      if (!response.headersSent) sendJson(response, error.status, { problem: error.problem });
    }
  }

  async #handle(
    request: IncomingMessage,
    response: ServerResponse,
    { path, query }: { path: string; query: URLSearchParams },
  ): Promise<void> {
    const handlers = this.#handlers;
    switch (`${request.method} ${path}`) {
      case 'GET /':
        response.setHeader('content-type', 'text/html; charset=utf-8');
        response.end(handlers.page);
        return;
      case 'GET /status':
        sendJson(response, 200, await this.#waiting(response, (signal) => handlers.status(query.get('known'), signal)));
        return;
      case 'GET /parts': {
        const [trace, from] = [query.get('trace'), query.get('from')];
        await this.#sendParts(response, (signal) => handlers.parts(trace, from, MAX_ANSWER_BYTES, signal));
        return;
      }
      case 'POST /start':
        await handlers.start(await readJson(request));
        sendJson(response, 202, {});
        return;
      case 'POST /check':
        handlers.check(await readJson(request));
        sendJson(response, 200, {});
        return;
      case 'POST /stop':
        await readJson(request);
        handlers.stop();
        sendJson(response, 202, {});
        return;
      case 'POST /open':
        requireType(request, 'application/octet-stream');
        await handlers.open(query.get('name') ?? '', bodyOf(request));
        sendJson(response, 202, {});
        return;
    }
    if (!request.complete) response.setHeader('connection', 'close');
    end(response, 404);
  }

  /** Bounds a wait by time, and by the page that asks. */
  async #waiting<T>(response: ServerResponse, body: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const over = new AbortController();
    const end = () => over.abort();
    const timer = setTimeout(end, WAIT_MS);
    response.once('close', end);
    try {
      return await body(over.signal);
    } finally {
      clearTimeout(timer);
      response.off('close', end);
    }
  }

  async #sendParts(response: ServerResponse, read: (signal: AbortSignal) => Promise<readonly Buffer[]>): Promise<void> {
    if (this.#answers >= MAX_ANSWERS) throw new Refusal(503, { message: 'too many pages ask for the trace' });
    this.#answers++;
    response.once('close', () => this.#answers--);
    const lines = await this.#waiting(response, read);
    response.setHeader('content-type', 'application/x-ndjson');
    for (const line of lines) response.write(line);
    response.end();
  }
}

const HEADERS = {
  'cache-control': 'no-store',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'cross-origin-resource-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
};

function end(response: ServerResponse, status: number): void {
  response.statusCode = status;
  response.setHeader('content-length', 0);
  response.end();
}

function sendJson(response: ServerResponse, status: number, body: object): void {
  if (response.destroyed) return;
  response.statusCode = status;
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify(body));
}

/** A form of another page can send neither of the types that are taken. @throws Refusal */
function requireType(request: IncomingMessage, type: string): void {
  const [given = ''] = (request.headers['content-type'] ?? '').split(';');
  if (given.trim().toLowerCase() === type) return;
  throw new Refusal(415, { message: `the body is no ${type}` });
}

/** Who stops reading it can still answer. */
function bodyOf(request: IncomingMessage): AsyncIterable<Buffer> {
  return request.iterator({ destroyOnReturn: false });
}

/** @throws Refusal */
async function readJson(request: IncomingMessage): Promise<unknown> {
  requireType(request, 'application/json');
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const piece of bodyOf(request)) {
    length += piece.length;
    if (length > MAX_JSON_BYTES) throw new Refusal(413, { message: 'what was asked is too long' });
    pieces.push(piece);
  }
  try {
    return JSON.parse(Buffer.concat(pieces).toString('utf8'));
  } catch (error) {
    throw causedBy(new Refusal(400, { message: 'what was asked is no JSON' }), error);
  }
}
