/** The host of a trace: the command line, or the library. */
import type { EventFields } from '../fields/field-set.js';
import type { ScriptPrinter } from '../fields/printer.js';
import type { BackendChoice } from '../probes/backends.js';

/** Is told how a trace is prepared, and may end it. */
export interface TraceHost {
  /** Ends the work, which then rejects with the signal's reason. */
  readonly signal: AbortSignal;
  /** Gets a warning; tracing goes on. */
  warn(text: string): void;
  /** Gets the output of an extension's compiler. */
  onCompilerOutput(text: string): void;
  /** Takes what an extension prints that is a script. Default: nobody. */
  readonly printer?: ScriptPrinter | undefined;
  /** Whether that output may have colours. */
  readonly hasColor?: boolean;
  /** The fields are known, and no program is loaded yet. @throws an error if the host can't show them */
  checkFields?(fields: EventFields): void;
  /** A backend was chosen. */
  onBackend?(choice: BackendChoice): void;
  /** A module was loaded while tracing, and some of its functions are traced now. */
  onModule?(module: string, traced: number, functions: number): void;
}
