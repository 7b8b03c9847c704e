/** One packet: what became of it, all its events with their fields, and its bytes. */
import { useEffect, useState } from 'preact/hooks';
import type { ViewProps } from '../app.js';
import {
  formatDuration,
  formatFunction,
  formatPacket,
  formatPlace,
  formatProcess,
  formatTime,
  formatTimeOfDay,
} from '../format.js';
import { Rows } from '../parts/rows.js';
import { type Details, ENTRY_LOST, IS_RETURN, type Journey, PACKET_FREED, PARTNER_LOST } from '../trace/trace.js';

const ROW_HEIGHT = 20;

export function PacketView({ trace, journey, go, state }: ViewProps & { readonly journey: Journey }) {
  const [details, setDetails] = useState<Details | undefined>();
  const [problem, setProblem] = useState<string | undefined>();
  useEffect(() => {
    let isShown = true;
    setDetails(undefined);
    trace.details(journey).then(
      (read) => isShown && setDetails(read),
      () => isShown && setProblem('The fields and bytes of this packet are damaged.'),
    );
    return () => {
      isShown = false;
    };
    // A trace that grows has the same details.
  }, [trace.details, journey]);
  const { events, functions, places, head } = trace;
  const { first, count, parent, sender, receiver } = journey;
  const children = trace.journeys.filter((one) => one.parent === journey.number);
  return (
    <aside class="packet-view" aria-label={`packet ${journey.number}`}>
      <div class="row">
        <h2>
          Packet {journey.number} <span class={`outcome ${journey.outcome}`}>{journey.outcome}</span>
        </h2>
        <button
          type="button"
          onClick={() => go({ view: 'compare', other: state.other ?? nextOf(trace.journeys, journey) })}
        >
          compare
        </button>
        <button type="button" aria-label="close" onClick={() => go({ packet: undefined })}>
          ×
        </button>
      </div>
      <p class="packet-text">{formatPacket(journey)}</p>
      <dl>
        <dt>ended</dt>
        <dd>{journey.endText}</dd>
        {journey.gapText !== undefined && (
          <>
            <dt>missing</dt>
            <dd class="warning">{journey.gapText}</dd>
          </>
        )}
        <dt>began</dt>
        <dd>
          {formatTime(journey.begin)} s, at {formatTimeOfDay(head.began + head.realtime, journey.begin)}; it took{' '}
          {formatDuration(journey.end - journey.begin)}
        </dd>
        {sender && (
          <>
            <dt>by</dt>
            <dd>{formatProcess(sender)}</dd>
          </>
        )}
        {receiver && (
          <>
            <dt>for</dt>
            <dd>{formatProcess(receiver)}</dd>
          </>
        )}
        {parent !== undefined && (
          <>
            <dt>copy of</dt>
            <dd>
              <button type="button" class="link" onClick={() => go({ packet: parent })}>
                packet {parent}
              </button>
            </dd>
          </>
        )}
        {children.length > 0 && (
          <>
            <dt>copies</dt>
            <dd>
              {children.slice(0, 20).map(({ number, endText }) => (
                <button type="button" class="link" key={number} title={endText} onClick={() => go({ packet: number })}>
                  {number}
                </button>
              ))}
              {children.length > 20 && ` and ${children.length - 20} more`}
            </dd>
          </>
        )}
        {details?.changes.map((change, index) => (
          <>
            <dt>changed</dt>
            <dd key={String(index)}>{describeChange(change)}</dd>
          </>
        ))}
      </dl>
      {problem !== undefined && <p class="warning">{problem}</p>}
      <Rows
        count={count}
        rowHeight={ROW_HEIGHT}
        label="events"
        row={(index) => {
          const at = first + index;
          const flags = events.flags[at]!;
          const isReturn = (flags & IS_RETURN) !== 0;
          const since = events.time[at]! - journey.begin;
          const fields = details?.fields?.[index];
          const place =
            index === 0 || events.place[at] !== events.place[at - 1] ? formatPlace(places[events.place[at]!]!) : '';
          const name = formatFunction(functions[events.fn[at]!]!);
          return (
            <div class="event-row" role="row" key={String(index)} style={{ height: `${ROW_HEIGHT}px` }}>
              <span role="gridcell" class="number" title={`CPU ${events.cpu[at]}`}>
                +{formatDuration(since)}
              </span>
              <span role="gridcell" class="place" title={place}>
                {place}
              </span>
              <span
                role="gridcell"
                class="function"
                style={{ paddingLeft: `${Math.min(events.depth[at]!, 40) * 10}px` }}
                title={name}
              >
                {isReturn ? '↩ ' : ''}
                {name}
                {isReturn && <i> {formatDuration(events.sinceEntry[at] ?? 0)}</i>}
                {(flags & PACKET_FREED) !== 0 && <i> packet freed</i>}
                {(flags & (ENTRY_LOST | PARTNER_LOST)) !== 0 && (
                  <i class="warning"> {isReturn ? 'entry' : 'return'} lost</i>
                )}
              </span>
              {fields ? (
                <span role="gridcell" class="fields">
                  {Object.entries(fields).map(([key, value]) => (
                    <span key={key}>
                      {key}: <b>{typeof value === 'string' ? value : JSON.stringify(value)}</b>{' '}
                    </span>
                  ))}
                </span>
              ) : null}
            </div>
          );
        }}
      />
      {details && details.snapshots.length > 0 && <Bytes details={details} />}
    </aside>
  );
}

