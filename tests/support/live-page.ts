/** The server of `ipft ui` with its page, and a tracer that the test plays. */
import type { PartKind } from '../../src/output/page-parts.js';
import type { Problem, TraceCounts, TraceState } from '../../src/page-server/messages.js';
import { startPageServer } from '../../src/page-server/start.js';
import { createParts, type GivenPart, HEAD } from '../../ui/src/trace/testing.js';

export interface LivePage extends AsyncDisposable {
  readonly address: string;
  /** What the page has asked for: the words of a start, or `stop`. */
  readonly asked: (readonly string[] | 'stop')[];
  /** What the page is told when it wants to start a trace; undefined: it starts. */
  problem: Problem | undefined;
  /** Begins a trace. */
  begin(words?: readonly string[], title?: string): void;
  /** Hands on journeys. */
  add(part: GivenPart): Promise<void>;
  enter(state: TraceState, problem?: Problem): void;
  count(counts: Partial<TraceCounts>): void;
  warn(text: string): void;
  /** Ends the server. */
  end(): Promise<void>;
}

export interface LivePageOptions {
  readonly canTrace?: boolean;
  readonly words?: readonly string[];
}

export async function startLivePage({ canTrace = true, words = [] }: LivePageOptions = {}): Promise<LivePage> {
  const server = await startPageServer({ port: 0, canTrace, words });
  const { address, out } = server;
  const send = (kind: PartKind, text: string, journeys: number, events: number) =>
    out.send(
      { type: 'part', kind, journeys, events },
      Buffer.from(text, kind === 'head' || kind === 'tail' ? 'utf8' : 'base64'),
    );
  const live: LivePage = {
    ...{ address, asked: [], problem: undefined },
    begin(given = [], title = 'a trace') {
      out.send({ type: 'begin', title, words: given });
      send('head', HEAD.text, 0, 0);
      live.enter('tracing');
    },
    async add(part) {
      const events = part.journeys.reduce((sum, { count }) => sum + count, 0);
      for (const { kind, text } of await createParts(part)) send(kind as PartKind, text, part.journeys.length, events);
    },
    enter: (state, problem) => out.send({ type: 'state', state, problem }),
    count: (counts) =>
      out.send({
        type: 'counts',
        counts: {
          ...{ journeys: 0, events: 0, lost: 0, missed: 0, summed: { journeys: 0, events: 0, outcomes: {} } },
          ...counts,
        },
      }),
    warn: (text) => out.send({ type: 'warning', text }),
    end: () => server.close(),
    [Symbol.asyncDispose]: () => server.close(),
  };
  void answer();
  return live;

  async function answer(): Promise<void> {
    for await (const request of server.requests()) {
      live.asked.push(request.type === 'start' ? request.words : 'stop');
      if (request.type === 'start') out.send({ type: 'answer', id: request.id, problem: live.problem });
      if (request.type === 'start' && !live.problem) live.begin(request.words);
    }
  }
}
