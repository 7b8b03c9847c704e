/** The paths as a list, the most frequent first. */
import type { ViewProps } from '../../app.js';
import { counted, formatDuration, formatPacket } from '../../format.js';
import { Rows } from '../../parts/rows.js';
import { type Path, pathsOf, timesOf } from '../../trace/paths.js';
import { cut, formatShare, nameOf } from './names.js';

const ROW_HEIGHT = 78;

export interface PathListProps extends ViewProps {
  readonly paths: readonly Path[];
  /** The number of packets of all paths. */
  readonly all: number;
  readonly marked: ReadonlySet<Path>;
  readonly choose: (numbers: Iterable<number>) => void;
}

export function PathList({ trace, paths, all, marked, choose, go }: PathListProps) {
  const [only] = marked.size === 1 ? marked : [];
  const at = only ? paths.indexOf(only) : -1;
  const move = (to: number) => {
    const path = paths[Math.min(paths.length - 1, Math.max(0, to))];
    if (path && path !== only) choose([path.number]);
  };
  const keys: Record<string, () => void> = {
    ...{ ArrowDown: () => move(at + 1), ArrowUp: () => move(at - 1), PageDown: () => move(at + 8) },
    ...{ PageUp: () => move(at - 8), Home: () => move(0), End: () => move(paths.length - 1) },
  };
  return (
    <Rows
      count={paths.length}
      rowHeight={ROW_HEIGHT}
      label="paths"
      selected={at < 0 ? undefined : at}
      onKeyDown={(event) => {
        if (!keys[event.key] || event.target instanceof HTMLButtonElement) return;
        keys[event.key]?.();
        event.preventDefault();
      }}
      row={(index) => {
        const path = paths[index]!;
        const { example, journeys, number } = path;
        return (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the grid around it takes the keys
          <div
            key={number}
            class="path-row"
            style={{ height: `${ROW_HEIGHT}px` }}
            role="row"
            aria-rowindex={index + 1}
            aria-selected={marked.has(path)}
            onClick={() => choose([number])}
          >
            <div role="gridcell">
              <span class="path-line">
                <b>path {number}</b>
                <span>
                  {counted(journeys.length, 'packet')}, {formatShare(journeys.length, all)}
                </span>
                {only && only !== path && (
                  <button
                    type="button"
                    class="link"
                    title={`a typical packet of path ${only.number} beside one of path ${number}`}
                    onClick={(event) => {
                      event.stopPropagation();
                      go({
                        view: 'compare',
                        packet: timesOf(only).typical.number,
                        other: timesOf(path).typical.number,
                      });
                    }}
                  >
                    compare
                  </button>
                )}
              </span>
              <span class="path-bar" aria-hidden="true">
                <i
                  class={`fill ${example.outcome}`}
                  style={{ width: `${Math.max(1, (100 * journeys.length) / Math.max(1, all))}%` }}
                />
              </span>
              <span class={`outcome ${example.outcome}`} title={cut(example.endText)}>
                {cut(example.endText)}
              </span>
              <span class="path-facts">
                {formatDuration(timesOf(path).median)}
                {journeys.length > 1 && ' (median)'}, {describeBegin(trace, path, paths[0]!)}
              </span>
              <span class="path-facts" title={cut(formatPacket(example))}>
                {cut(formatPacket(example))}
              </span>
            </div>
          </div>
        );
      }}
    />
  );
}

/** How it differs from the most frequent one, or how long it is. */
function describeBegin(trace: ViewProps['trace'], path: Path, first: Path): string {
  const book = pathsOf(trace);
  const steps = book.stepsOf(path);
  if (path === first) return counted(steps.length, 'function');
  const others = book.stepsOf(first);
  let same = 0;
  while (same < steps.length && steps[same] === others[same]) same++;
  if (same === 0) return `from ${nameOf(trace, book.labels[steps[0]!])}`;
  if (same === steps.length && same === others.length) return `as path ${first.number}, but for the end`;
  return `as path ${first.number} until ${nameOf(trace, book.labels[steps[same - 1]!])}`;
}
