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

/** The page that asks a server for its trace, and the policy that it may do so by. @throws IpftError `NOT_BUILT` */
export function readLivePage(): { readonly page: Uint8Array; readonly policy: string } {
  const { before, after } = readPageFrame();
  const live = before.replace("default-src 'none';", "default-src 'none'; connect-src 'self';");
  const policy = /http-equiv="Content-Security-Policy" content="([^"]+)"/.exec(live)?.[1];
  if (policy === undefined || live === before) throw new Error('the page has no policy');
  const part = '<script type="application/ipft" data-part="live">{"version":1}</script>\n';
  return { page: Buffer.from(`${live}${part}${after}`), policy };
}
