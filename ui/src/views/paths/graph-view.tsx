/** The graph: lines are drawn, boxes are text that can be read, chosen and opened. */
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { counted, formatNumber } from '../../format.js';
import type { Label, Path } from '../../trace/paths.js';
import { OUTCOMES, type Outcome, type Trace } from '../../trace/trace.js';
import type { FoldedGraph } from './fold.js';
import type { Box, BoxStep, Detours, GraphPath } from './graph.js';
import { BOX_WIDTH, edgeWidth, type Layout, layOut } from './layout.js';
import { countLines, cut, formatShare, formatShort, nameOf, namespaceOf } from './names.js';

const LINE_HEIGHT = 17;
/** Of the words for an end: so many lines, as style.css has it too, of at least so many characters. */
const MAX_END_LINES = 5;
const END_CHARACTERS = 20;
/** The head of a box, and the space around its text. */
const HEAD_HEIGHT = 30;
/** A box with more functions shows its first and its last one. */
const SHORT = 4;
/** More than this no box shows. */
const MAX_LINES = 500;
const SCALES = [1, 0.75, 0.5, 0.33];

export interface GraphViewProps {
  readonly trace: Trace;
  readonly graph: FoldedGraph;
  readonly paths: readonly Path[];
  readonly graphPaths: readonly GraphPath[];
  readonly labels: readonly Label[];
  /** The median time in each box. */
  readonly times: ReadonlyMap<number, number>;
  readonly marked: ReadonlySet<Path>;
  /** Chooses paths by their numbers. */
  readonly choose: (numbers: Iterable<number>) => void;
  readonly isOpen: boolean;
  readonly hasMore: boolean;
  readonly open: (id: number) => void;
  readonly openAll: (isOpen: boolean) => void;
  /** Draws more paths, or fewer. */
  readonly more: { readonly text: string; readonly show: () => void } | undefined;
}

