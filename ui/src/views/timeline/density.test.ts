import { describe, expect, it } from 'vitest';
import { densityOf } from './density.js';
import { createTrace } from './testing.js';

describe('the density', () => {
  const trace = createTrace([
    { events: [{ time: 0 }, { time: 10 }], outcome: 'dropped' },
    { events: [{ time: 90 }, { time: 95 }, { time: 99 }] },
  ]);

  it('counts events and drops of each part of the time', () => {
    const { events, dropped, most } = densityOf(trace, trace.journeys, 'time', { from: 0, until: 100 }, 4);
    expect([[...events], [...dropped], most]).toEqual([[2, 0, 0, 3], [1, 0, 0, 0], 3]);
  });

  it('counts from the begin of each packet', () => {
    const { events } = densityOf(trace, trace.journeys, 'own', { from: 0, until: 12 }, 4);
    expect([...events]).toEqual([2, 1, 0, 2]);
  });
});
