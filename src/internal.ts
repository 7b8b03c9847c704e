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
export { canLoadPrograms, checkExtension, type ExtensionCheck, findProblem } from './capture/check.js';
export { type Diagnosis, type DoctorCheck, diagnose, type TracerDiagnosis } from './capture/doctor.js';
export { exitAtOnce, ignoreSignal, leaveTimeToEnd, raiseLimits, setDebugLog } from './capture/process.js';
export { MAX_TARGETS, PAGE_SIZE, Session, type SessionLosses, type SessionOptions } from './capture/session.js';
export type { CompileOptions } from './fields/c/compile.js';
export { loadExampleNames } from './fields/c/examples.js';
export { checkSuffix, type Extension, loadExtension, parseExtension, refuseLua } from './fields/c/extension.js';
export { loadModuleHeader, loadModuleSkeleton } from './fields/c/skeleton.js';
export { checkJsonNames, type EventStruct } from './fields/event-struct.js';
export { Places } from './journey/places.js';
export { type EventSink, JourneyTracker } from './journey/tracker.js';
export { loadSymbolAddresses } from './kernel/functions.js';
export { checkKernel } from './kernel/preflight.js';
export { kernelNamesAddresses, loadSymbolWriter } from './kernel/symbols.js';
export { type AggregateOptions, AggregateOutput } from './output/aggregate.js';
export { createJsonOutput, type JsonOptions } from './output/json.js';
export type { KernelNames } from './output/outcome.js';
export type { Output, OutputContext } from './output/output.js';
export { type Diff, type PathsOptions, PathsOutput } from './output/paths.js';
export type {
  AttachProgress,
  Backend,
  ReleaseProgress,
} from './probes/backend.js';
export { BACKENDS, type BackendChoice, checkMethod, chooseBackend, probeBackend } from './probes/backends.js';
export {
  type ExcludedFunction,
  loadModuleTargets,
  loadTargets,
  type TargetFilter,
  type TargetSelection,
} from './probes/targets.js';
export { createKernelNames } from './trace/kernel-names.js';
export { SessionReader } from './trace/reader.js';
