/** What the trace does, in words, and what can be done with it. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { useKeys } from '../parts/keys.js';
import { Form } from './form.js';
import type { Server } from './server.js';
import type { LiveView } from './session.js';
import type { Problem } from './status.js';
import { tellMissing, tellState, tellTraced } from './tell.js';
import { toWords } from './words.js';

export interface LiveBarProps {
  readonly view: LiveView;
  readonly server: Server;
  /** What went wrong with what was asked for here. */
  readonly problem: Problem | undefined;
  /** Does it, and shows what goes wrong. @returns whether it went well */
  readonly attempt: (what: () => Promise<void>) => Promise<boolean>;
  readonly onOpen: (file: File) => void;
  readonly onPause: () => void;
}

export function LiveBar({ view, server, problem, attempt, onOpen, onPause }: LiveBarProps) {
  const { status, link, isPaused } = view;
  const [isFormOpen, setFormOpen] = useState<boolean | undefined>();
  const picker = useRef<HTMLInputElement>(null);
  const canTrace = status?.canTrace ?? false;
  const isIdle = status?.state === 'idle';
  const isGrowing = status !== undefined && status.state !== 'idle' && status.state !== 'ended';
  const canAsk = status !== undefined && link === 'there';
  // Where nothing is traced, that is what people have come for.
  const hasForm = canTrace && (isFormOpen ?? isIdle);
  const choose = () => picker.current?.click();
  useKeys({
    p: () => isGrowing && onPause(),
    o: choose,
    t: () => canTrace && setFormOpen(!hasForm),
  });
  const missing = tellMissing(view);
  return (
    <section class="live-bar" aria-label="trace">
      <div class="row">
        <span class={`live-state is-${link === 'there' ? (status?.state ?? 'idle') : 'gone'}`} role="status">
          {tellState(view)}
        </span>
        {status && status.title !== '' && (
          <span class="live-title" title={status.title}>
            {status.title}
          </span>
        )}
        {status && status.traced.events > 0 && <span class="live-counts">{tellTraced(status)}</span>}
        <span class="live-buttons">
          {(isGrowing || isPaused) && (
            <button
              type="button"
              title={isPaused ? 'show what has come (key p)' : 'pause the picture; the trace goes on (key p)'}
              aria-pressed={isPaused}
              onClick={onPause}
            >
              {isPaused ? 'go on' : 'pause'}
            </button>
          )}
          {isGrowing && status?.state !== 'stopping' && (
            <button type="button" disabled={!canAsk} onClick={() => void attempt(() => server.stop())}>
              stop
            </button>
          )}
          {canTrace && (
            <button
              type="button"
              title="key t"
              aria-expanded={hasForm}
              aria-controls="live-form"
              onClick={() => setFormOpen(!hasForm)}
            >
              trace …
            </button>
          )}
          <button type="button" title="key o, or drop it here" disabled={!canAsk} onClick={choose}>
            open …
          </button>
          <input
            ref={picker}
            type="file"
            accept=".ipft"
            hidden
            aria-label="open a recording"
            onChange={({ currentTarget }) => {
              const [file] = currentTarget.files ?? [];
              if (file) onOpen(file);
              // The same file may be chosen again.
              currentTarget.value = '';
            }}
          />
        </span>
      </div>
      <Link link={link} />
      {[status?.problem, problem].map(
        (one, index) =>
          one && (
            <p class="warning live-problem" role="alert" key={String(index)}>
              {one.message}
              {one.hint !== undefined && <span class="live-hint"> {one.hint}</span>}
            </p>
          ),
      )}
      {missing.length > 0 && <p class="live-missing warning">{missing.join(' ')}</p>}
      {/* It stays what it is when it is closed. */}
      {canTrace && status && (
        <div id="live-form" hidden={!hasForm}>
          <Form
            {...{ status, server }}
            problem={problem}
            canStart={canAsk && !isGrowing}
            onStart={async (fields) => {
              if (await attempt(() => server.start(toWords(fields)))) setFormOpen(false);
            }}
          />
        </div>
      )}
    </section>
  );
}

function Link({ link }: { readonly link: LiveView['link'] }) {
  const [isOld, setOld] = useState(false);
  useEffect(() => {
    setOld(false);
    // A server that answers again soon need not be told of.
    const timer = setTimeout(() => setOld(true), 500);
    return () => clearTimeout(timer);
  }, [link]);
  if (link === 'there' || !isOld) return null;
  return (
    <p class="warning live-problem" role="alert">
      {link === 'gone'
        ? 'ipft ui does not answer: it has ended, or it can not be reached. What is here stays; if it answers again, it goes on.'
        : 'This page is no longer one of a running ipft ui. What is here stays; a new one has another address.'}
    </p>
  );
}
