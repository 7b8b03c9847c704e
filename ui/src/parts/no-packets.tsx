/** What stands where packets would. */
import type { Trace } from '../trace/trace.js';

export function NoPackets({ trace }: { readonly trace: Trace }) {
  return (
    <p class="notice">{trace.journeys.length === 0 ? 'This trace has no packets.' : 'No packet fits these words.'}</p>
  );
}
