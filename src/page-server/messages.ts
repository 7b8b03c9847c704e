/** What the tracer and the page's server tell each other, and what both tell the page. */
import { IpftError } from '../base/errors.js';
import { ExpressionError, type TextRange } from '../base/expression-error.js';
import type { PartCounts, PartKind } from '../output/page-parts.js';

/** `opening`: a recording is read. */
export type TraceState = 'idle' | 'starting' | 'tracing' | 'stopping' | 'ended' | 'opening';

/** An error as the page shows it. */
export interface Problem {
  readonly message: string;
  readonly hint?: string | undefined;
  /** The place in the expression, where it is known. */
  readonly at?: TextRange | undefined;
}

/** What has been counted of a trace. */
export interface TraceCounts {
  readonly journeys: number;
  readonly events: number;
  /** Records that were lost, and calls that were missed. */
  readonly lost: number;
  readonly missed: number;
  /** The journeys that were counted and not sent, since there were too many events. */
  readonly summed: SummedJourneys;
}

export interface SummedJourneys extends PartCounts {
  /** How many of them ended in each way. */
  readonly outcomes: Readonly<Record<string, number>>;
}

export const NOTHING_COUNTED: TraceCounts = {
  ...{ journeys: 0, events: 0, lost: 0, missed: 0 },
  summed: { journeys: 0, events: 0, outcomes: {} },
};

/** What the tracer tells the server. The first message is `listen`. */
export type TracerMessage =
  | {
      readonly type: 'listen';
      /** 0: any that is free. */
      readonly port: number;
      /** A recording to show. */
      readonly file?: string | undefined;
      /** Whether the tracer can trace. */
      readonly canTrace: boolean;
      /** What the page's fields begin with. */
      readonly words: readonly string[];
    }
  /** To `start` with this id. */
  | { readonly type: 'answer'; readonly id: number; readonly problem?: Problem | undefined }
  /** A trace begins: what was told of another one is over. */
  | { readonly type: 'begin'; readonly title: string; readonly words: readonly string[] }
  | { readonly type: 'state'; readonly state: TraceState; readonly problem?: Problem | undefined }
  | { readonly type: 'warning'; readonly text: string }
  | { readonly type: 'counts'; readonly counts: TraceCounts }
  /** With the part's bytes: JSON, or compressed. */
  | ({ readonly type: 'part'; readonly kind: PartKind } & PartCounts);

/** What the server tells the tracer. The first message is `ready` or `failed`. */
export type ServerMessage =
  | { readonly type: 'ready'; readonly port: number; readonly token: string }
  | { readonly type: 'failed'; readonly problem: Problem; readonly isUsage?: boolean }
  | { readonly type: 'start'; readonly id: number; readonly words: readonly string[] }
  | { readonly type: 'stop' };

/** @returns the error as the page shows it; undefined for a bug */
export function problemOf(error: unknown): Problem | undefined {
  if (!(error instanceof Error)) return undefined;
  // Errors of the system are told as they are.
  if (!(error instanceof IpftError)) return 'syscall' in error ? { message: error.message } : undefined;
  const at = error instanceof ExpressionError ? error.at : undefined;
  return { message: error.message, ...(error.hint !== undefined && { hint: error.hint }), ...(at && { at }) };
}
