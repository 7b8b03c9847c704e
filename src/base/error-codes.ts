/** All codes that an error of `ipft` can have (`IpftError.code`), and what docs/troubleshooting.md says of each. */

export interface ErrorCodeText {
  /** Words that many messages with the code contain, so that a reader who searches for a message finds them. */
  readonly says: string;
  /** A sentence without its final period. */
  readonly meaning: string;
  /** Markdown; possible causes, the most frequent first. */
  readonly causes: readonly string[];
  /** Markdown; what to do. */
  readonly remedy: string;
}

/** The kind of an error. Stable: programs may rely on it. docs/troubleshooting.md tells the causes of each. */
export type ErrorCode =
  | 'USAGE'
  | 'NO_PRIVILEGES'
  | 'LOCKED_DOWN'
  | 'BPF_REFUSED'
  | 'NO_BTF'
  | 'NO_TRACEFS'
  | 'TRACEFS_REFUSED'
  | 'NO_LIBBPF'
  | 'NO_LIBPCAP'
  | 'UNSUPPORTED'
  | 'FTRACE_OFF'
  | 'NO_MEMORY'
  | 'NO_TARGETS'
  | 'EXTENSION'
  | 'VERIFIER'
  | 'LOAD'
  | 'PARSE'
  | 'SYSTEM'
  | 'READY_FILE'
  | 'OUTPUT_FILE'
  | 'RECORDING'
  | 'PROBE_SERVER'
  | 'PAGE_SERVER'
  | 'COMMAND'
  | 'NOT_BUILT';

