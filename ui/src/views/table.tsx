/** All packets in a table, in any order. */
import { useMemo } from 'preact/hooks';
import type { ViewProps } from '../app.js';
import { formatDuration, formatPacket, formatPlace, formatProcess, formatTime } from '../format.js';
import { Rows } from '../parts/rows.js';
import type { Journey, Trace } from '../trace/trace.js';

const ROW_HEIGHT = 24;

interface Column {
  readonly name: string;
  readonly title: string;
  readonly isNumber?: true;
  readonly text: (journey: Journey, trace: Trace) => string;
  /** What rows are ordered by; the text where it is missing. */
  readonly key?: (journey: Journey) => number;
}

const COLUMNS: readonly Column[] = [
  { name: 'number', title: '#', isNumber: true, text: ({ number }) => String(number), key: ({ number }) => number },
  {
    name: 'begin',
    title: 'begin, s',
    isNumber: true,
    text: ({ begin }) => formatTime(begin),
    key: ({ begin }) => begin,
  },
  {
    ...{ name: 'took', title: 'took', isNumber: true },
    text: ({ begin, end }) => formatDuration(end - begin),
    key: ({ begin, end }) => end - begin,
  },
  {
    name: 'events',
    title: 'events',
    isNumber: true,
    text: ({ events }) => String(events),
    key: ({ events }) => events,
  },
  { name: 'packet', title: 'packet', text: formatPacket },
  { name: 'outcome', title: 'outcome', text: ({ endText, gapText }) => (gapText ? `${endText}, ${gapText}` : endText) },
  {
    ...{ name: 'where', title: 'first seen in' },
    text: ({ first, count }, { events, places }) => (count === 0 ? '' : formatPlace(places[events.place[first]!]!)),
  },
  {
    ...{ name: 'by', title: 'by, for' },
    text: ({ sender, receiver }) =>
      [sender, receiver]
        .map((one) => (one ? formatProcess(one) : ''))
        .join(' → ')
        .replace(/^ → $/, ''),
  },
];

export function TableView({ trace, journeys, state, go }: ViewProps) {
  const name = state.sort.replace(/^-/, '');
  const isDown = state.sort.startsWith('-');
  const sorted = useMemo(() => sort(journeys, trace, name, isDown), [journeys, trace, name, isDown]);
  const at = sorted.findIndex(({ number }) => number === state.packet);
  const move = (by: number) => {
    const to = sorted[Math.min(sorted.length - 1, Math.max(0, at + by))];
    if (to) go({ packet: to.number });
  };
  const keys: Record<string, () => void> = {
    ...{ ArrowDown: () => move(1), ArrowUp: () => move(-1), PageDown: () => move(20), PageUp: () => move(-20) },
    ...{ Home: () => move(-Infinity), End: () => move(Infinity) },
  };
  return (
    <Rows
      count={sorted.length}
      rowHeight={ROW_HEIGHT}
      label="packets"
      selected={at < 0 ? undefined : at}
      onKeyDown={(event) => {
        keys[event.key]?.();
        if (keys[event.key]) event.preventDefault();
      }}
      head={
        <div class="table-row table-head" role="row">
          {COLUMNS.map((column) => (
            <div
              key={column.name}
              role="columnheader"
              class={column.isNumber ? 'number' : ''}
              aria-sort={column.name === name ? (isDown ? 'descending' : 'ascending') : 'none'}
            >
              <button
                type="button"
                onClick={() => go({ sort: column.name === name && !isDown ? `-${name}` : column.name })}
              >
                {column.title}
                {column.name === name && (isDown ? ' ▾' : ' ▴')}
              </button>
            </div>
          ))}
        </div>
      }
      row={(index) => {
        const journey = sorted[index]!;
        return (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the grid around it takes the keys
          <div
            key={journey.number}
            class={`table-row ${journey.outcome}`}
            style={{ height: `${ROW_HEIGHT}px` }}
            role="row"
            aria-rowindex={index + 1}
            aria-selected={journey.number === state.packet}
            onClick={() => go({ packet: journey.number })}
          >
            {COLUMNS.map((column) => {
              const text = column.text(journey, trace);
              return (
                <div key={column.name} role="gridcell" class={column.isNumber ? 'number' : column.name} title={text}>
                  {text}
                </div>
              );
            })}
          </div>
        );
      }}
    />
  );
}

function sort(journeys: readonly Journey[], trace: Trace, name: string, isDown: boolean): readonly Journey[] {
  const column = COLUMNS.find((one) => one.name === name);
  if (!column) return journeys;
  const { key, text } = column;
  const sign = isDown ? -1 : 1;
  if (key) return [...journeys].sort((a, b) => sign * (key(a) - key(b)));
  const texts = new Map(journeys.map((journey) => [journey, text(journey, trace)]));
  const { compare } = new Intl.Collator('en', { numeric: true });
  return [...journeys].sort((a, b) => sign * compare(texts.get(a) ?? '', texts.get(b) ?? ''));
}
