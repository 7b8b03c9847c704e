/** The paths of the chosen packets: a list of them, and one graph of where they part and meet. */
import { useMemo, useState } from 'preact/hooks';
import type { ViewProps } from '../app.js';
import { counted } from '../format.js';
import { formatRanges, isInRanges, parseRanges } from '../trace/path-numbers.js';
import { type ChosenPaths, type Path, pathsOf } from '../trace/paths.js';
import { ChosenPart } from './paths/chosen.js';
import { foldGraph } from './paths/fold.js';
import { buildGraph } from './paths/graph.js';
import { GraphView } from './paths/graph-view.js';
import { PathList } from './paths/list.js';
import { cut, formatShare } from './paths/names.js';
import { timesOfBoxes } from './paths/times.js';

/** So many paths are drawn at first, and at most. */
const FEW = 12;
const MANY = 50;

export function PathsView(props: ViewProps) {
  const { trace, journeys, state, go } = props;
  const [limit, setLimit] = useState(FEW);
  const [open, setOpen] = useState<ReadonlySet<number> | 'all'>(new Set());
  const book = pathsOf(trace);
  const chosen = book.choose(journeys);
  const { paths } = chosen;
  const ranges = useMemo(() => parseRanges(state.node ?? ''), [state.node]);
  const marked = useMemo(() => new Set(paths.filter(({ number }) => isInRanges(ranges, number))), [paths, ranges]);
  // What is chosen is drawn, however rare it is.
  const drawn = useMemo(() => {
    const most = paths.slice(0, limit);
    const rare = paths.slice(limit).filter((path) => marked.has(path));
    return [...most, ...rare.slice(0, MANY)];
  }, [paths, limit, [...marked].some((path) => paths.indexOf(path) >= limit) ? marked : undefined]);
  const { graph, graphPaths } = useMemo(() => {
    const graphPaths = drawn.map((path) => ({
      ...{ steps: book.stepsOf(path), outcome: path.example.outcome, end: path.example.endText },
      count: path.journeys.length,
    }));
    return { graphPaths, graph: buildGraph(graphPaths, book.labels) };
  }, [book, drawn]);
  const folded = useMemo(
    () => foldGraph(graph, graphPaths, (id) => open === 'all' || open.has(id)),
    [graph, graphPaths, open],
  );
  const times = useMemo(() => timesOfBoxes(folded, drawn, trace.events), [folded, drawn, trace]);
  if (journeys.length === 0) return <p class="notice">No packet fits these words.</p>;
  const choose = (numbers: Iterable<number>) => {
    const node = formatRanges(numbers);
    go({ node: node === '' || node === state.node ? undefined : node });
  };
  return (
    <div class="paths">
      <div class="paths-head">
        <p class="paths-summary">{summarize(chosen)}</p>
        <p class="faint">{describeRest(chosen, drawn.length)}</p>
        {chosen.others.length > 0 && (
          <p class="warning">
            {counted(chosen.others.length, 'packet')} not among these: events of{' '}
            {chosen.others.length === 1 ? 'it' : 'them'} were lost, or none were seen.{' '}
            <button
              type="button"
              class="link"
              onClick={() => go({ view: 'table', find: `${state.find} path:0`.trim() })}
            >
              show in the table
            </button>
          </p>
        )}
      </div>
      {paths.length > 0 && (
        <>
          <div class="paths-side">
            <ChosenPart {...props} paths={paths} marked={marked} choose={choose} />
            <PathList {...props} paths={paths} all={chosen.count} marked={marked} choose={choose} />
          </div>
          <GraphView
            trace={trace}
            graph={folded}
            paths={drawn}
            graphPaths={graphPaths}
            labels={book.labels}
            times={times}
            marked={marked}
            choose={choose}
            isOpen={open === 'all'}
            hasMore={graph.boxes.length > folded.boxes.length}
            open={(id) => setOpen((before) => (before === 'all' ? before : new Set([...before, id])))}
            openAll={(isOpen) => setOpen(isOpen ? 'all' : new Set())}
            more={
              paths.length > limit && limit < MANY
                ? { text: `draw ${Math.min(paths.length, MANY)} paths`, show: () => setLimit(MANY) }
                : limit > FEW
                  ? { text: `draw ${FEW} paths`, show: () => setLimit(FEW) }
                  : undefined
            }
          />
        </>
      )}
    </div>
  );
}

/** What a reader wants to know first. */
function summarize({ paths, count }: ChosenPaths): string {
  const first = paths[0];
  if (!first) return 'No packet with a whole path.';
  const end = cut(first.example.endText);
  if (paths.length === 1) {
    return count === 1 ? `One packet; ${end}.` : `All ${counted(count, 'packet')} take the same path; ${end}.`;
  }
  const most = first.journeys.length;
  const share = formatShare(most, count);
  const ways = `${counted(count, 'packet')} take ${counted(paths.length, 'path')}`;
  if (most === 1) return `${ways}: each goes its own way.`;
  return `${ways}; ${most.toLocaleString('en')} of them (${share}) take the most frequent: ${end}.`;
}

/** What the graph does not show, in words. */
function describeRest({ paths, count }: ChosenPaths, drawn: number): string {
  if (drawn >= paths.length)
    return 'Time goes down; each network namespace has its column. Choose a box or a line for its packets.';
  const rest = paths.slice(drawn);
  const packets = rest.reduce((sum, { journeys }) => sum + journeys.length, 0);
  const most = Math.max(...[rest[0]!.journeys.length]);
  const each = most === 1 ? 'of 1 packet each' : `of up to ${counted(most, 'packet')} each`;
  return (
    `The graph shows the ${drawn} most frequent paths, ${formatShare(count - packets, count)} of the packets; ` +
    `${counted(rest.length, 'other path')} ${each} ${rest.length === 1 ? 'is' : 'are'} in the list only.`
  );
}

export type { Path };
