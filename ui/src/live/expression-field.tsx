/** A field for the expression that chooses packets; what is wrong with it is marked at its place. */
import { useRef } from 'preact/hooks';
import type { Problem } from './status.js';

export interface ExpressionFieldProps {
  readonly value: string;
  readonly problem: Problem | undefined;
  readonly onInput: (value: string) => void;
}

export function ExpressionField({ value, problem, onInput }: ExpressionFieldProps) {
  const marks = useRef<HTMLDivElement>(null);
  const follow = ({ currentTarget }: { readonly currentTarget: HTMLInputElement }) => {
    if (marks.current) marks.current.scrollLeft = currentTarget.scrollLeft;
  };
  const { from = 0, to = 0 } = problem?.at ?? {};
  // At the end, where something is missing, a blank is marked.
  const [before, wrong, after] = [value.slice(0, from), value.slice(from, to) || ' ', value.slice(to)];
  return (
    <div class="expression">
      <label for="expression">packets</label>
      <div class="expression-box">
        {/* It lies below the text, and has the same letters. */}
        <div ref={marks} class="expression-marks" aria-hidden="true">
          {problem?.at && (
            <>
              {before}
              <mark>{wrong}</mark>
              {after}
            </>
          )}
        </div>
        <input
          id="expression"
          value={value}
          placeholder="as in tcpdump: host 10.0.0.5 and tcp port 80"
          spellcheck={false}
          autocomplete="off"
          aria-invalid={problem !== undefined}
          aria-describedby="expression-problem"
          onInput={(event) => {
            onInput(event.currentTarget.value);
            follow(event);
          }}
          onScroll={follow}
        />
      </div>
      <span id="expression-problem" class="warning" role="status">
        {problem && `${problem.message}${problem.hint === undefined ? '' : ` (${problem.hint})`}`}
      </span>
    </div>
  );
}
