/** The page of a running trace: what it does and how it is going above, the page as ever below. */
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { App } from '../app.js';
import { readState, writeState } from '../state.js';
import type { Trace } from '../trace/trace.js';
import { LiveBar } from './bar.js';
import { DropArea } from './drop.js';
import { type Server, ServerError } from './server.js';
import type { LiveSession, LiveView } from './session.js';
import type { Problem } from './status.js';

/** Stands where no part of a trace is there yet. */
const NO_TRACE: Trace = {
  head: {
    ...{ ipft: '', kernel: '', backend: '', began: 0n, realtime: 0n, hasReturns: false, fields: [] },
  },
  ...{ functions: [], places: [], journeys: [], problem: undefined },
  events: {
    ...{ count: 0, time: new Float64Array(0), fn: new Uint16Array(0), place: new Uint16Array(0) },
    ...{ cpu: new Uint16Array(0), flags: new Uint8Array(0), depth: new Uint8Array(0) },
    sinceEntry: new Float64Array(0),
  },
  details: () => Promise.resolve({ snapshots: [], changes: [] }),
  find: () => undefined,
};

export function LiveApp({ session, server }: { readonly session: LiveSession; readonly server: Server }) {
  const [view, setView] = useState(session.view);
  /** What went wrong with what was asked for here. */
  const [problem, setProblem] = useState<Problem | undefined>();
  useEffect(() => session.follow(setView), [session]);
  const { status, trace = NO_TRACE } = view;
  const number = status?.trace;
  // Traces are counted from 1.
  const known = useRef(0);
  if (number !== undefined && number !== known.current) {
    // What the address names is of the trace before. Of the first one it is what was asked for.
    if (known.current > 0) forgetChoice();
    known.current = number;
  }
  useEffect(() => {
    document.title = status?.title ? `ipft: ${status.title}` : 'ipft';
  }, [status?.title]);
  const attempt = async (what: () => Promise<void>): Promise<boolean> => {
    setProblem(undefined);
    try {
      await what();
      return true;
    } catch (error) {
      if (!(error instanceof ServerError)) throw error;
      setProblem(error.problem);
      return false;
    }
  };
  const open = (file: File) => void attempt(() => server.open(file));
  const empty = tellEmpty(view);
  // Drawn again when packets come, not with each count.
  const app = useMemo(() => <App key={number} trace={trace} isLive empty={empty} />, [number, trace, empty]);
  return (
    <div class="live">
      <LiveBar
        {...{ view, server, problem, attempt }}
        onOpen={open}
        onPause={() => session.pause(!session.view.isPaused)}
      />
      {app}
      <DropArea onDrop={open} />
    </div>
  );
}

function forgetChoice(): void {
  const none = { packet: undefined, other: undefined, from: undefined, until: undefined, node: undefined };
  history.replaceState(null, '', writeState({ ...readState(location.hash), ...none }));
}

function tellEmpty({ status }: LiveView): string {
  if (!status) return 'Asking ipft what it traces …';
  const { state, canTrace, traced } = status;
  if (state === 'starting') return 'The trace is being started.';
  if (state === 'opening') return 'The recording is being read.';
  if (state === 'tracing' || state === 'stopping')
    return traced.journeys === 0
      ? 'No packet has been seen yet. A packet is shown when its journey through the kernel has ended.'
      : 'The packets are on their way here.';
  if (state === 'ended') return 'There is no packet in this trace.';
  return canTrace
    ? 'Nothing is traced yet. Say which packets above, and start; or drop a recording (.ipft) here.'
    : 'Drop a recording (.ipft) here, or open one above.';
}
