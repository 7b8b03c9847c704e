/** All packets over time: a lane for each. */
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { ViewProps } from '../app.js';
import { counted, formatDuration, formatNumber, formatPlace } from '../format.js';
import { GROUPS, type Group, SCALES, type Scale } from '../state.js';
import { TimelineControl } from './timeline/control.js';
import { type Cursor, DETAILS, type Detail } from './timeline/model.js';
import type { Palette } from './timeline/palette.js';
import { tellGroup, tellJourney } from './timeline/tell.js';

const GROUP_NAMES: Record<Group, string> = {
  ...{ none: 'none', flow: 'flow', netns: 'namespace', device: 'device', cpu: 'CPU', outcome: 'outcome' },
};
const SCALE_NAMES: Record<Scale, string> = { time: 'when it happened', own: 'since its own begin' };
const DETAIL_NAMES: Record<Detail, string> = { auto: 'normal', thin: 'thin', calls: 'with calls' };
const KEYS = 'Arrow keys: select packets and move, plus and minus: zoom, 0: all, z: the packet, Enter: look at it';
/** Stands where the selected packet is told. */
const HINT =
  'No packet is selected: a click selects one, a double click zooms to it. Ctrl and the wheel zoom, Shift and the wheel move, and so does dragging.';
/** More places are not told beside their colours. */
const MAX_PLACES = 8;
/** A packet that is looked at is another one when the selection rests so long, in milliseconds. */
const REST_MS = 150;

