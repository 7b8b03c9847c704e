/**
 * Finds out what this machine has for tracing, what it lacks, and what to do about that. It tries each feature, and
 * leaves nothing behind.
 */

import { existsSync, readFileSync } from 'node:fs';
import { release } from 'node:os';
import { fileURLToPath } from 'node:url';
import { causedBy, IpftError } from '../base/errors.js';
import { type BackendName, TRACER_NAMES, type TracerName } from '../base/method.js';
import { PACKAGE_ROOT } from '../base/package-root.js';
import { VMLINUX } from '../base/target.js';
import type { Btf } from '../btf/btf.js';
import { compileExtension } from '../fields/c/compile.js';
import { loadKernelBtf } from '../kernel/btf.js';
import {
  hasAttachCookies,
  hasReadOnlyCast,
  probeKprobeMulti,
  probeKprobeSession,
  probeKprobes,
  probeProgramLoading,
  probeTracingMulti,
  probeTrampolines,
  type Support,
} from '../kernel/features.js';
import { loadTraceableFunctions } from '../kernel/functions.js';
import { loadLockdown } from '../kernel/lockdown.js';
import { loadModules } from '../kernel/modules.js';
import { explainLockdown } from '../kernel/preflight.js';
import { type Capability, canTrace, loadCapabilities } from '../kernel/privileges.js';
import { isSwitchedOff, SWITCHES } from '../kernel/switches.js';
import { BACKENDS, probeBackend } from '../probes/backends.js';
import { probeRingBuffer } from '../sys/bpf.js';
import { errnoName } from '../sys/errno.js';
import { loadLibbpfVersion } from '../sys/libbpf.js';
import { tryLoading } from './check.js';

/** `ok`; `missing`: tracing does without it, or with less; `bad`: nothing can be traced; `unknown`: it can't be told. */
export type DoctorStatus = 'ok' | 'missing' | 'bad' | 'unknown';

export interface DoctorCheck {
  readonly name: string;
  readonly status: DoctorStatus;
  /** The finding. */
  readonly result: string;
  /** A remedy, where there is one. */
  readonly remedy?: string;
}

/** Whether a backend works here with a tracer. */
export interface TracerDiagnosis {
  readonly backend: BackendName;
  readonly tracer: TracerName;
  /** Undefined if it could not be found out. */
  readonly works: boolean | undefined;
  /** The reason why it does not work, or why that could not be found out. */
  readonly reason?: string;
}

export interface Diagnosis {
  readonly checks: readonly DoctorCheck[];
  readonly tracers: readonly TracerDiagnosis[];
  /** The backends that `ipft` chooses by itself; undefined where none works. */
  readonly chosen: Readonly<Record<TracerName, BackendName | undefined>>;
}

/** An example of every package, with all parts of an extension. */
const EXAMPLE = fileURLToPath(new URL('examples/extensions/skb-len.bpf.c', PACKAGE_ROOT));
const RING_REMEDY =
  'Linux 5.8 is the first that has it; before 5.11 it counts as locked memory, which ulimit -l or CAP_SYS_RESOURCE allows';
const ASK_AS_ROOT = 'asking the kernel needs root, or CAP_BPF and CAP_PERFMON';

/** Diagnoses this machine. Without privileges it tells as much as can be known. */
export async function diagnose(): Promise<Diagnosis> {
  const capabilities = loadCapabilities();
  const mayAsk = canTrace(capabilities);
  const vmlinux = attempt(loadKernelBtf);
  const btf = vmlinux instanceof IpftError ? undefined : vmlinux;
  const loading = mayAsk ? probeProgramLoading() : undefined;
  const checks: DoctorCheck[] = [
    checkKernel(),
    checkBtf(vmlinux),
    checkModuleBtf(),
    checkLockdown(),
    checkCapabilities(capabilities),
    checkTracefs(),
    checkFtrace(),
    checkErrno(
      'BPF programs',
      loading,
      'a security module, a container or lockdown forbids bpf(2) here: run it outside',
    ),
    checkErrno('BPF ring buffer', mayAsk ? probeRingBuffer() : undefined, RING_REMEDY),
    await checkFeature('kprobe.multi (FPROBE)', mayAsk, () => probeKprobeMulti()),
    await checkFeature('kprobe sessions', mayAsk && btf !== undefined, () => probeKprobeSession(btf!)),
    await checkFeature('kprobe events', mayAsk, () => probeKprobes()),
    await checkFeature('fentry, fexit', mayAsk && btf !== undefined, () => probeTrampolines(btf!)),
    await checkFeature('fentry.multi', mayAsk, () => probeTracingMulti(true)),
    checkKnowledge(
      'bpf_rdonly_cast',
      btf,
      hasReadOnlyCast,
      'marks are read with a helper, which costs more (Linux 6.2 has it)',
    ),
    checkKnowledge(
      'attach cookies',
      btf,
      hasAttachCookies,
      'functions are told apart by address (Linux 5.15 has them)',
    ),
    checkIbt(),
    checkLibbpf(),
    await checkCompiler(),
  ];
  const blocker = checks.find(({ status }) => status === 'bad');
  const tracers: TracerDiagnosis[] = [];
  for (const tracer of TRACER_NAMES) {
    for (const backend of BACKENDS) {
      if (tracer in backend.since) tracers.push(await diagnoseTracer(backend.name, tracer, mayAsk, blocker));
    }
  }
  const chosen = (wanted: TracerName) => tracers.find(({ tracer, works }) => tracer === wanted && works)?.backend;
  return { checks, tracers, chosen: { function: chosen('function'), function_graph: chosen('function_graph') } };
}

