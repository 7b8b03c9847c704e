/**
 * Features of the running kernel, found by trying them: distributions backport features and leave others out, so that a
 * version tells little.
 */
import { BTF_KIND_STRUCT, type Btf } from '../btf/btf.js';
import { countTracepointArguments, findFunction } from '../btf/functions.js';
import {
  BPF_PROG_TYPE_KPROBE,
  BPF_PROG_TYPE_TRACING,
  BPF_TRACE_FENTRY,
  BPF_TRACE_FENTRY_MULTI,
  BPF_TRACE_FSESSION_MULTI,
  BPF_TRACE_KPROBE_MULTI,
  BPF_TRACE_KPROBE_SESSION,
  linkTrampoline,
  loadEmptyProgram,
  probeMultiLink,
} from '../sys/bpf.js';
import { EACCES, EFAULT, ENOENT, errnoName } from '../sys/errno.js';
import { loadKprobeEventType, loadPerfEventParanoid, openKprobe } from '../sys/perf.js';
import { isSwitchedOff, SWITCHES } from './switches.js';

/** Whether the kernel has a feature; if not, the reason, in words that follow "this kernel". */
export type Support = { readonly available: true } | Lacking;

export interface Lacking {
  readonly available: false;
  readonly problem: string;
  /** What to do about it. */
  readonly hint?: string;
  /** The first Linux that has it. */
  readonly minimumVersion?: string;
}

const AVAILABLE: Support = { available: true };
const FPROBE_HINT =
  'use a kernel with CONFIG_FPROBE=y, as Debian 13 and later have; grep FPROBE /boot/config-$(uname -r) shows';

/** Whether a kprobe program can be loaded at all. Returns the errno, or 0. */
export function probeProgramLoading(): number {
  const program = loadEmptyProgram({ type: BPF_PROG_TYPE_KPROBE });
  if (typeof program === 'number') return -program;
  program[Symbol.dispose]();
  return 0;
}

/** kprobe.multi links. */
export function probeKprobeMulti(): Support {
  const errno = probeLink(BPF_PROG_TYPE_KPROBE, BPF_TRACE_KPROBE_MULTI);
  if (errno === EFAULT) return AVAILABLE;
  return {
    available: false,
    problem: `can't attach one kprobe program to many functions (${errnoName(errno)}): it is older than Linux 5.18 or built without CONFIG_FPROBE`,
    hint: FPROBE_HINT,
    minimumVersion: '5.18',
  };
}

/** kprobe.session links, and the kfuncs that their programs need. */
export function probeKprobeSession(vmlinux: Btf): Support {
  const errno = probeLink(BPF_PROG_TYPE_KPROBE, BPF_TRACE_KPROBE_SESSION);
  if (errno === EFAULT && findFunction(vmlinux, 'bpf_session_cookie') !== undefined) return AVAILABLE;
  return {
    available: false,
    problem: `has no kprobe sessions, which see returns (${errnoName(errno)}): it is older than Linux 6.10 or built without CONFIG_FPROBE`,
    hint: FPROBE_HINT,
    minimumVersion: '6.10',
  };
}

/** Whether the kfuncs of sessions take the program's context (after Linux 6.12), or nothing. */
export function sessionKfuncsTakeContext(vmlinux: Btf): boolean {
  const id = findFunction(vmlinux, 'bpf_session_is_return');
  return id !== undefined && vmlinux.vlen(vmlinux.sizeOrType(id)) > 0;
}

/** Trampolines for many functions in one link. @param returns whether with returns */
export function probeTracingMulti(returns: boolean): Support {
  const errno = probeLink(BPF_PROG_TYPE_TRACING, returns ? BPF_TRACE_FSESSION_MULTI : BPF_TRACE_FENTRY_MULTI);
  if (errno === EFAULT) return AVAILABLE;
  return {
    available: false,
    problem: `can't attach one trampoline program to many functions (${errnoName(errno)}): Linux 7.2 is the first that can`,
    minimumVersion: '7.2',
  };
}

/** The errno with which the kernel answers a link whose list of functions can't be read. */
function probeLink(type: number, expectedAttachType: number): number {
  const program = loadEmptyProgram({ type, expectedAttachType });
  if (typeof program === 'number') return -program;
  using loaded = program;
  return probeMultiLink(loaded.fd, expectedAttachType);
}

