/** Checks before anything is compiled, loaded or attached. */
import { causedBy, EnvironmentError, UnsupportedFeatureError } from '../base/errors.js';
import { EPERM, errnoName } from '../sys/errno.js';
import { probeProgramLoading } from './features.js';
import { checkTraceableFunctions, ftraceIsOff } from './functions.js';
import { type Lockdown, loadLockdown } from './lockdown.js';
import { checkPrivileges, loadCapabilities } from './privileges.js';
import { isSwitchedOff, SWITCHES } from './switches.js';

/**
 * Checks permissions, lockdown, and that tracing programs can be loaded.
 * @throws EnvironmentError or UnsupportedFeatureError, the first that applies
 */
export function checkKernel(): void {
  checkPrivileges(loadCapabilities());
  if (loadLockdown() === 'confidentiality') throw lockedDown('confidentiality', 'BPF programs may not read its memory');
  explainLockdown(checkProgramLoading);
  if (isSwitchedOff('ftrace')) throw ftraceIsOff(`${SWITCHES.ftrace.name} is 0`);
  try {
    checkTraceableFunctions();
  } catch (error) {
    // Any other problem with the list of functions is told when functions are looked for. A switched-off ftrace must be
    // told now: backends would blame the kernel for it.
    if (error instanceof EnvironmentError && error.code === 'FTRACE_OFF') throw error;
  }
}

/**
 * Runs a check. On a locked-down kernel, what it throws becomes `LOCKED_DOWN`, with the original error as the cause.
 */
export function explainLockdown<T>(check: () => T): T {
  try {
    return check();
  } catch (error) {
    if (!(error instanceof EnvironmentError || error instanceof UnsupportedFeatureError)) throw error;
    const lockdown = loadLockdown();
    if (lockdown === 'none' || lockdown === 'unknown') throw error;
    throw causedBy(lockedDown(lockdown, error.message, error.hint), error);
  }
}

/** @param level as far as it is known */
function lockedDown(level: Lockdown, refusal: string, hint?: string): EnvironmentError {
  const name = level === 'locked' ? '' : ` (${level})`;
  const meaning =
    'lockdown keeps even root from looking into the running kernel; it is set by lockdown= on the kernel command line, ' +
    'by secure boot, or when the kernel is built. Trace on a machine without it, or in a virtual machine';
  return new EnvironmentError(
    'LOCKED_DOWN',
    `this kernel is locked down${name} and does not let itself be traced: ${refusal}`,
    hint === undefined ? meaning : `${meaning}; if lockdown is not the reason here: ${hint}`,
  );
}

function checkProgramLoading(): void {
  const errno = probeProgramLoading();
  if (errno === 0) return;
  if (errno === EPERM) {
    throw new EnvironmentError(
      'BPF_REFUSED',
      'the kernel refuses tracing programs (EPERM), though this process has the capabilities',
      'a security module, a container or lockdown forbids bpf(2) here: run it outside',
    );
  }
  throw new UnsupportedFeatureError('BPF', `the kernel refuses a BPF program (${errnoName(errno)})`);
}
