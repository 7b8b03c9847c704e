/** The packets of the paths that are chosen in the graph or the list. */
import type { ViewProps } from '../../app.js';
import { counted, formatDuration, formatNumber } from '../../format.js';
import { formatRanges } from '../../trace/path-numbers.js';
import { type Path, timesOf } from '../../trace/paths.js';

/** So many numbers are shown; the table has all. */
const SHOWN = 24;

export interface ChosenPartProps extends ViewProps {
  readonly paths: readonly Path[];
  readonly marked: ReadonlySet<Path>;
  readonly choose: (numbers: Iterable<number>) => void;
}

export function ChosenPart({ paths, marked, choose, state, go }: ChosenPartProps) {
  if (marked.size === 0) return null;
  const packets = [...marked].flatMap(({ journeys }) => journeys);
  const numbers = [...marked].map(({ number }) => number);
  const words = `path:${formatRanges(numbers)}`;
  const [only] = marked.size === 1 ? marked : [];
  const other = only && paths.find((path) => path !== only && path.example.endText !== only.example.endText);
  return (
    <section class="chosen" aria-label="chosen packets">
      <div class="path-line">
        <h2 aria-live="polite">
          {counted(packets.length, 'packet')} on{' '}
          {numbers.length === 1 ? `path ${numbers[0]}` : `${numbers.length} paths`}
        </h2>
        <button type="button" aria-label="choose none" onClick={() => choose([])}>
          ×
        </button>
      </div>
      {only && (
        <p class="path-facts">
          {packets.length === 1
            ? `took ${formatDuration(timesOf(only).median)}`
            : `median ${formatDuration(timesOf(only).median)}, from ${formatDuration(timesOf(only).shortest)} to ${formatDuration(timesOf(only).longest)}`}
        </p>
      )}
      <p class="chosen-numbers">
        {packets.slice(0, SHOWN).map(({ number, text }) => (
          <button
            type="button"
            class="link"
            key={number}
            title={text}
            aria-label={`packet ${number}`}
            aria-current={state.packet === number}
            onClick={() => go({ packet: number })}
          >
            {number}
          </button>
        ))}
        {packets.length > SHOWN && ` and ${formatNumber(packets.length - SHOWN)} more`}
      </p>
      <p class="path-line">
        <button
          type="button"
          title={`finds ${words}`}
          onClick={() => go({ find: addWord(state.find, words), node: undefined })}
        >
          only these
        </button>
        <button type="button" onClick={() => go({ view: 'table', find: addWord(state.find, words) })}>
          in the table
        </button>
        {only && other && (
          <button
            type="button"
            title="a typical packet of each, side by side"
            onClick={() =>
              go({ view: 'compare', packet: timesOf(only).typical.number, other: timesOf(other).typical.number })
            }
          >
            compare with path {other.number}
          </button>
        )}
      </p>
    </section>
  );
}

/** Words with a choice of paths instead of the one that they had. */
function addWord(words: string, word: string): string {
  return `${words.replace(/(^|\s)path:\S*/g, '')} ${word}`.trim();
}
