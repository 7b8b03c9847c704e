/** Who may ask the page's server, and what: decided before anything else is looked at. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

/** Where the server is, and who may ask it. */
export interface Gate {
  readonly port: number;
  readonly token: string;
}

/** Of a request that is let in, what stands behind the token; otherwise the status of the answer. */
export type Judgement = { readonly path: string; readonly query: URLSearchParams } | { readonly status: 403 | 404 };

/** The port that browsers leave out. */
const HTTP_PORT = 80;

/**
 * Lets in who knows the token and is no page of somewhere else. A name that another site has pointed at this machine is in
 * `Host`; a request that a page makes has its `Origin`, and says whether it comes from the same one (`Sec-Fetch-Site`).
 */
export function judge(
  {
    url = '',
    method,
    headers,
  }: { readonly url?: string | undefined; method?: string | undefined; headers: IncomingHttpHeaders },
  { port, token }: Gate,
): Judgement {
  const hosts = ['127.0.0.1', 'localhost'].flatMap((name) => [
    `${name}:${port}`,
    ...(port === HTTP_PORT ? [name] : []),
  ]);
  const { host, origin } = headers;
  if (host === undefined || !hosts.includes(host)) return { status: 403 };
  if (origin !== undefined && origin !== `http://${host}`) return { status: 403 };
  const site = headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return { status: 403 };
  // `none` is an address that a person has typed: nothing is sent by one.
  if (method === 'POST' && site === 'none') return { status: 403 };
  const [, given = '', path, query = ''] = /^\/([^/?#]*)(\/[^?#]*)(?:\?([^#]*))?$/.exec(url) ?? [];
  if (path === undefined || !isEqual(given, token)) return { status: 404 };
  return { path, query: new URLSearchParams(query) };
}

/** Takes as long whatever is wrong. */
function isEqual(given: string, token: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(token));
}
