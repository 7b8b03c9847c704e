/** Reads the trace that the page holds, or follows the one that its server has, and shows it. */
import { render } from 'preact';
import { App } from './app.js';
import { LiveApp } from './live/live-app.js';
import { Server } from './live/server.js';
import { LiveSession } from './live/session.js';
import { DataError, type PartText, readTrace } from './trace/read.js';

/** Of what the page and its server tell each other. */
const LIVE_VERSION = 1;

const page = document.getElementById('page');
if (page) {
  try {
    const live = document.querySelector('script[type="application/ipft"][data-part="live"]');
    const app = live ? startLive(live.textContent ?? '') : <App trace={await readTrace(takeParts())} />;
    page.replaceChildren();
    render(app, page);
  } catch (error) {
    page.replaceChildren();
    render(
      <p class="notice">This page can not be shown: {error instanceof Error ? error.message : String(error)}.</p>,
      page,
    );
  }
}

/** @param text says which language the server speaks */
function startLive(text: string) {
  const { version } = JSON.parse(text);
  if (version !== LIVE_VERSION) throw new DataError(`its server speaks the version ${version}, not ${LIVE_VERSION}`);
  const server = new Server(location.href);
  return <LiveApp session={new LiveSession(server)} server={server} />;
}

/** The parts, whose elements are removed: they would take their memory twice. What was read is told. */
function* takeParts(): Iterable<PartText> {
  const notice = document.querySelector('#page > .notice');
  const elements = [...document.querySelectorAll<HTMLElement>('script[type="application/ipft"]')];
  for (const [index, element] of elements.entries()) {
    yield { kind: element.dataset['part'] ?? '', text: element.textContent ?? '' };
    element.remove();
    if (notice) notice.textContent = `Reading the trace … ${Math.floor(((index + 1) / elements.length) * 100)} %`;
  }
}