function nextOf(journeys: readonly Journey[], journey: Journey): number | undefined {
  return journeys[journeys.indexOf(journey) + 1]?.number;
}

function describeChange(change: Readonly<Record<string, unknown>>): string {
  const end = (given: unknown): string => {
    const { address, port } = Object(given);
    return address === undefined ? '?' : port === undefined ? String(address) : `${address}:${port}`;
  };
  const { kind, from, to, tunnel, id } = change;
  if (from !== undefined) return `${String(kind).toUpperCase()} ${end(from)} → ${end(to)}`;
  return [kind, tunnel, id].filter((part) => part !== undefined).join(' ');
}

/** The packet's first bytes, as they were at first and at last. */
function Bytes({ details: { snapshots } }: { readonly details: Details }) {
  const [chosen, choose] = useState(0);
  const snapshot = snapshots[Math.min(chosen, snapshots.length - 1)]!;
  const before = snapshots[chosen - 1]?.bytes;
  return (
    <details class="bytes">
      <summary>
        Bytes: {snapshot.bytes.length / 2} of {snapshot.length}
        {snapshots.length > 1 && `, state ${chosen + 1} of ${snapshots.length}`}
      </summary>
      {snapshots.length > 1 && (
        <p>
          {snapshots.map((_, index) => (
            <button type="button" key={String(index)} aria-pressed={index === chosen} onClick={() => choose(index)}>
              {index + 1}
            </button>
          ))}
        </p>
      )}
      <pre>
        {hexLines(snapshot.bytes).map(({ at, pairs }) => (
          <div key={at}>
            <span class="offset">{at.toString(16).padStart(4, '0')} </span>
            {pairs.map((pair, index) => {
              const from = (at + index) * 2;
              const isNew =
                before !== undefined &&
                before.length === snapshot.bytes.length &&
                before.slice(from, from + 2) !== pair;
              return (
                <span key={String(index)} class={isNew ? 'changed' : undefined}>
                  {' '}
                  {pair}
                </span>
              );
            })}
          </div>
        ))}
      </pre>
    </details>
  );
}

function hexLines(bytes: string): { readonly at: number; readonly pairs: readonly string[] }[] {
  const pairs = bytes.match(/../g) ?? [];
  const lines = [];
  for (let at = 0; at < pairs.length; at += 16) lines.push({ at, pairs: pairs.slice(at, at + 16) });
  return lines;
}
