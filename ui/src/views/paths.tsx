/** The paths of the chosen packets: a list of them, and one graph of where they part and meet. */
import { useEffect, useMemo, useState } from 'preact/hooks';
import type { ViewProps } from '../app.js';
import { counted, formatNumber } from '../format.js';
import { formatRanges, isInRanges, parseRanges } from '../trace/path-numbers.js';
import { type ChosenPaths, type Path, pathsOf } from '../trace/paths.js';
import { ChosenPart } from './paths/chosen.js';
import { foldGraph } from './paths/fold.js';
import { buildGraph, type Graph } from './paths/graph.js';
import { GraphView } from './paths/graph-view.js';
import { PathList } from './paths/list.js';
import { cut, formatShare } from './paths/names.js';
import { selectPaths } from './paths/select.js';
import { timesOfBoxes } from './paths/times.js';

/** So many paths are drawn at first, and at most. */
const FEW = 12;
const MANY = 50;

/** The boxes of a graph whose small differences are drawn. */
interface Opened {
  readonly of: Graph;
  readonly ids: ReadonlySet<number>;
}

export function PathsView(props: ViewProps) {
  const { trace, journeys, state, go } = props;
  const [limit, setLimit] = useState(FEW);
  const [isOpen, setOpenAll] = useState(false);
  const [opened, setOpened] = useState<Opened>();
  const book = pathsOf(trace);
  const chosen = book.choose(journeys);
  const { paths } = chosen;
  const ranges = useMemo(() => parseRanges(state.node ?? ''), [state.node]);
  const marked = useMemo(() => new Set(paths.filter(({ number }) => isInRanges(ranges, number))), [paths, ranges]);
  const most = useMemo(() => selectPaths(paths, limit), [paths, limit]);
  // What is chosen is drawn, however rare it is.
  const drawn = useMemo(() => {
    const isDrawn = new Set(most);
    const rare = [...marked].filter((path) => !isDrawn.has(path)).slice(0, MANY);
    return rare.length === 0 ? most : [...most, ...rare];
  }, [most, marked]);
  const { graph, graphPaths } = useMemo(() => {
    const graphPaths = drawn.map((path) => ({
      ...{ steps: book.stepsOf(path), outcome: path.example.outcome, end: path.example.endText },
      count: path.journeys.length,
    }));
    return { graphPaths, graph: buildGraph(graphPaths, book.labels) };
  }, [book, drawn]);
  const folded = useMemo(
    () => foldGraph(graph, graphPaths, (id) => isOpen || (opened?.of === graph && opened.ids.has(id))),
    [graph, graphPaths, isOpen, opened],
  );
  const times = useMemo(() => timesOfBoxes(folded, drawn, trace.events), [folded, drawn, trace]);
  useEffect(() => {
    if (state.node === undefined) return undefined;
    // What is chosen goes before what is open: the page's own Escape, behind this one, would close the packet.
    const press = (event: KeyboardEvent) => {
      if (event.key !== 'Escape' || event.target instanceof HTMLInputElement || document.querySelector('dialog[open]'))
        return;
      go({ node: undefined });
      event.stopPropagation();
    };
    addEventListener('keydown', press, { capture: true });
    return () => removeEventListener('keydown', press, { capture: true });
  });
  const choose = (numbers: Iterable<number>) => {
    const node = formatRanges(numbers);
    go({ node: node === '' || node === state.node ? undefined : node });
  };
  return (
    <div class="paths">
      <div class="paths-head">
        <p class="paths-summary">{summarize(chosen)}</p>
        {drawn.length < paths.length && <p class="faint">{describeRest(chosen, drawn)}</p>}
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
            isOpen={isOpen}
            hasMore={graph.boxes.length > folded.boxes.length}
            open={(id) => setOpened({ of: graph, ids: new Set([...(opened?.of === graph ? opened.ids : []), id]) })}
            openAll={(all) => {
              setOpenAll(all);
              setOpened(undefined);
            }}
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
  return `${ways}; ${formatNumber(most)} of them (${share}) take the most frequent: ${end}.`;
}

/** What the graph does not show, in words. */
function describeRest({ paths, count }: ChosenPaths, drawn: readonly Path[]): string {
  const isDrawn = new Set(drawn);
  const rest = paths.filter((path) => !isDrawn.has(path));
  const packets = rest.reduce((sum, { journeys }) => sum + journeys.length, 0);
  const most = rest[0]?.journeys.length ?? 0;
  const each =
    rest.length === 1
      ? `of ${counted(most, 'packet')}`
      : most === 1
        ? 'of 1 packet each'
        : `of up to ${counted(most, 'packet')} each`;
  return (
    `The graph shows ${drawn.length} paths, the most frequent ones and one at least of each outcome: ` +
    `${formatShare(count - packets, count)} of the packets. ` +
    `${counted(rest.length, 'other path')} ${each} ${rest.length === 1 ? 'is' : 'are'} in the list only; choose one to draw it.`
  );
}
