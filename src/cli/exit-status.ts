/** The exit statuses of `ipft`. `--help`, the man page and docs/output.md are made from these tables. */

export const STATUS_DONE = 0;
export const STATUS_ERROR = 1;
export const STATUS_USAGE = 2;
export const STATUS_LOSS = 3;
export const STATUS_INTERRUPTED = 130;

export interface ExitStatus {
  readonly status: number;
  /** Lower case, no final period. */
  readonly summary: string;
}

export const EXIT_STATUSES: readonly ExitStatus[] = [
  { status: STATUS_DONE, summary: 'done, also when Ctrl-C or a signal ended the trace' },
  { status: STATUS_ERROR, summary: 'an error; check: something is wrong; doctor: nothing can be traced' },
  { status: STATUS_USAGE, summary: 'the command line makes no sense' },
  { status: STATUS_LOSS, summary: 'with --strict: something was lost' },
  { status: STATUS_INTERRUPTED, summary: 'interrupted: a trace by the second Ctrl-C, all else by the first one' },
];

/** Statuses that get no other meaning later. Nothing ends with them yet. */
export const RESERVED_STATUSES: readonly ExitStatus[] = [
  { status: 4, summary: 'found: a command that looks for something has found it' },
  { status: 125, summary: 'a trace that runs a command: ipft failed, or with --strict something was lost' },
  { status: 126, summary: 'a trace that runs a command: it was found and could not be executed, as with env(1)' },
  { status: 127, summary: 'a trace that runs a command: it was not found, as with env(1)' },
];