export function TimelineView({ trace, journeys, state, go, isLive }: ViewProps) {
  const box = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const tip = useRef<HTMLDivElement>(null);
  const control = useRef<TimelineControl>(undefined);
  const timer = useRef(0);
  const [detail, setDetail] = useState<Detail>('auto');
  const [palette, setPalette] = useState<Palette>();
  const [selected, setSelected] = useState<{ readonly cursor: Cursor | undefined }>({ cursor: undefined });
  // What the listener sees is of the last time that this was drawn.
  const latest = useRef({ state, go });
  latest.current = { state, go };

  useLayoutEffect(() => {
    if (!box.current || !canvas.current || !tip.current) return undefined;
    const made = new TimelineControl(box.current, canvas.current, tip.current, trace, {
      selected: (cursor) => {
        setSelected({ cursor });
        clearTimeout(timer.current);
        if (!cursor || !('journey' in cursor)) return;
        timer.current = window.setTimeout(() => {
          const { state: now, go: change } = latest.current;
          if (now.packet !== undefined && now.packet !== cursor.journey) change({ packet: cursor.journey });
        }, REST_MS);
      },
      opened: (packet) => latest.current.go({ packet }),
      rested: (span) => latest.current.go({ from: span?.from, until: span?.until }),
      coloured: setPalette,
    });
    // The newest packets are what one looks at.
    if (isLive) made.grow(trace);
    control.current = made;
    // Keys work at once.
    if (document.activeElement === document.body) canvas.current.focus({ preventScroll: true });
    return () => {
      clearTimeout(timer.current);
      made.dispose();
    };
  }, [isLive ? undefined : trace]);
  useLayoutEffect(() => {
    if (control.current && control.current.model.trace !== trace) control.current.grow(trace);
  }, [trace]);
  useLayoutEffect(
    () => control.current?.show(journeys, state.group, state.scale, detail),
    [trace, journeys, state.group, state.scale, detail],
  );
  useLayoutEffect(() => control.current?.setSpan(state.from, state.until), [trace, state.from, state.until]);
  useLayoutEffect(() => control.current?.select(state.packet), [trace, state.packet]);

  const { cursor } = selected;
  const journey = cursor && 'journey' in cursor ? trace.find(cursor.journey) : undefined;
  const group = cursor && 'group' in cursor ? control.current?.model.cursorGroup() : undefined;
  const length = journeys.reduce((most, { end }) => Math.max(most, end), 0) - (journeys[0]?.begin ?? 0);
  const told = journey
    ? tellJourney(journey)
    : group
      ? tellGroup(group, control.current?.model.isFolded(group) ?? false)
      : HINT;
  return (
    <div class="timeline">
      <div class="row timeline-controls">
        <Choice
          label="group by"
          values={GROUPS}
          names={GROUP_NAMES}
          value={state.group}
          onChange={(value) => go({ group: value })}
        />
        <Choice
          label="time"
          values={SCALES}
          names={SCALE_NAMES}
          value={state.scale}
          onChange={(value) => go({ scale: value, from: undefined, until: undefined })}
        />
        <Choice label="lanes" values={DETAILS} names={DETAIL_NAMES} value={detail} onChange={setDetail} />
        <span class="timeline-buttons">
          <button type="button" title="zoom out (−)" aria-label="zoom out" onClick={() => control.current?.move('out')}>
            −
          </button>
          <button type="button" title="zoom in (+)" aria-label="zoom in" onClick={() => control.current?.move('in')}>
            +
          </button>
          <button type="button" title="show all (0)" onClick={() => control.current?.move('all')}>
            all
          </button>
          {state.group !== 'none' && (
            <>
              <button type="button" onClick={() => control.current?.foldAll(true)}>
                fold
              </button>
              <button type="button" onClick={() => control.current?.foldAll(false)}>
                unfold
              </button>
            </>
          )}
        </span>
        <Places trace={trace} palette={palette} />
      </div>
      <div ref={box} class="timeline-box">
        {/* biome-ignore lint/a11y/noInteractiveElementToNoninteractiveRole: it takes keys of its own, as an application does */}
        <canvas
          ref={canvas}
          tabIndex={0}
          role="application"
          aria-roledescription="timeline"
          aria-label={`timeline of ${counted(journeys.length, 'packet')} in ${formatDuration(length)}. ${KEYS}.`}
          aria-describedby="timeline-told"
        />
        <div ref={tip} class="timeline-tip" aria-hidden="true" hidden />
      </div>
      <div class="timeline-told">
        <span id="timeline-told" role="status" aria-live="polite" title={told}>
          {told}
        </span>
        {journey && (
          <>
            <button
              type="button"
              title="zoom to the packet (z, double click)"
              onClick={() => control.current?.move('packet')}
            >
              zoom to it
            </button>
            {state.packet !== journey.number && (
              <button type="button" title="Enter" onClick={() => go({ packet: journey.number })}>
                look at it
              </button>
            )}
          </>
        )}
      </div>
    </div>
  );
}

interface ChoiceProps<Value extends string> {
  readonly label: string;
  readonly values: readonly Value[];
  readonly names: Readonly<Record<Value, string>>;
  readonly value: Value;
  readonly onChange: (value: Value) => void;
}

function Choice<Value extends string>({ label, values, names, value, onChange }: ChoiceProps<Value>) {
  return (
    <label>
      {label}{' '}
      <select
        value={value}
        onChange={({ currentTarget }) => {
          const chosen = values.find((one) => one === currentTarget.value);
          if (chosen !== undefined) onChange(chosen);
        }}
      >
        {values.map((one) => (
          <option key={one} value={one}>
            {names[one]}
          </option>
        ))}
      </select>
    </label>
  );
}

/** What colour means which place. */
function Places({ trace, palette }: { readonly trace: ViewProps['trace']; readonly palette: Palette | undefined }) {
  const { places } = trace;
  const more = places.length - 1 - MAX_PLACES;
  return (
    <span class="timeline-places">
      {places.slice(1, MAX_PLACES + 1).map((place, index) => (
        <span key={String(index)} style={{ background: palette?.places[index + 1] ?? 'none' }}>
          {formatPlace(place)}
        </span>
      ))}
      {more > 0 && <i>and {formatNumber(more)} more</i>}
    </span>
  );
}
