/** The head of the page: what trace it is, the views, and the words that choose packets. */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { ViewProps } from '../app.js';
import { KEYS } from '../find.js';
import { counted, formatNumber } from '../format.js';
import { VIEWS } from '../state.js';
import { Help } from './help.js';
import { useKeys } from './keys.js';
import { Outcomes } from './outcomes.js';

const FIND_HINT = `Words choose packets: an address, a function, an outcome. Or with a key: ${KEYS.map((key) => `${key}:`).join(' ')}`;
/** Typing is followed when it rests so long, in milliseconds. */
const REST_MS = 120;

export function Header(props: ViewProps) {
  const { trace, journeys, state, go, isLive } = props;
  const [isHelpOpen, setHelpOpen] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  const timer = useRef(0);
  useKeys({
    '/': () => field.current?.focus(),
    '?': () => setHelpOpen((isOpen) => !isOpen),
    Escape: () => (isHelpOpen ? setHelpOpen(false) : go({ packet: undefined })),
    ...Object.fromEntries(VIEWS.map((view, index) => [String(index + 1), () => go({ view })])),
  });
  useEffect(() => {
    if (field.current && document.activeElement !== field.current) field.current.value = state.find;
  }, [state.find]);
  const all = trace.journeys.length;
  const shown =
    journeys.length === all ? counted(all, 'packet') : `${formatNumber(journeys.length)} of ${counted(all, 'packet')}`;
  return (
    <header>
      <div class="row">
        <h1>ipft</h1>
        <nav aria-label="views">
          {VIEWS.map((view, index) => (
            <button
              type="button"
              key={view}
              aria-current={view === state.view ? 'page' : undefined}
              title={`key ${index + 1}`}
              onClick={() => go({ view })}
            >
              {view}
            </button>
          ))}
        </nav>
        <label class="find">
          <span class="hidden">find packets</span>
          <input
            ref={field}
            type="search"
            placeholder="find: 10.0.0.5  dropped  fn:tcp_v4_rcv   ( / )"
            title={FIND_HINT}
            defaultValue={state.find}
            spellcheck={false}
            onInput={({ currentTarget: { value } }) => {
              clearTimeout(timer.current);
              timer.current = window.setTimeout(() => go({ find: value }), REST_MS);
            }}
            onKeyDown={(event) => {
              if (event.key === 'Escape') event.currentTarget.blur();
            }}
          />
        </label>
        <button type="button" title="help (?)" aria-expanded={isHelpOpen} onClick={() => setHelpOpen(!isHelpOpen)}>
          ?
        </button>
      </div>
      <div class="row facts">
        {/* What changes all the time is not read aloud. */}
        <span role="status" aria-live={isLive ? 'off' : undefined}>
          {shown}, {counted(trace.events.count, 'event')}
        </span>
        <Outcomes {...props} />
        {trace.head.kernel !== '' && (
          <span class="source">
            Linux {trace.head.kernel}, {trace.head.backend}
          </span>
        )}
      </div>
      {trace.problem !== undefined && (
        <p class="warning" role="alert">
          {trace.problem}
        </p>
      )}
      {isHelpOpen && <Help isLive={isLive} onClose={() => setHelpOpen(false)} />}
    </header>
  );
}