/** Kprobes as perf events, tried with the name of a function that does not exist. */
export async function probeKprobes(): Promise<Support> {
  const type = loadKprobeEventType();
  if (type === undefined) {
    return {
      available: false,
      problem: 'has no kprobe events: it is built without CONFIG_KPROBE_EVENTS, or /sys is not mounted',
    };
  }
  if (isSwitchedOff('kprobes')) {
    const { name, remedy } = SWITCHES.kprobes;
    return { available: false, problem: `has its kprobes switched off (${name} is 0)`, hint: remedy };
  }
  const event = await openKprobe(type, 'ipft_there_is_no_such_function');
  if (event === -ENOENT) return AVAILABLE;
  if (typeof event !== 'number') {
    event[Symbol.dispose]();
    return AVAILABLE;
  }
  const level = loadPerfEventParanoid();
  if (event === -EACCES && level > 2) {
    // Debian and others have levels of their own above 2.
    return {
      available: false,
      problem: `refuses kprobe events (EACCES): kernel.perf_event_paranoid is ${level}, where they take CAP_SYS_ADMIN`,
      hint: 'sysctl kernel.perf_event_paranoid=2 allows them with CAP_PERFMON',
    };
  }
  return { available: false, problem: `refuses kprobe events (${errnoName(-event)})` };
}

/** A function of the kernel's own tests, which nobody calls. */
const HARMLESS_FUNCTION = 'bpf_fentry_test1';

/** Trampolines, fentry and fexit: one is attached and released. Requires Linux 5.5, on arm64 6.0. */
export async function probeTrampolines(vmlinux: Btf): Promise<Support> {
  const attachBtfId = findFunction(vmlinux, HARMLESS_FUNCTION);
  const lacking = (problem: string): Lacking => ({ available: false, problem, minimumVersion: '5.5' });
  if (attachBtfId === undefined) return lacking(`has no function ${HARMLESS_FUNCTION} to try trampolines with`);
  const program = loadEmptyProgram({
    type: BPF_PROG_TYPE_TRACING,
    expectedAttachType: BPF_TRACE_FENTRY,
    attachBtfId,
  });
  if (typeof program === 'number') return lacking(`refuses fentry programs (${errnoName(-program)})`);
  using loaded = program;
  const link = await linkTrampoline(loaded.fd);
  if (typeof link === 'number') return lacking(`can't attach fentry programs (${errnoName(-link)})`);
  // The release is not waited for.
  void link.closeAsync();
  return AVAILABLE;
}

/** Whether programs may read memory through `bpf_rdonly_cast`, without a helper call. Linux 6.2+. */
export function hasReadOnlyCast(vmlinux: Btf): boolean {
  return findFunction(vmlinux, 'bpf_rdonly_cast') !== undefined;
}

/** Whether kprobe programs can read an attach cookie. Linux 5.15+. */
export function hasAttachCookies(vmlinux: Btf): boolean {
  return vmlinux.findString('BPF_FUNC_get_attach_cookie').length > 0;
}

/** Whether trampoline programs can read the address of their function. Linux 5.15+. */
export function hasFunctionAddress(vmlinux: Btf): boolean {
  return vmlinux.findString('BPF_FUNC_get_func_ip').length > 0;
}

/**
 * Whether a fault at a read through an invalid pointer is mended in every program. Before Linux 6.4 (and the stable
 * releases of that time) the kernel could look into the wrong exception table if a program calls functions, and panic:
 * commit 0108a4e9f358, "bpf: ensure main program has an extable". That can't be tried: a kernel must show by a function
 * of Linux 6.5 that it is newer.
 */
export function mendsFaultsEverywhere(vmlinux: Btf): boolean {
  return findFunction(vmlinux, 'bpf_dynptr_clone') !== undefined;
}

/**
 * The arguments that the tracepoints of freed packets have: the reason of a drop (Linux 5.17+), the location of a
 * consumption (6.4+).
 */
export function readTracepoints(vmlinux: Btf): { dropHasReason: boolean; consumeHasLocation: boolean } {
  return {
    dropHasReason: countTracepointArguments(vmlinux, 'kfree_skb') > 2,
    consumeHasLocation: countTracepointArguments(vmlinux, 'consume_skb') > 1,
  };
}

/** Whether the kernel counts the missed calls of a kprobe. Linux 6.7+: `bpf_link_info.perf_event.kprobe.missed`. */
export function countsKprobeMisses(vmlinux: Btf): boolean {
  const [first, wanted] = [vmlinux.findString('func_name'), vmlinux.findString('missed')];
  for (let id = vmlinux.firstId; wanted.length > 0 && id < vmlinux.endId; id++) {
    if (vmlinux.kind(id) !== BTF_KIND_STRUCT || vmlinux.vlen(id) < 5) continue;
    const names = Array.from({ length: vmlinux.vlen(id) }, (_, index) => vmlinux.tail(id, index * 3));
    if (first.includes(names[0] ?? 0) && names.some((name) => wanted.includes(name))) return true;
  }
  return false;
}
