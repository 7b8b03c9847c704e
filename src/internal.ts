/** What the command line, the benchmark and the demo take from the layers below. The library is `index.ts`. */
export {
  EnvironmentError,
  ExtensionError,
  IpftError,
  ParseError,
  SystemCallError,
  UnsupportedFeatureError,
  UsageError,
  VerifierError,
} from './base/errors.js';
export type { FieldWriter, RecordTaker, SymbolWriter, TraceEvent } from './base/event.js';
export {
  type Began,
  type Ended,
  type Fate,
  type Journey,
  type Moved,
  OUTCOMES,
  type Outcome,
  type Place,
} from './base/journey.js';
export type { BackendName, TracerName } from './base/method.js';
export { printable } from './base/printable.js';
export { type Target, VMLINUX } from './base/target.js';
export { TextBuffer } from './base/text-buffer.js';
export type { CompileOptions } from './extension/compile.js';
export { checkJsonNames, type EventStruct } from './extension/event-struct.js';
export { loadExampleNames } from './extension/examples.js';
export { checkSuffix, type Extension, loadExtension, parseExtension, refuseLua } from './extension/extension.js';
export { loadModuleHeader, loadModuleSkeleton } from './extension/skeleton.js';
export { Places } from './journey/places.js';
export { type EventSink, JourneyTracker } from './journey/tracker.js';
export { loadSymbolAddresses } from './kernel/functions.js';
export { checkKernel } from './kernel/preflight.js';
export { kernelNamesAddresses, loadSymbolWriter } from './kernel/symbols.js';
export { createKernelNames } from './library/kernel-names.js';
export { SessionReader } from './library/reader.js';
export { type AggregateOptions, AggregateOutput } from './output/aggregate.js';
export { createJsonOutput, type JsonOptions } from './output/json.js';
export type { KernelNames } from './output/outcome.js';
export type { Output, OutputContext } from './output/output.js';
export { type Diff, type PathsOptions, PathsOutput } from './output/paths.js';
export type {
  AttachProgress,
  Backend,
  ReleaseProgress,
} from './tracer/backend.js';
export { BACKENDS, type BackendChoice, checkMethod, chooseBackend, probeBackend } from './tracer/backends.js';
export { canLoadPrograms, checkExtension, type ExtensionCheck, findProblem } from './tracer/check.js';
export { type Diagnosis, type DoctorCheck, diagnose, type TracerDiagnosis } from './tracer/doctor.js';
export { exitAtOnce, ignoreSignal, leaveTimeToEnd, raiseLimits, setDebugLog } from './tracer/process.js';
export { MAX_TARGETS, PAGE_SIZE, Session, type SessionLosses, type SessionOptions } from './tracer/session.js';
export {
  type ExcludedFunction,
  loadModuleTargets,
  loadTargets,
  type TargetFilter,
  type TargetSelection,
} from './tracer/targets.js';
