import type { ViewProps } from '../app.js';

export function PathsView({ journeys }: ViewProps) {
  return <p class="notice">{journeys.length}</p>;
}
