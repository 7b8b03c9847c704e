/** All packets in a table, in any order, with the columns that are asked for. */
import { useMemo } from 'preact/hooks';
import type { ViewProps } from '../app.js';
import { Rows } from '../parts/rows.js';
import type { Journey, Trace } from '../trace/trace.js';
import { COLUMNS, chooseColumns, toggleColumn, widthsOf } from './table/columns.js';

const ROW_HEIGHT = 24;
/** In these orders a packet that is new comes last. */
const GROWS_BELOW: ReadonlySet<string> = new Set(['begin', 'number']);

export function TableView({ trace, journeys, state, go, isLive }: ViewProps) {
  const columns = useMemo(() => chooseColumns(state.columns), [state.columns]);
  const widths = useMemo(() => widthsOf(columns, journeys, trace), [columns, journeys, trace]);
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
    <div class="table" style={{ '--columns': widths.columns, '--least': widths.least }}>
      <Columns columns={state.columns} go={go} />
      <Rows
        count={sorted.length}
        rowHeight={ROW_HEIGHT}
        label="packets"
        sticks={isLive && GROWS_BELOW.has(state.sort)}
        selected={at < 0 ? undefined : at}
        onKeyDown={(event) => {
          keys[event.key]?.();
          if (keys[event.key]) event.preventDefault();
        }}
        head={
          <div class="table-row table-head" role="row">
            {columns.map((column) => (
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
              {columns.map((column) => {
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
    </div>
  );
}

/** Chooses the columns. */
function Columns({ columns, go }: { readonly columns: string | undefined; readonly go: ViewProps['go'] }) {
  const chosen = chooseColumns(columns);
  return (
    <details class="columns">
      <summary>columns</summary>
      <fieldset>
        <legend class="hidden">columns of the table</legend>
        {COLUMNS.map((column) => (
          <label key={column.name}>
            <input
              type="checkbox"
              checked={chosen.includes(column)}
              onChange={() => go({ columns: toggleColumn(columns, column.name) })}
            />{' '}
            {column.title}
          </label>
        ))}
        <button type="button" onClick={() => go({ columns: undefined })}>
          the usual ones
        </button>
      </fieldset>
    </details>
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
