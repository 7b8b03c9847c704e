import { expect, test } from 'vitest';
import type { LiveView } from './session.js';
import { readStatus } from './status.js';
import { tellMissing, tellState } from './tell.js';

const NOTHING = { journeys: 0, events: 0 };
const view = (status: object | undefined, over: Partial<LiveView> = {}): LiveView => ({
  ...{ trace: undefined, link: 'there', isPaused: false, forgotten: NOTHING, missed: NOTHING },
  ...{ status: status && readStatus(status), ...over },
});

test('the state in words', () => {
  expect(tellState(view(undefined))).toBe('asking ipft …');
  expect(tellState(view(undefined, { link: 'gone' }))).toBe('ipft does not answer');
  expect(tellState(view({ state: 'idle', canTrace: true }))).toBe('nothing is traced');
  expect(tellState(view({ state: 'tracing' }, { isPaused: true }))).toBe('tracing, paused');
  expect(tellState(view({ state: 'ended', trace: 1 }))).toBe('the trace has ended');
});

test('nothing is said where nothing is missing, and one of a kind is one', () => {
  expect(tellMissing(view({ state: 'tracing' }))).toEqual([]);
  expect(tellMissing(view({ lost: 1, missed: 1, warnings: ['a module was not looked at'] }))).toEqual([
    '1 event could not be read: there were too many at once.',
    '1 call could not be seen by the kernel.',
    'a module was not looked at.',
  ]);
});

test('what the page and what the server forgot is one', () => {
  const over = { forgotten: { journeys: 1000, events: 2000 }, missed: { journeys: 1, events: 2 } };
  expect(tellMissing(view({}, over))).toEqual(['The oldest 1,001 packets with 2,002 events are no longer kept.']);
});
