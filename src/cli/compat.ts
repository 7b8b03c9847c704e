/**
 * Profiles: forms of the output that scripts written for another tool read. The environment chooses one, since the
 * command line of such a script is not to be changed. What a profile means is decided here; outputs are told by options
 * of their own.
 */
import { UsageError } from '../base/errors.js';
import { printable } from '../base/printable.js';
import type { JourneyOrder } from '../journey/assembler.js';

const PROFILES = ['ipftrace2'] as const;

export type CompatProfile = (typeof PROFILES)[number];

/** The variable of the environment that names a profile; empty is none. */
export const COMPAT_VARIABLE = 'IPFT_COMPAT';

/** What differs with a profile from what is printed otherwise. */
export interface OutputForm {
  /** Text: a packet's events stand below a line that is `===` and nothing else; there is no summary. */
  readonly plainText: boolean;
  /** Text: in which order packets are shown, where it is not said. */
  readonly order: JourneyOrder;
  /** JSON: only events. */
  readonly jsonEventsOnly: boolean;
}

/** @throws UsageError for a profile that there is not */
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
