/** The page that `-o html` puts a trace into: made of ui/ by the build. */
import { readFileSync } from 'node:fs';
import { causedBy, IpftError } from '../base/errors.js';
import { PACKAGE_ROOT } from '../base/package-root.js';
import type { PageFrame } from '../output/html.js';

/** Where the trace belongs. */
const PLACE_OF_TRACE = '<!-- trace -->';

/** @throws IpftError `NOT_BUILT` */
export function readPageFrame(): PageFrame {
  const page = readPage();
  const at = page.indexOf(PLACE_OF_TRACE);
  return { before: page.slice(0, at), after: page.slice(at + PLACE_OF_TRACE.length) };
}

function readPage(): string {
  try {
    return readFileSync(new URL('dist/ui/page.html', PACKAGE_ROOT), 'utf8');
  } catch (error) {
    throw causedBy(
      new IpftError(
        'NOT_BUILT',
        `reading the page of -o html: ${(error as Error).message}`,
        'the package is incomplete: install it again (in a clone, npm run build makes it)',
      ),
      error,
    );
  }
}
