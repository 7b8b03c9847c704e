import { describe, expect, it } from 'vitest';
import type { Group } from '../../state.js';
import { groupJourneys } from './groups.js';
import { createTrace } from './testing.js';

const FLOW = { protocol: 6, source: '10.0.0.1:80', destination: '10.0.0.2:9' };

const TRACE = createTrace([
  { events: [{ time: 0, place: 2, cpu: 3 }], endpoints: FLOW, outcome: 'dropped' },
  {
    events: [{ time: 1, place: 1, cpu: 0 }],
    endpoints: { ...FLOW, source: FLOW.destination, destination: FLOW.source },
  },
  { events: [{ time: 2, place: 0, cpu: 3 }], outcome: 'dropped' },
  { events: [] },
]);

function groups(group: Group) {
  return groupJourneys(TRACE, TRACE.journeys, group).map(({ title, lanes, dropped }) => [title, [...lanes], dropped]);
}

describe('groups', () => {
  it('have all packets without a choice', () => {
    expect(groups('none')).toEqual([['all packets', [0, 1, 2, 3], 2]]);
  });

  it('have both directions of a flow', () => {
    expect(groups('flow')).toEqual([
      ['TCP 10.0.0.1:80 ↔ 10.0.0.2:9', [0, 1], 1],
      ['no flow', [2, 3], 1],
    ]);
  });

  it('are made by where the packet was first seen, what is not known comes last', () => {
    expect(groups('netns')).toEqual([
      ['first seen in server', [0], 1],
      ['first seen in client', [1], 0],
      ['not known', [2, 3], 1],
    ]);
    expect(groups('device').map(([title]) => title)).toEqual([
      ...['first seen in server eth1', 'first seen in client eth0', 'not known'],
    ]);
    expect(groups('cpu')).toEqual([
      ['first seen on CPU 0', [1], 0],
      ['first seen on CPU 3', [0, 2], 2],
      ['not known', [3], 0],
    ]);
  });

  it('are made by outcome', () => {
    expect(groups('outcome')).toEqual([
      ['delivered', [1, 3], 0],
      ['dropped', [0, 2], 2],
    ]);
  });
});