export const ERROR_CODES: Record<ErrorCode, ErrorCodeText> = {
  USAGE: {
    says: 'is unknown: there are',
    meaning: "The command line, or an option of the library, can't be understood. Exit status 2",
    causes: ['a mistyped option or value', 'options that do not go together, as `--diff` without `-o paths`'],
    remedy: 'The message names the option and what it takes. `ipft --help` shows all of them.',
  },
  NO_PRIVILEGES: {
    says: 'tracing needs root, or the capabilities CAP_BPF and CAP_PERFMON',
    meaning: 'The process may not load tracing programs',
    causes: ['not run as root', 'a container or a service without `CAP_BPF` and `CAP_PERFMON`'],
    remedy:
      'Run it with `sudo`. Which capabilities are enough: [backends.md](backends.md#capabilities). In a container: `--privileged`, or `--cap-add` for each, with `/sys/kernel/tracing` and `/sys/kernel/btf` visible.',
  },
  LOCKED_DOWN: {
    says: 'this kernel is locked down',
    meaning: 'The kernel is locked down: not even root may look into it',
    causes: ['secure boot', '`lockdown=` on the kernel command line', 'a hosting platform whose kernel is built so'],
    remedy:
      'Trace on a machine without it, or in a guest: `scripts/vm 6.12 -- COMMAND` in a clone of the repository. `cat /sys/kernel/security/lockdown` shows the level; `confidentiality` forbids tracing, `integrity` mostly does not.',
  },
  BPF_REFUSED: {
    says: 'the kernel refuses tracing programs (EPERM)',
    meaning: 'The kernel refuses tracing programs with EPERM, though the process has the capabilities',
    causes: [
      "a container's seccomp profile forbids bpf(2)",
      'a security module does',
      "the user namespace is not the machine's own: capabilities in another one do not count",
      'a sandbox that only looks like Linux',
    ],
    remedy: 'Run it on the host, not in the container, or in a guest (`scripts/vm`).',
  },
  NO_BTF: {
    says: "reading the kernel's types: ",
    meaning: 'The kernel has no description of its types',
    causes: [
      'built without `CONFIG_DEBUG_INFO_BTF` (`/sys/kernel/btf/vmlinux` is missing)',
      '`/sys` is not mounted, or hidden by a container',
    ],
    remedy: "Use a distribution's kernel: those of Debian 11, Ubuntu 20.10, Fedora 31 and later have it.",
  },
  NO_TRACEFS: {
    says: 'tracefs is not mounted',
    meaning: 'The file system tracefs is not mounted: there is no list of functions that can be traced',
    causes: ['a container, or a very small system', 'a kernel without ftrace (`CONFIG_FUNCTION_TRACER`)'],
    remedy: '`mount -t tracefs tracefs /sys/kernel/tracing`.',
  },
  TRACEFS_REFUSED: {
    says: 'reading the functions that can be traced: ',
    meaning: 'The file system tracefs is mounted, and the process may not read it',
    causes: ['run with capabilities, but not as root: tracefs belongs to root', 'lockdown'],
    remedy:
      'Run as root, or open it to a group: `mount -o remount,gid=GID,mode=750 /sys/kernel/tracing`. On a locked-down kernel see `LOCKED_DOWN`.',
  },
  NO_LIBBPF: {
    says: 'loading libbpf.so.1: ',
    meaning: 'The library libbpf.so.1 could not be loaded',
    causes: ['it is not installed', 'it is older than 1.0: that one is called libbpf.so.0'],
    remedy: 'Debian, Ubuntu: `apt install libbpf1`. Fedora: `dnf install libbpf`. Others call it libbpf, too.',
  },
  NO_LIBPCAP: {
    says: 'loading libpcap, which compiles expressions: ',
    meaning: 'The library that compiles expressions could not be loaded; with a mark alone it is not needed',
    causes: ['it is not installed', 'it is older than 1.8', 'a file of that name is something else'],
    remedy:
      'Debian 12: `apt install libpcap0.8`; later Debian and Ubuntu: `apt install libpcap0.8t64`. Fedora: `dnf install libpcap`. Others call it libpcap, too.',
  },
  UNSUPPORTED: {
    says: 'no backend works here: ',
    meaning: 'The running kernel, or machine, lacks something',
    causes: [
      'the kernel is older than what was asked for',
      "it was built without it, as Debian 12's without `CONFIG_FPROBE`",
      'the machine is neither x86-64 nor arm64',
    ],
    remedy:
      '`ipft doctor` shows what works here. Without `-b`, `ipft` takes what does; see [backends.md](backends.md).',
  },
  FTRACE_OFF: {
    says: 'ftrace, which calls what is attached to functions, is switched off',
    meaning: 'The kernel calls nothing that is attached to its functions: no packet would be seen',
    causes: ['`sysctl kernel.ftrace_enabled=0`', 'ftrace has shut itself down after an error; `dmesg` tells'],
    remedy: '`sysctl kernel.ftrace_enabled=1`; where that is refused, a reboot.',
  },
  NO_MEMORY: {
    says: 'more memory, and',
    meaning:
      'Tracing needs more memory than the limits of its cgroup or of the process leave: it would be killed, or fail',
    causes: ['`--ring-size` is too large for the limit', 'a container or a service with very little memory'],
    remedy:
      'Take a smaller `--ring-size`, or raise the limit (`MemoryMax=` of systemd, `--memory` of containers). Without `--ring-size` the ring is made to fit.',
  },
  NO_TARGETS: {
    says: 'the filters leave ',
    meaning: 'No function is left that could be traced',
    causes: [
      "`-r` or `--module-regex` matches none: patterns are JavaScript's, and case counts",
      "those that match can't be traced with the backend, as inlined ones",
      'the module is not loaded yet, or has no BTF',
    ],
    remedy: "`ipft -l` lists all functions, `ipft -l -v` also those that can't be traced, with the reason.",
  },
  EXTENSION: {
    says: 'the extension ',
    meaning: "An extension can't be used",
    causes: [
      'the compiler does not take it, or is not installed (`apt install clang libbpf-dev`)',
      'it has no `module`, or no event struct',
      'a tag does not fit its member',
      'an object was compiled without `-g`, or is damaged',
    ],
    remedy:
      '`ipft check FILE` tells what is wrong without tracing. `ipft --gen bpf-module-skeleton` prints one that works; [extension.md](extension.md) is the manual.',
  },
  VERIFIER: {
    says: "the kernel's verifier refuses ",
    meaning: "The kernel's verifier refuses a program",
    causes: [
      'the extension reads or writes where it may not: past its event, or a pointer without `BPF_CORE_READ`',
      'a loop without a bound that the verifier sees',
      'an older kernel, whose verifier understands less',
    ],
    remedy:
      "The message shows the C line above what the verifier says about it; `-v` shows all of it. See [extension.md](extension.md#when-the-verifier-refuses). If it is `ipft`'s own program, that is a bug: please report it with the output of `-v` and `uname -r`.",
  },
  LOAD: {
    says: 'loading the BPF programs',
    meaning: 'A program could not be loaded, for another reason than the verifier',
    causes: [
      'the extension uses a map, helper or kfunc that this kernel does not have',
      'memory: the limit for locked memory before Linux 5.11, or that of the control group',
    ],
    remedy: "The message has libbpf's words, `-v` more of them. A smaller `--ring-size` needs less memory.",
  },
  PARSE: {
    says: ' at byte ',
    meaning: 'Bytes are not what they should be: the message names the format and the byte',
    causes: ['a damaged object file', 'BTF of a kind that is newer than this `ipft`'],
    remedy: "Compile the object again. If it is the kernel's own BTF, please report it with `uname -r`.",
  },
  SYSTEM: {
    says: ' failed with ',
    meaning: 'A system call failed; the message names it, what it was for, and its error',
    causes: [
      'EPERM or EACCES: see `NO_PRIVILEGES`, `BPF_REFUSED`',
      "ENOMEM: the control group's limit",
      'EMFILE: too many open files, where the limit could not be raised and functions are attached one by one',
      'EBUSY: another tracer uses what there is only one of',
    ],
    remedy: '`ipft doctor` tries each part alone, and often names the reason. Fewer functions (`-r`) need less.',
  },
  READY_FILE: {
    says: 'writing the ready file ',
    meaning: 'The file of `--ready-file` could not be written',
    causes: ['its directory does not exist, or is not writable', 'something else than a regular file has that name'],
    remedy: 'Name a file in a directory of your own, as `mktemp -d` makes it.',
  },
  OUTPUT_FILE: {
    says: 'writing to ',
    meaning: 'The result could not be written to stdout, or to the file of `--output-file`',
    causes: [
      'the disk is full (ENOSPC)',
      'the directory does not exist, or is not writable',
      'something else than a regular file has that name, or a link does',
    ],
    remedy: 'Name a regular file, or a new one, in a directory of your own with room for it.',
  },
  RECORDING: {
    says: 'the recording ',
    meaning: 'A recording could not be read or written',
    causes: [
      'there is no such file, or something that is no regular file',
      'while recording: the disk is full (ENOSPC), or the directory can take no files; what is in the file can be shown',
      'another user has it: recordings are private',
    ],
    remedy:
      'To show one, name the file that `ipft record` wrote, as a user who may read it. To record, name a new file in a directory of your own with room for it.',
  },
  PROBE_SERVER: {
    says: 'listening on 127.0.0.1:',
    meaning: 'The probe server could not listen',
    causes: ['the port is taken, perhaps by another `ipft` (EADDRINUSE)', 'a port below 1024 without root (EACCES)'],
    remedy: 'Choose another `--probe-server-port`, or use `--ready-file`.',
  },
  PAGE_SERVER: {
    says: 'listening on port',
    meaning: 'The page of `ipft ui` can not be served',
    causes: [
      'another program listens on that port',
      'ports below 1024 are for root',
      'there is no user 65534 (nobody), as in some containers: the server of the page runs as that one',
    ],
    remedy: 'Choose another `--port`, or none for one that is free.',
  },
  COMMAND: {
    says: 'starting ',
    meaning: 'The command whose packets were to be traced could not be started. Exit status 127 or 126, as with env(1)',
    causes: [
      'there is no command of that name in PATH, as `sudo` has set it',
      'the user who called `sudo` may not execute it',
      'a script without a first line as `#!/bin/sh`',
    ],
    remedy: 'Name it by its path. `--as-root` starts it as root.',
  },
  NOT_BUILT: {
    says: 'reading the BPF program ',
    meaning: 'The BPF programs that belong to `ipft` are missing',
    causes: ['a clone that was not built', 'an installation that is not complete'],
    remedy: 'In a clone: `npm run build`. Otherwise install it again.',
  },
};