export function GraphView(props: GraphViewProps) {
  const { trace, graph, paths, graphPaths, marked, choose } = props;
  const [unrolled, setUnrolled] = useState<ReadonlySet<number>>(new Set());
  const [scale, setScale] = useState(1);
  const [current, setCurrent] = useState(0);
  const area = useRef<HTMLDivElement>(null);
  const boxes = useMemo(() => new Map(graph.boxes.map((box) => [box.id, box])), [graph]);
  const layout = useMemo(
    () => layOut(graph, graphPaths, (id) => heightOf(boxes.get(id)!, unrolled.has(id))),
    [graph, graphPaths, boxes, unrolled],
  );
  const all = graphPaths.reduce((sum, { count }) => sum + count, 0);
  const isMarked = (indexes: readonly number[]) =>
    marked.size === 0 || indexes.some((index) => marked.has(paths[index]!));
  const isAllMarked = (indexes: readonly number[]) =>
    marked.size === indexes.length && indexes.every((index) => marked.has(paths[index]!));
  /** What is chosen of some paths, as one line: in the colour of the most frequent outcome. */
  const markedOf = (indexes: readonly number[]) => {
    const own = outcomesOf({ paths: indexes.filter((index) => marked.has(paths[index]!)) }, graphPaths);
    const count = own.reduce((sum, { count }) => sum + count, 0);
    const most = own.sort((a, b) => b.count - a.count)[0];
    return most ? [{ outcome: most.outcome, count }] : [];
  };
  const chooseOf = (indexes: readonly number[]) => choose(indexes.map((index) => paths[index]!.number));
  const focusOn = (id: number | undefined) => {
    if (id === undefined) return;
    setCurrent(id);
    area.current?.querySelector<HTMLElement>(`[data-box="${id}"] .box-head`)?.focus();
  };
  // What is chosen in the list is brought into sight, unless a part of it is.
  useEffect(() => {
    const chosen = [...(area.current?.querySelectorAll<HTMLElement>('.box:not(.faded)') ?? [])];
    if (marked.size === 0 || chosen.length === 0 || area.current?.contains(document.activeElement)) return;
    chosen[0]?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }, [marked]);
  const roving = boxes.has(current) ? current : graph.boxes[0]?.id;
  return (
    <section class="graph" aria-label="graph of the paths">
      <div class="graph-tools">
        {(props.hasMore || props.isOpen) && (
          <label>
            <input
              type="checkbox"
              checked={props.isOpen}
              onChange={({ currentTarget: { checked } }) => props.openAll(checked)}
            />{' '}
            show small differences
          </label>
        )}
        {props.more && (
          <button type="button" onClick={props.more.show}>
            {props.more.text}
          </button>
        )}
        <label>
          size{' '}
          <select value={String(scale)} onChange={({ currentTarget: { value } }) => setScale(Number(value))}>
            {SCALES.map((one) => (
              <option key={one} value={String(one)}>
                {Math.round(one * 100)} %
              </option>
            ))}
          </select>
        </label>
        <span class="faint">Time goes down. Choose a box or a line for its packets.</span>
      </div>
      <div class="graph-area" ref={area}>
        <div style={{ width: `${layout.width * scale}px`, height: `${(layout.height + LANE_HEAD) * scale}px` }}>
          <div
            class="graph-whole"
            style={{ width: `${layout.width}px`, height: `${layout.height + LANE_HEAD}px`, scale: String(scale) }}
          >
            {layout.lanes.map(({ place, x, width }) => (
              <div
                key={place}
                class="lane"
                style={{ left: `${x}px`, width: `${width}px`, height: `${layout.height + LANE_HEAD}px` }}
              >
                <span class="lane-name" title={namespaceOf(trace, place)}>
                  {namespaceOf(trace, place)}
                </span>
              </div>
            ))}
            <div style={{ position: 'absolute', top: `${LANE_HEAD}px`, left: 0 }}>
              <svg width={layout.width} height={layout.height} aria-hidden="true">
                {layout.edges.map(({ edge, strands, d }) => (
                  // biome-ignore lint/a11y/noStaticElementInteractions: keys choose boxes, and the numbers of edges
                  <g
                    key={`${edge.from} ${edge.to}`}
                    class={marked.size === 0 ? 'edge' : 'edge is-dim'}
                    onClick={() => chooseOf(edge.paths)}
                  >
                    <title>{describeEdge(props, boxes, edge)}</title>
                    {strands.map(({ outcome, width, d }) => (
                      <path key={outcome} class={outcome} d={d} stroke-width={width} />
                    ))}
                    {markedOf(edge.paths).map(({ outcome, count }) => (
                      <path key={outcome} class={`is-marked ${outcome}`} d={d} stroke-width={edgeWidth(count, all)} />
                    ))}
                  </g>
                ))}
              </svg>
              <div
                role="group"
                aria-label="boxes; arrow keys follow the paths"
                onKeyDown={(event) => {
                  const to = follow(event.key, roving, graph, layout);
                  if (to === undefined && !event.key.startsWith('Arrow')) return;
                  focusOn(to);
                  event.preventDefault();
                }}
              >
                {graph.boxes.map((box) => (
                  <BoxView
                    key={box.id}
                    {...props}
                    box={box}
                    at={layout.boxes.get(box.id)!}
                    all={all}
                    isFaded={!isMarked(box.paths)}
                    isChosen={isAllMarked(box.paths)}
                    isCurrent={box.id === roving}
                    isUnrolled={unrolled.has(box.id)}
                    unroll={() =>
                      setUnrolled((before) => {
                        const after = new Set(before);
                        if (!after.delete(box.id)) after.add(box.id);
                        return after;
                      })
                    }
                    onFocus={() => setCurrent(box.id)}
                    onChoose={() => chooseOf(box.paths)}
                  />
                ))}
                {layout.edges
                  .filter(({ edge }) => needsNumber(edge, graph))
                  .map(({ edge, label }) => (
                    <button
                      type="button"
                      class={isMarked(edge.paths) ? 'edge-number' : 'edge-number faded'}
                      key={`${edge.from} ${edge.to}`}
                      style={{ left: `${label.x}px`, top: `${label.y}px` }}
                      aria-label={describeEdge(props, boxes, edge)}
                      title={describeEdge(props, boxes, edge)}
                      aria-pressed={isAllMarked(edge.paths)}
                      onClick={() => chooseOf(edge.paths)}
                    >
                      {formatNumber(edge.count)}
                    </button>
                  ))}
              </div>
            </div>
          </div>
        </div>
      </div>
    </section>
  );
}

