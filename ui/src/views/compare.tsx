/** Two packets side by side: what is known of them, what they passed, and where that differs. */
import { useEffect, useMemo, useState } from 'preact/hooks';
import type { ViewProps } from '../app.js';
import { counted, formatDuration, formatNumber, formatPlace } from '../format.js';
import { Rows } from '../parts/rows.js';
import type { Details, Journey, Trace } from '../trace/trace.js';
import { choosePair, nextOf } from './compare/choice.js';
import { factsOf } from './compare/facts.js';
import {
  type ComparedRow,
  type Comparison,
  compare,
  type FieldDifference,
  findPartings,
  findSlowest,
  type Line,
  linesOf,
  type Parting,
  type Side,
  stepOf,
} from './compare/rows.js';
import { cut, nameOf } from './paths/names.js';

const ROW_HEIGHT = 20;

export function CompareView(props: ViewProps) {
  const { trace, journeys, state, go } = props;
  const { left, right } = useMemo(
    () => choosePair(trace, journeys, state.packet, state.other),
    [trace, journeys, state.packet, state.other],
  );
  const details = useDetails(trace, left, right);
  if (!left) return null;
  return (
    <div class="compare">
      <div class="compare-choice">
        <PacketChoice
          {...props}
          label="left"
          journey={left}
          choose={(packet) => go({ packet, other: right?.number })}
        />
        <button
          type="button"
          title="left and right the other way round"
          aria-label="swap left and right"
          disabled={!right}
          onClick={() => right && go({ packet: right.number, other: left.number })}
        >
          ⇄
        </button>
        <PacketChoice {...props} label="right" journey={right} choose={(other) => go({ packet: left.number, other })} />
      </div>
      {right ? (
        <Pair key={`${left.number} ${right.number}`} trace={trace} left={left} right={right} details={details} />
      ) : (
        <p class="notice">There is no second packet to compare it with: the trace has one, or the words choose one.</p>
      )}
    </div>
  );
}

/** The details of both packets, once they are read; undefined before, and where they are damaged. */
function useDetails(
  trace: Trace,
  left: Journey | undefined,
  right: Journey | undefined,
): readonly [Details, Details] | undefined {
  const [read, setRead] = useState<{
    readonly of: readonly unknown[];
    readonly details: readonly [Details, Details];
  }>();
  useEffect(() => {
    let isShown = true;
    if (left && right) {
      Promise.all([trace.details(left), trace.details(right)]).then(
        (details) => isShown && setRead({ of: [left, right], details }),
        () => undefined,
      );
    }
    return () => {
      isShown = false;
    };
  }, [trace, left, right]);
  return read?.of[0] === left && read?.of[1] === right ? read?.details : undefined;
}

interface PacketChoiceProps extends ViewProps {
  readonly label: string;
  readonly journey: Journey | undefined;
  readonly choose: (number: number) => void;
}

function PacketChoice({ trace, journeys, label, journey, choose }: PacketChoiceProps) {
  const [wrong, setWrong] = useState(false);
  const step = (by: 1 | -1) => {
    const next = journey && nextOf(journeys, journey, by);
    return (
      <button
        type="button"
        title={by === 1 ? 'the next packet' : 'the packet before'}
        aria-label={`${label}: ${by === 1 ? 'the next packet' : 'the packet before'}`}
        disabled={!next}
        onClick={() => next && choose(next.number)}
      >
        {by === 1 ? '›' : '‹'}
      </button>
    );
  };
  return (
    <div class="packet-choice">
      <label>
        {label}: packet{' '}
        <input
          type="number"
          min={1}
          key={journey?.number}
          defaultValue={journey === undefined ? '' : String(journey.number)}
          aria-invalid={wrong}
          onChange={({ currentTarget: { value } }) => {
            const found = value === '' ? undefined : trace.find(Number(value));
            setWrong(!found);
            if (found) choose(found.number);
          }}
        />
      </label>
      {step(-1)}
      {step(1)}
      {journey && <span class={`outcome ${journey.outcome}`}>{journey.outcome}</span>}
      {wrong && (
        <span class="warning" role="alert">
          The trace has no packet with this number.
        </span>
      )}
    </div>
  );
}

interface PairProps {
  readonly trace: Trace;
  readonly left: Journey;
  readonly right: Journey;
  readonly details: readonly [Details, Details] | undefined;
}

