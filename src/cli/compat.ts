/**
 * Profiles of the output for scripts that were written for another tool. The environment chooses one, since the command
 * line of such a script is not to be changed. Only this file knows what a profile means; outputs have options of their
 * own.
 */
import { UsageError } from '../base/errors.js';
import { printable } from '../base/printable.js';
import type { JourneyOrder } from '../journey/assembler.js';

const PROFILES = ['ipftrace2'] as const;

export type CompatProfile = (typeof PROFILES)[number];

/** The environment variable that names a profile; empty for none. */
export const COMPAT_VARIABLE = 'IPFT_COMPAT';

/** The options of outputs that a profile sets. */
export interface OutputForm {
  /** Text: a packet's events stand below a line that is `===` and nothing else; there is no summary. */
  readonly plainText: boolean;
  /** Text: the default order of packets. */
  readonly order: JourneyOrder;
  /** JSON: only events. */
  readonly jsonEventsOnly: boolean;
}

/** @throws UsageError for an unknown profile */
export function findCompatProfile(environment: NodeJS.ProcessEnv): CompatProfile | undefined {
  const named = environment[COMPAT_VARIABLE] ?? '';
  if (named === '') return undefined;
  const found = PROFILES.find((profile) => profile === named);
  if (found !== undefined) return found;
  throw new UsageError(
    `the environment variable ${COMPAT_VARIABLE} names '${printable(named)}': there is ${PROFILES.join(', ')}`,
    `unset it for ipft's own output`,
  );
}

export function outputFormOf(profile: CompatProfile | undefined): OutputForm {
  const isOld = profile === 'ipftrace2';
  return { plainText: isOld, order: isOld ? 'begin' : 'end', jsonEventsOnly: isOld };
}
