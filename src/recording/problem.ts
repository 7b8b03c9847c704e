/** What is wrong with the file of a recording, for people. */
import { causedBy, IpftError, ParseError } from '../base/errors.js';
import { printable } from '../base/printable.js';
import { CutError } from './format.js';

/** A file that is no recording, or can't be read as one. */
export class RecordingError extends IpftError {
  /** Whether it only lacks what may still be written. */
  readonly isCut: boolean;

  constructor(path: string, problem: string, isCut = false) {
    super(
      'RECORDING',
      `reading the recording ${printable(path)}: ${problem}`,
      'ipft show takes files that ipft record has written',
    );
    this.isCut = isCut;
  }
}

/** What is wrong, without the name of the file; undefined for an error that does not come from what the file holds. */
export function describeProblem(error: unknown): string | undefined {
  if (error instanceof ParseError && error.format === 'recording')
    return error.message.replace(/^recording (at byte 0: )?/, '');
  // From what reads BTF and event structs.
  if (error instanceof IpftError) return `its fields can't be read: ${error.message}`;
  const hasNoMemory = error instanceof RangeError && /allocation failed/.test(error.message);
  if (error instanceof RangeError && !hasNoMemory) return `its numbers make no sense: ${error.message}`;
  // Without the call and the path, which stand behind a comma.
  return error instanceof Error && 'syscall' in error ? error.message.replace(/, .*/s, '') : undefined;
}

/** The error about a file, from one of what reads its content. */
export function aboutFile(path: string, error: unknown): unknown {
  if (error instanceof RecordingError) return error;
  const problem = describeProblem(error);
  return problem === undefined ? error : causedBy(new RecordingError(path, problem, error instanceof CutError), error);
}