function Pair({ trace, left, right, details }: PairProps) {
  const [open, setOpen] = useState<ReadonlySet<number> | 'all'>(new Set());
  const comparison = useMemo(() => compare(trace, left, right, details), [trace, left, right, details]);
  const lines = useMemo(
    () => linesOf(trace, comparison, (from) => open === 'all' || open.has(from)),
    [trace, comparison, open],
  );
  const facts = useMemo(() => factsOf(trace, left, right, details), [trace, left, right, details]);
  return (
    <>
      <div class="compare-summary" role="status">
        {summarize(trace, comparison).map((sentence, index) => (
          <p key={String(index)} class={index === 0 ? 'paths-summary' : undefined}>
            {sentence}
          </p>
        ))}
      </div>
      <div class="compare-facts" role="table" aria-label="facts of both packets">
        {facts.map(({ name, left: a, right: b, isDifferent }) => (
          <div role="row" key={name} class={isDifferent ? 'is-different' : ''}>
            <span role="rowheader">
              {name}
              {isDifferent && (
                <>
                  {' '}
                  <b aria-hidden="true">≠</b>
                  <span class="hidden"> differs</span>
                </>
              )}
            </span>
            <span role="cell" title={a} class={name === 'ended' ? `is-end ${left.outcome}` : ''}>
              {a || '–'}
            </span>
            <span role="cell" title={b} class={name === 'ended' ? `is-end ${right.outcome}` : ''}>
              {b || '–'}
            </span>
          </div>
        ))}
      </div>
      {comparison.everywhere.length > 0 && (
        <p class="faint compare-note">
          Different at most functions, and therefore not marked: {cut(comparison.everywhere.join(', '))}.
        </p>
      )}
      {comparison.skipped > 0 && (
        <p class="warning">
          {counted(comparison.skipped, 'function')} in the middle differ too much to be put side by side: the left
          packet's come first, then the right one's.
        </p>
      )}
      <Rows
        count={lines.length}
        rowHeight={ROW_HEIGHT}
        label={`functions of packet ${left.number} and packet ${right.number}, side by side`}
        head={
          <div class="compare-row compare-head" role="row">
            <span role="columnheader" aria-label="same or different" />
            <span role="columnheader">packet {left.number}</span>
            <span role="columnheader">time</span>
            <span role="columnheader">packet {right.number}</span>
            <span role="columnheader">time</span>
            <span role="columnheader">
              differs{' '}
              {open === 'all' ? (
                <button type="button" class="link" onClick={() => setOpen(new Set())}>
                  fold what is equal
                </button>
              ) : (
                <button type="button" class="link" onClick={() => setOpen('all')}>
                  show all
                </button>
              )}
            </span>
          </div>
        }
        row={(index) => (
          <LineView
            key={String(index)}
            trace={trace}
            comparison={comparison}
            line={lines[index]!}
            open={(from) => setOpen((before) => (before === 'all' ? before : new Set([...before, from])))}
          />
        )}
      />
    </>
  );
}

interface LineViewProps {
  readonly trace: Trace;
  readonly comparison: Comparison;
  readonly line: Line;
  readonly open: (from: number) => void;
}

function LineView({ trace, comparison, line, open }: LineViewProps) {
  const style = { height: `${ROW_HEIGHT}px` };
  if (line.kind === 'folded') {
    return (
      <div class="compare-row is-folded" role="row" style={style}>
        <span role="gridcell" />
        <span role="gridcell">
          <button type="button" class="link" onClick={() => open(line.from)}>
            ▸ {counted(line.count, 'equal function')}
          </button>
        </span>
      </div>
    );
  }
  if (line.kind === 'place') {
    const name = (place: number | undefined) => (place === undefined ? '' : cut(formatPlace(trace.places[place]!)));
    return (
      <div class={line.isOther ? 'compare-row is-place is-other' : 'compare-row is-place'} role="row" style={style}>
        <span role="gridcell">{line.isOther ? '≠' : ''}</span>
        <span role="gridcell">{name(line.left)}</span>
        <span role="gridcell" />
        <span role="gridcell">{name(line.right)}</span>
        <span role="gridcell" />
        <span role="gridcell">{line.isOther ? 'different place' : ''}</span>
      </div>
    );
  }
  const { row } = line;
  const [kind, sign, text] =
    row.left === undefined
      ? ['only-right', '>', 'only right']
      : row.right === undefined
        ? ['only-left', '<', 'only left']
        : ['', '', describeDifference(row)];
  return (
    <div class={`compare-row ${kind}`} role="row" style={style}>
      <span role="gridcell" aria-hidden={sign === ''}>
        {sign}
      </span>
      <Cells trace={trace} side={comparison.left} position={row.left} isSlow={(row.slower ?? 0) < 0} />
      <Cells trace={trace} side={comparison.right} position={row.right} isSlow={(row.slower ?? 0) > 0} />
      <span role="gridcell" class={kind === '' ? 'warning' : ''} title={text}>
        {text}
      </span>
    </div>
  );
}

