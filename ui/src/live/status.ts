/** What the server says of its trace. */
import { OUTCOMES, type Outcome } from '../trace/trace.js';

const STATES = ['idle', 'starting', 'tracing', 'stopping', 'ended', 'opening'] as const;
export type State = (typeof STATES)[number];

/** What is wrong, in words. */
export interface Problem {
  readonly message: string;
  readonly hint?: string;
  /** The place in the expression: from this character to before that one. */
  readonly at?: { readonly from: number; readonly to: number };
}

export interface Amount {
  readonly journeys: number;
  readonly events: number;
}

export interface Status {
  readonly revision: string;
  readonly state: State;
  /** Whether it can trace: otherwise it shows recordings. */
  readonly canTrace: boolean;
  readonly problem: Problem | undefined;
  /** What was asked for, as words of the command line. */
  readonly words: readonly string[];
  /** Counts traces. */
  readonly trace: number;
  /** The number of parts that the trace has. */
  readonly parts: number;
  readonly traced: Amount;
  readonly lost: number;
  readonly missed: number;
  /** What was counted and not sent. */
  readonly summed: Amount & { readonly outcomes: readonly (readonly [Outcome, number])[] };
  readonly warnings: readonly string[];
  readonly title: string;
}

/** Whatever the server says, the page gets members of the right type. */
export function readStatus(given: unknown): Status {
  const { revision, state, canTrace, problem, words, trace, parts, lost, missed, summed, warnings, title } =
    Object(given);
  const outcomes = Object(Object(summed).outcomes);
  return {
    revision: String(revision),
    state: STATES.find((one) => one === state) ?? 'idle',
    canTrace: canTrace === true,
    problem: problem ? readProblem(problem) : undefined,
    words: readTexts(words),
    ...{ trace: toCount(trace), parts: toCount(parts), traced: readAmount(given) },
    ...{ lost: toCount(lost), missed: toCount(missed) },
    summed: {
      ...readAmount(summed),
      outcomes: OUTCOMES.flatMap((one) => (toCount(outcomes[one]) > 0 ? [[one, toCount(outcomes[one])] as const] : [])),
    },
    warnings: readTexts(warnings),
    title: typeof title === 'string' ? title : '',
  };
}

export function readProblem(given: unknown): Problem {
  const { message, hint, at } = Object(given);
  const { from, to } = Object(at);
  return {
    message: typeof message === 'string' ? message : 'the server says only that it does not work',
    ...(typeof hint === 'string' && { hint }),
    ...(Number.isInteger(from) && Number.isInteger(to) && { at: { from, to } }),
  };
}

export function readAmount(given: unknown): Amount {
  const { journeys, events } = Object(given);
  return { journeys: toCount(journeys), events: toCount(events) };
}

function readTexts(given: unknown): readonly string[] {
  return Array.isArray(given) ? given.map(String) : [];
}

function toCount(given: unknown): number {
  return typeof given === 'number' && given >= 0 && Number.isFinite(given) ? given : 0;
}
