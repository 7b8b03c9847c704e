/** What a trace asks of whoever asked for it. */
import type { EventStruct } from '../fields/event-struct.js';
import type { BackendChoice } from '../probes/backends.js';

/** Whoever asked for a trace: is told of what happens, and may end it. */
export interface TraceHost {
  /** Ends whatever is being done, with its reason. */
  readonly signal: AbortSignal;
  /** Something may need attention, though tracing goes on. */
  warn(text: string): void;
  /** What the compiler of an extension says, as it comes. */
  onCompilerOutput(text: string): void;
  /** Whether that may have colours. */
  readonly hasColor?: boolean;
  /** The fields are known, and nothing is loaded yet. @throws if the host can't show them */
  checkFields?(struct: EventStruct): void;
  /** A backend was chosen. */
  onBackend?(choice: BackendChoice): void;
  /** Modules were loaded while tracing, and so many of their functions are traced now. */
  onModule?(module: string, traced: number, functions: number): void;
}