interface CellsProps {
  readonly trace: Trace;
  readonly side: Side;
  readonly position: number | undefined;
  readonly isSlow: boolean;
}

function Cells({ trace, side, position, isSlow }: CellsProps) {
  if (position === undefined) {
    return (
      <>
        <span role="gridcell" class="is-missing" />
        <span role="gridcell" class="is-missing" />
      </>
    );
  }
  const at = side.entries[position]!;
  const { events } = trace;
  const name = nameOf(trace, { fn: events.fn[at]!, place: 0 });
  const since = formatDuration(events.time[at]! - side.journey.begin);
  return (
    <>
      <span role="gridcell" class="function" title={`${name}, ${since} after the packet's begin`}>
        <span style={{ paddingLeft: `${Math.min(events.depth[at]!, 20) * 8}px` }}>{name}</span>
      </span>
      <span role="gridcell" class={isSlow ? 'number is-slow' : 'number'} title="until the next function">
        {formatDuration(stepOf(trace, side, position))}
      </span>
    </>
  );
}

function describeDifference({ slower, fields }: ComparedRow): string {
  const parts = fields.map(describeField);
  if (slower !== undefined)
    parts.unshift(`${slower > 0 ? 'right' : 'left'} slower by ${formatDuration(Math.abs(slower))}`);
  return cut(parts.join(', '));
}

function describeField({ name, left, right }: FieldDifference): string {
  const text = (value: unknown) =>
    value === undefined ? 'none' : typeof value === 'string' ? value : JSON.stringify(value);
  return `${name}: ${text(left)} ≠ ${text(right)}`;
}

/** What differs, in sentences; the first one is the most important. */
function summarize(trace: Trace, comparison: Comparison): string[] {
  const { left, right, equal } = comparison;
  const [all, others] = [left.entries.length, right.entries.length];
  if (all + others === 0) return ['No functions of these packets were seen.'];
  const partings = findPartings(comparison);
  const sentences = [
    partings
      ? `${counted(equal, 'function')} of ${formatNumber(all)} and ${formatNumber(others)} are the same.`
      : `Both pass the same ${counted(all, 'function')}.`,
  ];
  const nameAt = (side: Side, position: number) =>
    nameOf(trace, { fn: trace.events.fn[side.entries[position]!]!, place: 0 });
  const own = (side: Side, name: string, passed: Parting['left']) =>
    passed &&
    `${name} ${passed.count === 1 ? 'passes' : `passes ${counted(passed.count, 'function')} from`} ${nameAt(side, passed.from)}`;
  const describe = ({ after, left: a, right: b }: Parting, where: string) => {
    const place = after === undefined ? 'at the begin' : `after ${nameAt(left, after)}`;
    const parts = [own(left, 'left', a), own(right, 'right', b)].filter((part) => part !== undefined);
    return `${where} ${place}: ${parts.join(', ')}.`;
  };
  if (partings && partings.first !== partings.largest) {
    sentences.push(describe(partings.first, 'They part first'), describe(partings.largest, 'They differ most'));
  } else if (partings) sentences.push(describe(partings.first, 'They part'));
  const [tookLeft, tookRight] = [left, right].map(({ journey }) => journey.end - journey.begin) as [number, number];
  const more = Math.abs(tookRight - tookLeft);
  if (more < MUCH_LONGER * Math.max(tookLeft, tookRight) || more === 0) return sentences;
  const isRight = tookRight > tookLeft;
  const slowest = findSlowest(comparison);
  const where =
    slowest?.slower !== undefined && slowest.slower > 0 === isRight && slowest.left !== undefined
      ? `; after ${nameAt(left, slowest.left)} alone ${formatDuration(Math.abs(slowest.slower))}`
      : '';
  sentences.push(`The ${isRight ? 'right' : 'left'} one took ${formatDuration(more)} longer${where}.`);
  return sentences;
}

/** Of the longer time. */
const MUCH_LONGER = 0.05;
