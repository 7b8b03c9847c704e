/** The number of packets of each outcome; a click chooses them. */
import type { ViewProps } from '../app.js';
import { formatNumber } from '../format.js';
import { OUTCOMES, type Outcome } from '../trace/trace.js';

export function Outcomes({ journeys, state, go }: ViewProps) {
  const counts = new Map<Outcome, number>();
  for (const { outcome } of journeys) counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  return (
    <span class="outcomes">
      {OUTCOMES.filter((outcome) => counts.has(outcome)).map((outcome) => {
        const word = `outcome:${outcome}`;
        const isChosen = state.find.split(/\s+/).includes(word);
        const words = isChosen ? state.find.replace(word, '') : `${state.find} ${word}`;
        return (
          <button
            type="button"
            key={outcome}
            class={`outcome ${outcome}`}
            aria-pressed={isChosen}
            onClick={() => go({ find: words.trim() })}
          >
            {formatNumber(counts.get(outcome) ?? 0)} {outcome}
          </button>
        );
      })}
    </span>
  );
}
