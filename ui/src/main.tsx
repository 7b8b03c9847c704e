/** Reads the trace that the page holds, and shows it. */
import { render } from 'preact';
import { App } from './app.js';
import { type PartText, readTrace } from './trace/read.js';

const page = document.getElementById('page');
if (page) {
  try {
    const trace = await readTrace(takeParts());
    page.replaceChildren();
    render(<App trace={trace} />, page);
  } catch (error) {
    page.replaceChildren();
    render(
      <p class="notice">This page can not be shown: {error instanceof Error ? error.message : String(error)}.</p>,
      page,
    );
  }
}

/** The parts, whose elements are removed: they would take their memory twice. */
function* takeParts(): Iterable<PartText> {
  for (const element of [...document.querySelectorAll<HTMLElement>('script[type="application/ipft"]')]) {
    yield { kind: element.dataset['part'] ?? '', text: element.textContent ?? '' };
    element.remove();
  }
}
