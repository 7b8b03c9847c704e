import type { ViewProps } from '../app.js';

export function TimelineView({ journeys }: ViewProps) {
  return <p class="notice">{journeys.length}</p>;
}
