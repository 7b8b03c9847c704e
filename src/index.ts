/**
 * The library: what the command line is made of. Nothing here writes to stdout or stderr.
 *
 *     checkKernel();
 *     const { backend } = await chooseBackend('function');
 *     const { targets, freeing } = loadTargets(backend.access, { functionPattern: /^ip_/ });
 *     const session = Session.open({ backend, tracer: 'function', targets, freeing, mark: 0xdeadbeef, … });
 *     await session.attach(signal);
 *     session.read((event) => { … });
 *     await session.release();
 */
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
export type { EventTaker, FieldWriter, SymbolWriter, TraceEvent } from './base/event.js';
export { printable } from './base/printable.js';
export { type Target, VMLINUX } from './base/target.js';
export type { CompileOptions } from './extension/compile.js';
export type { EventStruct } from './extension/event-struct.js';
export { checkSuffix, type Extension, loadExtension, parseExtension } from './extension/extension.js';
export { loadModuleHeader, loadModuleSkeleton } from './extension/skeleton.js';
export { loadSymbolAddresses } from './kernel/functions.js';
export { checkKernel } from './kernel/preflight.js';
export { loadSymbolWriter } from './kernel/symbols.js';
export { AggregateOutput } from './output/aggregate.js';
export { JsonOutput } from './output/json.js';
export type { Output, OutputContext } from './output/output.js';
export type {
  AttachProgress,
  Backend,
  BackendName,
  ReleaseProgress,
  TracerName,
} from './tracer/backend.js';
export { BACKENDS, type BackendChoice, checkMethod, chooseBackend, probeBackend } from './tracer/backends.js';
export { canLoadPrograms, checkExtension, type ExtensionCheck } from './tracer/check.js';
export { type Diagnosis, type DoctorCheck, diagnose, type TracerDiagnosis } from './tracer/doctor.js';
export { exitAtOnce, raiseLimits, setDebugLog } from './tracer/process.js';
export { PAGE_SIZE, Session, type SessionLosses, type SessionOptions } from './tracer/session.js';
export {
  type ExcludedFunction,
  loadModuleTargets,
  loadTargets,
  type TargetFilter,
  type TargetSelection,
} from './tracer/targets.js';