/** The height of the lanes' names. */
const LANE_HEAD = 28;

interface BoxViewProps extends GraphViewProps {
  readonly box: Box;
  readonly at: { readonly x: number; readonly y: number; readonly height: number };
  readonly all: number;
  readonly isFaded: boolean;
  readonly isChosen: boolean;
  readonly isCurrent: boolean;
  readonly isUnrolled: boolean;
  readonly unroll: () => void;
  readonly onFocus: () => void;
  readonly onChoose: () => void;
}

function BoxView(props: BoxViewProps) {
  const { trace, graph, graphPaths, labels, box, at, all, isFaded, isChosen, isCurrent, isUnrolled } = props;
  const time = props.times.get(box.id);
  const isEnd = box.end !== undefined;
  const lines = linesOf(box, isUnrolled);
  const functions = box.steps.filter((step) => typeof step === 'number').length;
  const classes = ['box', isEnd ? `box-end ${box.outcome}` : '', isFaded ? 'faded' : '', isChosen ? 'is-chosen' : ''];
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the button in it takes the keys
    // biome-ignore lint/a11y/useKeyWithClickEvents: the button in it takes the keys
    <div
      class={classes.filter(Boolean).join(' ')}
      data-box={box.id}
      style={{ left: `${at.x}px`, top: `${at.y}px`, width: `${BOX_WIDTH}px`, height: `${at.height}px` }}
      onClick={props.onChoose}
    >
      <span class="box-outcomes" aria-hidden="true">
        {outcomesOf(box, graphPaths).map(({ outcome, count }) => (
          <i key={outcome} class={`fill ${outcome}`} style={{ flexGrow: count }} />
        ))}
      </span>
      <button
        type="button"
        class="box-head"
        tabIndex={isCurrent ? 0 : -1}
        aria-pressed={isChosen}
        aria-label={describeBox(props, functions)}
        onFocus={props.onFocus}
      >
        <b>{counted(box.count, 'packet')}</b> {box.count < all && formatShare(box.count, all)}
        {time !== undefined && (
          <span class="box-time" title="the median time from its first function to what follows">
            {formatShort(time)}
          </span>
        )}
      </button>
      {isEnd ? (
        <p class="box-text" title={cut(box.end ?? '')}>
          {cut(box.end ?? '')}
        </p>
      ) : (
        lines.map((line, index) =>
          line === 'hidden' ? (
            <button
              type="button"
              class="box-more"
              key={String(index)}
              tabIndex={isCurrent ? 0 : -1}
              aria-expanded={isUnrolled}
              onClick={(event) => {
                event.stopPropagation();
                props.unroll();
              }}
            >
              {isUnrolled ? '▾ show fewer' : describeHidden(functions - 2, graph.folded.has(box.id))}
            </button>
          ) : typeof line === 'number' ? (
            <span class="box-line" key={String(index)} title={nameOf(trace, labels[line])}>
              {nameOf(trace, labels[line])}
            </span>
          ) : line === 'cut' ? (
            <span class="box-line" key={String(index)}>
              and {formatNumber(box.steps.length - MAX_LINES)} more
            </span>
          ) : (
            <button
              type="button"
              class="box-more"
              key={String(index)}
              tabIndex={isCurrent ? 0 : -1}
              title="draw what they pass there"
              onClick={(event) => {
                event.stopPropagation();
                props.open(box.id);
              }}
            >
              ▸ {describeDetours(line)}
            </button>
          ),
        )
      )}
    </div>
  );
}

function describeDetours({ ways, least, most }: Detours): string {
  if (least === most) return `${counted(ways, 'way')} of ${counted(most, 'function')}`;
  return `${counted(ways, 'way')} of ${least} to ${counted(most, 'function')}`;
}

function describeHidden(functions: number, isFolded: boolean): string {
  if (functions <= 0) return '▸ small differences';
  return `▸ ${counted(functions, 'more function')}${isFolded ? ', some differ' : ''}`;
}

