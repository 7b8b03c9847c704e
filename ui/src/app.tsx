/** The whole page: what is chosen, the views, and the packet that is looked at. */
import type { ComponentType } from 'preact';
import { useEffect, useMemo, useState } from 'preact/hooks';
import { findJourneys } from './find.js';
import { Header } from './parts/header.js';
import { readState, type View, type ViewState, writeState } from './state.js';
import type { Journey, Trace } from './trace/trace.js';
import { CompareView } from './views/compare.js';
import { PacketView } from './views/packet.js';
import { PathsView } from './views/paths.js';
import { TableView } from './views/table.js';
import { TimelineView } from './views/timeline.js';

/** What every view gets. */
export interface ViewProps {
  readonly trace: Trace;
  /** The journeys that the words choose, by begin. */
  readonly journeys: readonly Journey[];
  readonly state: ViewState;
  /** Changes what is shown, and the page's address with it. */
  readonly go: (change: Partial<ViewState>) => void;
  /** Whether packets are still added to the trace. */
  readonly isLive: boolean;
}

const COMPONENTS: Record<View, ComponentType<ViewProps>> = {
  timeline: TimelineView,
  paths: PathsView,
  table: TableView,
  compare: CompareView,
};

export interface AppProps {
  readonly trace: Trace;
  readonly isLive?: boolean;
  /** What stands where there is no packet to show. */
  readonly empty?: string;
}

export function App({ trace, isLive = false, empty = 'There is no packet in this trace.' }: AppProps) {
  const [state, setState] = useState(() => readState(location.hash));
  useEffect(() => {
    const follow = () => setState(readState(location.hash));
    addEventListener('hashchange', follow);
    return () => removeEventListener('hashchange', follow);
  }, []);
  const go = (change: Partial<ViewState>) => {
    setState((before) => {
      const after = { ...before, ...change };
      // Another view or packet is a step back for the browser's button; how it is shown is none.
      const isStep = after.view !== before.view || after.packet !== before.packet;
      history[isStep ? 'pushState' : 'replaceState'](null, '', writeState(after));
      return after;
    });
  };
  const journeys = useMemo(() => findJourneys(trace, state.find), [trace, state.find]);
  const packet = state.packet === undefined ? undefined : trace.find(state.packet);
  const View = COMPONENTS[state.view];
  const props: ViewProps = { trace, journeys, state, go, isLive };
  return (
    <div class={packet && state.view !== 'compare' ? 'app has-packet' : 'app'}>
      <Header {...props} />
      <main class="view" aria-label={state.view}>
        {journeys.length > 0 ? (
          <View {...props} />
        ) : (
          <p class="notice">{trace.journeys.length === 0 ? empty : 'No packet fits these words.'}</p>
        )}
      </main>
      {packet && state.view !== 'compare' && <PacketView {...props} journey={packet} />}
    </div>
  );
}
