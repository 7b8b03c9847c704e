/** The exit statuses of `ipft`. `--help`, the man page and docs/output.md are made from these tables. */

export const STATUS_DONE = 0;
export const STATUS_ERROR = 1;
export const STATUS_USAGE = 2;
export const STATUS_LOSS = 3;
export const STATUS_INTERRUPTED = 130;
/** Those of a trace that runs a command, whose own status it ends with otherwise. As env(1) has them. */
export const STATUS_WITHOUT_COMMAND = 125;
export const STATUS_NOT_EXECUTABLE = 126;
export const STATUS_NOT_FOUND = 127;

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
  {
    status: STATUS_WITHOUT_COMMAND,
    summary: 'with a program: ipft failed, the command line makes no sense, or with --strict something was lost',
  },
  { status: STATUS_NOT_EXECUTABLE, summary: 'with a program: it is there, and can not be executed' },
  { status: STATUS_NOT_FOUND, summary: 'with a program: it is not there' },
  { status: STATUS_INTERRUPTED, summary: 'interrupted: a trace by the second Ctrl-C, all else by the first one' },
];

/** The exit status of a trace whose command has ended: as a shell tells it, 128 and the number of a signal. */
export function statusOfCommand({
  exitCode,
  signal,
}: {
  exitCode: number | undefined;
  signal: number | undefined;
}): number {
  if (exitCode !== undefined) return exitCode;
  return signal === undefined ? STATUS_WITHOUT_COMMAND : 128 + signal;
}

/** Statuses that get no other meaning later. Nothing ends with them yet. */
export const RESERVED_STATUSES: readonly ExitStatus[] = [
  { status: 4, summary: 'found: a command that looks for something has found it' },
];
