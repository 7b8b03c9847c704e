/** What shall be traced. Only ipft knows whether that makes sense: it is asked while one types. */
import { useEffect, useState } from 'preact/hooks';
import { ExpressionField } from './expression-field.js';
import { type Server, ServerError } from './server.js';
import type { Problem, Status } from './status.js';
import { type Fields, optionValue, splitWords, toFields } from './words.js';

/** An expression is looked at when typing rests so long, in milliseconds. */
const REST_MS = 250;

export interface FormProps {
  readonly status: Status;
  readonly server: Server;
  /** What was wrong with the last start. */
  readonly problem: Problem | undefined;
  readonly canStart: boolean;
  readonly onStart: (fields: Fields) => void;
}

export function Form({ status, server, problem, canStart, onStart }: FormProps) {
  const { words, trace } = status;
  const [fields, setFields] = useState<Fields>(() => toFields(words));
  const set = (change: Partial<Fields>) => setFields((before) => ({ ...before, ...change }));
  // Another page may have started it.
  useEffect(() => {
    if (words.length > 0) setFields(toFields(words));
  }, [trace]);
  const wrong = useCheck(server, fields);
  return (
    <form
      class="live-form"
      onSubmit={(event) => {
        event.preventDefault();
        if (canStart) onStart(fields);
      }}
    >
      <ExpressionField
        value={fields.expression}
        problem={wrong ?? (problem?.at ? problem : undefined)}
        onInput={(expression) => set({ expression })}
      />
      <label class="live-functions">
        <span>functions</span>
        <input
          value={fields.functions}
          placeholder="all; a regular expression: ^(ip|tcp)_"
          spellcheck={false}
          autocomplete="off"
          onInput={({ currentTarget: { value } }) => set({ functions: value })}
        />
      </label>
      <label class="live-snaplen">
        <span>bytes of each packet</span>
        <input
          value={fields.snaplen}
          inputMode="numeric"
          placeholder="the usual"
          autocomplete="off"
          onInput={({ currentTarget: { value } }) => set({ snaplen: value })}
        />
      </label>
      <label class="live-more">
        <span>more options</span>
        <input
          value={fields.more}
          placeholder="as in a terminal: --dev eth0 --netns blue"
          spellcheck={false}
          autocomplete="off"
          onInput={({ currentTarget: { value } }) => set({ more: value })}
        />
      </label>
      <button type="submit" disabled={!canStart} title={canStart ? '' : 'one trace at a time: stop it first'}>
        start
      </button>
    </form>
  );
}

/** What is wrong with the expression, while it is typed. */
function useCheck(server: Server, { expression, more }: Fields): Problem | undefined {
  const [found, setFound] = useState<{ readonly expression: string; readonly problem: Problem } | undefined>();
  useEffect(() => {
    const end = new AbortController();
    const timer = setTimeout(async () => {
      try {
        if (expression.trim() !== '')
          await server.check(expression, optionValue(splitWords(more), '--inner'), end.signal);
        setFound(undefined);
      } catch (error) {
        if (end.signal.aborted) return;
        // When it does not answer, that is told elsewhere.
        setFound(
          error instanceof ServerError && error.status === 400 ? { expression, problem: error.problem } : undefined,
        );
      }
    }, REST_MS);
    return () => {
      clearTimeout(timer);
      end.abort();
    };
  }, [expression, more]);
  // The place is one of the text that was looked at.
  return found?.expression === expression ? found.problem : undefined;
}
