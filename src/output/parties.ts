/** The processes of a journey as text. */
import type { Journey } from '../base/journey.js';
import { printable } from '../base/printable.js';
import type { JourneyProcess } from '../base/process.js';

/** The part of a container's id that is shown, as its runtime does. */
const SHORT_ID = 12;

/** `by curl[1234] for nginx[99] (container web)`; undefined where neither is known. */
export function describeParties({ sender, receiver }: Pick<Journey, 'sender' | 'receiver'>): string | undefined {
  if (!sender && !receiver) return undefined;
  return [sender && `by ${describeParty(sender)}`, receiver && `for ${describeParty(receiver)}`]
    .filter((text) => text !== undefined)
    .join(' ');
}

/** `curl[1234]`. A process outside of the namespace of ids has none. */
export function describeParty({ command, pid, container, pod }: JourneyProcess): string {
  const name = pod === undefined ? (container?.name ?? container?.id?.slice(0, SHORT_ID)) : undefined;
  const where = pod === undefined ? name && ` (container ${name})` : ` (pod ${pod})`;
  return printable(`${command}${pid === undefined ? '' : `[${pid}]`}${where ?? ''}`);
}