/** Loads the programs that a trace would load. */
async function diagnoseTracer(
  name: BackendName,
  tracer: TracerName,
  mayAsk: boolean,
  blocker: DoctorCheck | undefined,
): Promise<TracerDiagnosis> {
  const backend = BACKENDS.find((one) => one.name === name)!;
  // A missing feature of the kernel comes first: the other problems can be mended.
  const support = mayAsk && !cannotProbe(blocker) ? await probeBackend(backend, tracer) : undefined;
  if (support && !support.available) {
    return { backend: name, tracer, works: false, reason: `this kernel ${support.problem}` };
  }
  if (blocker) return { backend: name, tracer, works: false, reason: `${blocker.name}: ${blocker.result}` };
  if (!mayAsk) return { backend: name, tracer, works: undefined, reason: ASK_AS_ROOT };
  const refusal = await attemptAsync(() => tryLoading(backend, tracer));
  if (refusal instanceof IpftError) return { backend: name, tracer, works: false, reason: refusal.message };
  return { backend: name, tracer, works: true };
}

/** Whether features can't be tried, since a requirement for that is missing. */
function cannotProbe(blocker: DoctorCheck | undefined): boolean {
  return blocker !== undefined && ['kernel', 'BTF of the kernel', 'BPF programs'].includes(blocker.name);
}

function checkKernel(): DoctorCheck {
  const name = 'kernel';
  const result = `Linux ${release()}, ${process.arch}`;
  if (process.arch === 'x64' || process.arch === 'arm64') return { name, status: 'ok', result };
  return { name, status: 'bad', result, remedy: 'there are BPF programs for x86-64 and arm64' };
}

function checkBtf(vmlinux: Btf | IpftError): DoctorCheck {
  const name = 'BTF of the kernel';
  if (!(vmlinux instanceof IpftError)) return { name, status: 'ok', result: `${vmlinux.endId - 1} types` };
  return { name, status: 'bad', result: vmlinux.message, ...remedyOf(vmlinux) };
}

function checkModuleBtf(): DoctorCheck {
  const name = 'BTF of modules';
  const modules = attempt(() => loadModules().map(({ name }) => name));
  if (modules instanceof IpftError) return { name, status: 'ok', result: 'this kernel has no modules' };
  const without = modules.filter((module) => !existsSync(`/sys/kernel/btf/${module}`));
  if (without.length === 0) return { name, status: 'ok', result: `all ${modules.length} loaded modules have it` };
  return {
    name,
    status: 'missing',
    result: `${without.length} of ${modules.length} loaded modules have none: ${without.slice(0, 4).join(', ')}${without.length > 4 ? ', …' : ''}`,
    remedy: 'their functions are not traced; it takes CONFIG_DEBUG_INFO_BTF_MODULES (Linux 5.11)',
  };
}

function checkLockdown(): DoctorCheck {
  const name = 'lockdown';
  const level = loadLockdown();
  const remedy = 'set by lockdown= on the kernel command line, by secure boot, or when the kernel is built';
  switch (level) {
    case 'none':
      return { name, status: 'ok', result: 'none' };
    case 'confidentiality':
      return { name, status: 'bad', result: 'confidentiality: BPF programs may not read kernel memory', remedy };
    case 'integrity':
      return { name, status: 'missing', result: 'integrity: some kernels refuse some ways of tracing', remedy };
    case 'locked':
      return { name, status: 'bad', result: 'on; its level can be read only where securityfs is mounted', remedy };
    case 'unknown':
      return {
        name,
        status: 'unknown',
        result: 'securityfs is not readable; the kernel log says nothing of a lockdown',
      };
  }
}

