import { describe, expect, test } from 'vitest';
import { judge } from './gate.js';

const GATE = { port: 4711, token: 'the-token' };
const ask = (url: string, headers: Record<string, string> = {}, method = 'GET') =>
  judge({ url, method, headers: { host: '127.0.0.1:4711', ...headers } }, GATE);

test('who knows the token is let in, and told what stands behind it', () => {
  const judged = ask('/the-token/parts?trace=1&from=0');
  expect(judged).toMatchObject({ path: '/parts' });
  expect('query' in judged && judged.query.get('trace')).toBe('1');
  expect(ask('/the-token/')).toMatchObject({ path: '/' });
  expect(ask('/the-token/', { host: 'localhost:4711' })).toMatchObject({ path: '/' });
  expect(
    ask('/the-token/start', { origin: 'http://127.0.0.1:4711', 'sec-fetch-site': 'same-origin' }, 'POST'),
  ).toMatchObject({
    path: '/start',
  });
  expect(ask('/the-token/', { 'sec-fetch-site': 'none' })).toMatchObject({ path: '/' });
});

test.each([
  '/',
  '',
  '/the-token',
  '/the-toke/',
  '/the-token2/',
  '//the-token/',
  '/x/the-token/',
  '/the-token%2f/',
  'http://x/the-token/',
  '*',
  '/?the-token/',
  '/THE-TOKEN/',
  '/\u0000/',
])('%j is not there', (url) => expect(ask(url)).toEqual({ status: 404 }));

describe('refuses, whatever the token is,', () => {
  test.each([
    ['a name that leads here', { host: 'evil.example:4711' }],
    ['another port', { host: '127.0.0.1:80' }],
    ['no port', { host: '127.0.0.1' }],
    ['a name that ends alike', { host: 'evil-127.0.0.1:4711' }],
    ['another origin', { origin: 'http://evil.example' }],
    ['another port of this machine', { origin: 'http://127.0.0.1:4712' }],
    ['another name of this machine', { origin: 'http://localhost:4711' }],
    ['the origin of a file', { origin: 'null' }],
    ['what another site has sent', { 'sec-fetch-site': 'cross-site' }],
    ['what another port has sent', { 'sec-fetch-site': 'same-site' }],
  ])('%s', (_what, headers) => expect(ask('/the-token/', headers)).toEqual({ status: 403 }));

  test('no name at all, and a form that an address has sent', () => {
    expect(judge({ url: '/the-token/', headers: {} }, GATE)).toEqual({ status: 403 });
    expect(ask('/the-token/start', { 'sec-fetch-site': 'none' }, 'POST')).toEqual({ status: 403 });
  });
});

test('browsers leave out port 80', () => {
  const gate = { port: 80, token: 't' };
  expect(judge({ url: '/t/', headers: { host: '127.0.0.1', origin: 'http://127.0.0.1' } }, gate)).toMatchObject({
    path: '/',
  });
});
