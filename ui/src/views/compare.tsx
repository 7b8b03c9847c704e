import type { ViewProps } from '../app.js';

export function CompareView({ journeys }: ViewProps) {
  return <p class="notice">{journeys.length}</p>;
}