type Line = BoxStep | 'hidden' | 'cut';

function linesOf({ steps }: Box, isUnrolled: boolean): readonly Line[] {
  if (steps.length <= SHORT && steps.every((step) => typeof step === 'number')) return steps;
  if (!isUnrolled) return [steps[0]!, 'hidden', steps.at(-1)!];
  const shown: Line[] = steps.slice(0, MAX_LINES);
  if (steps.length > MAX_LINES) shown.push('cut');
  return ['hidden', ...shown];
}

function heightOf(box: Box, isUnrolled: boolean): number {
  const lines =
    box.end === undefined
      ? linesOf(box, isUnrolled).length
      : Math.min(MAX_END_LINES, countLines(box.end, END_CHARACTERS));
  return HEAD_HEIGHT + LINE_HEIGHT * lines + 6;
}

function outcomesOf(
  { paths }: Pick<Box, 'paths'>,
  graphPaths: readonly GraphPath[],
): { outcome: Outcome; count: number }[] {
  const counts = new Map<Outcome, number>();
  for (const index of paths) {
    const { outcome, count } = graphPaths[index]!;
    counts.set(outcome, (counts.get(outcome) ?? 0) + count);
  }
  return OUTCOMES.filter((outcome) => counts.has(outcome)).map((outcome) => ({ outcome, count: counts.get(outcome)! }));
}

/** An edge needs a number of its own if neither box has it. */
function needsNumber({ from, to }: { readonly from: number; readonly to: number }, { edges }: FoldedGraph): boolean {
  const parts = edges.some((edge) => edge.from === from && edge.to !== to);
  return parts && edges.some((edge) => edge.to === to && edge.from !== from);
}

function describeBox({ trace, box, labels, graphPaths, times }: BoxViewProps, functions: number): string {
  const packets = counted(box.count, 'packet');
  if (box.end !== undefined) return `${packets}: ${cut(box.end)}`;
  const [first, last] = [box.steps[0], box.steps.at(-1)].map((step) =>
    typeof step === 'number' ? nameOf(trace, labels[step]) : '?',
  );
  const names = functions === 1 ? first : `${counted(functions, 'function')} from ${first} to ${last}`;
  const ends = outcomesOf(box, graphPaths).map(({ outcome, count }) => `${count} ${outcome}`);
  return `${packets}, ${namespaceOf(trace, box.place)}: ${names}; ${formatShort(times.get(box.id) ?? 0)}; of them ${ends.join(', ')}`;
}

function describeEdge(
  { trace, labels }: GraphViewProps,
  boxes: ReadonlyMap<number, Box>,
  edge: { readonly from: number; readonly to: number; readonly count: number },
): string {
  const nameOfStep = (step: BoxStep | undefined) => (typeof step === 'number' ? nameOf(trace, labels[step]) : '?');
  const to = boxes.get(edge.to)!;
  const target = to.end === undefined ? nameOfStep(to.steps[0]) : cut(to.end);
  return `${counted(edge.count, 'packet')} from ${nameOfStep(boxes.get(edge.from)!.steps.at(-1))} to ${target}`;
}

/** The box that an arrow key leads to. */
function follow(key: string, id: number | undefined, graph: FoldedGraph, layout: Layout): number | undefined {
  if (id === undefined) return undefined;
  const most = (edges: FoldedGraph['edges']) => [...edges].sort((a, b) => b.count - a.count)[0];
  if (key === 'ArrowDown') return most(graph.edges.filter(({ from }) => from === id))?.to;
  if (key === 'ArrowUp') return most(graph.edges.filter(({ to }) => to === id))?.from;
  if (key === 'Home') return graph.boxes[0]?.id;
  if (key === 'End') return graph.boxes.at(-1)?.id;
  if (key !== 'ArrowLeft' && key !== 'ArrowRight') return undefined;
  const own = layout.boxes.get(id)!;
  const row = [...layout.boxes].filter(([, at]) => at.row === own.row).sort(([, a], [, b]) => a.x - b.x);
  const index = row.findIndex(([other]) => other === id);
  return row[index + (key === 'ArrowLeft' ? -1 : 1)]?.[0];
}
