/** The page that `-o html` puts a trace into: made of ui/ by the build. */
import { readFileSync } from 'node:fs';
import { PACKAGE_ROOT } from '../base/package-root.js';
import type { PageFrame } from '../output/html.js';

/** Where the trace belongs. */
const PLACE_OF_TRACE = '<!-- trace -->';

export function readPageFrame(): PageFrame {
  const page = readFileSync(new URL('dist/ui/page.html', PACKAGE_ROOT), 'utf8');
  const at = page.indexOf(PLACE_OF_TRACE);
  return { before: page.slice(0, at), after: page.slice(at + PLACE_OF_TRACE.length) };
}