function checkCapabilities(capabilities: ReadonlySet<Capability>): DoctorCheck {
  const name = 'capabilities';
  if (capabilities.has('CAP_SYS_ADMIN')) return { name, status: 'ok', result: 'CAP_SYS_ADMIN, which is enough' };
  const wanted = ['CAP_BPF', 'CAP_PERFMON'] as const;
  const missing = wanted.filter((one) => !capabilities.has(one));
  if (missing.length > 0) {
    const result = `missing: ${missing.join(', ')}`;
    return { name, status: 'bad', result, remedy: 'run ipft as root, or with CAP_BPF and CAP_PERFMON' };
  }
  return {
    name,
    status: 'missing',
    result: 'CAP_BPF and CAP_PERFMON, not CAP_SYS_ADMIN',
    remedy: 'fentry-multi and ftrace leave out functions of modules: their BTF takes CAP_SYS_ADMIN',
  };
}

function checkTracefs(): DoctorCheck {
  const name = 'tracefs';
  const functions = attempt(() => explainLockdown(loadTraceableFunctions));
  if (functions instanceof IpftError) {
    return { name, status: 'bad', result: functions.message, ...remedyOf(functions) };
  }
  const count = functions.get(VMLINUX)?.size ?? 0;
  return { name, status: 'ok', result: `ftrace can hook ${count} functions of the kernel proper` };
}

/** Checks that attached programs are called. */
function checkFtrace(): DoctorCheck {
  const name = 'ftrace';
  const { name: setting, remedy } = SWITCHES.ftrace;
  if (!isSwitchedOff('ftrace')) return { name, status: 'ok', result: 'switched on' };
  return { name, status: 'bad', result: `switched off (${setting} is 0): nothing that is attached is called`, remedy };
}

/** @param errno undefined if the kernel was not asked */
function checkErrno(name: string, errno: number | undefined, remedy: string): DoctorCheck {
  if (errno === undefined) return { name, status: 'unknown', result: ASK_AS_ROOT };
  if (errno === 0) return { name, status: 'ok', result: 'accepted' };
  return { name, status: 'bad', result: `refused with ${errnoName(errno)}`, remedy };
}

async function checkFeature(
  name: string,
  mayAsk: boolean,
  probe: () => Support | Promise<Support>,
): Promise<DoctorCheck> {
  if (!mayAsk) return { name, status: 'unknown', result: ASK_AS_ROOT };
  const support = await probe();
  if (support.available) return { name, status: 'ok', result: 'accepted' };
  const { problem, hint } = support;
  return { name, status: 'missing', result: `this kernel ${problem}`, ...(hint === undefined ? {} : { remedy: hint }) };
}

function checkKnowledge(name: string, btf: Btf | undefined, has: (btf: Btf) => boolean, without: string): DoctorCheck {
  if (!btf) return { name, status: 'unknown', result: 'only the BTF of the kernel tells' };
  return has(btf)
    ? { name, status: 'ok', result: 'there' }
    : { name, status: 'missing', result: `not there: ${without}` };
}

function checkIbt(): DoctorCheck {
  const name = 'IBT';
  const flags = attempt(() => /^flags\s*:.*$/m.exec(readFileSync('/proc/cpuinfo', 'latin1'))?.[0] ?? '');
  if (flags instanceof IpftError) return { name, status: 'unknown', result: flags.message };
  const isOn = / ibt( |$)/.test(flags);
  return {
    name,
    status: 'ok',
    result: isOn ? 'on; functions are attached to by name, so that it does not matter' : 'off, or not of this CPU',
  };
}

function checkLibbpf(): DoctorCheck {
  const name = 'libbpf';
  const version = attempt(loadLibbpfVersion);
  if (!(version instanceof IpftError)) return { name, status: 'ok', result: version };
  return { name, status: 'bad', result: version.message, ...remedyOf(version) };
}

async function checkCompiler(): Promise<DoctorCheck> {
  const name = 'clang and headers';
  try {
    await compileExtension(EXAMPLE);
    return { name, status: 'ok', result: 'they compile an extension' };
  } catch (error) {
    if (!(error instanceof IpftError)) throw error;
    return {
      name,
      status: 'missing',
      result: error.message.replace(/^compiling .*?: /, ''),
      remedy: `${error.hint ?? 'clang says what it lacks'}; only extensions in C need it`,
    };
  }
}

function remedyOf({ hint }: IpftError): { remedy?: string } {
  return hint === undefined ? {} : { remedy: hint };
}

/** The result of a function, or the error for people that it throws. */
function attempt<T>(body: () => T): T | IpftError {
  try {
    return body();
  } catch (error) {
    return errorFor(error);
  }
}

async function attemptAsync<T>(body: () => Promise<T>): Promise<T | IpftError> {
  return await body().catch(errorFor);
}

/** @throws the error if it is a bug */
function errorFor(error: unknown): IpftError {
  if (error instanceof IpftError) return error;
  if (error instanceof Error && 'code' in error) return causedBy(new IpftError('SYSTEM', error.message), error);
  throw error;
}
