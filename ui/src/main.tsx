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
