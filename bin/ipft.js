#!/bin/sh
//bin/true 2>/dev/null; eval "$(sed -n 's|^//sh ||p' "$0")"; exit 1
// Lines that begin with //sh are run by the shell; all are comments for Node. Before any script runs, Node takes back what
// its parent had it ignore (nohup ipft …): so the shell tells which signals these were. Node answers SIGUSR1 with opening
// its debugger to everybody on the machine: it gets an address that no machine has. And where limits are too low it can't
// begin, and fails with a stack trace; when the processor time is used up, the kernel kills it without a word. In the place
// of a stdout that is closed Node opens /dev/null, where the result would be lost: it gets one that can't be written to.
//
//sh while read -r name value; do [ "$name" = SigIgn: ] && export IPFT_IGNORED="$value"; done 2>/dev/null </proc/self/status
//sh need() {
//sh   have="$(ulimit -S "-$1")"
//sh   [ "$have" = unlimited ] || [ "$have" -ge "$2" ] && return
//sh   printf '%s\n' "ipft: the limit of $3 (ulimit -$1) is $have, and $2 are needed" "      raise it: ulimit -$1 $2" >&2
//sh   case " $* " in *' -- '*) exit 125 ;; *) exit 1 ;; esac
//sh }
//sh need n 64 'open files' "$@"
//sh need s 256 'the stack, in KiB,' "$@"
//sh need d 400000 'data, in KiB,' "$@"
//sh need v 1200000 'virtual memory, in KiB,' "$@"
//sh need t 10 'processor time, in seconds,' "$@"
//sh (: 3>&1) 2>/dev/null || exec 1</dev/null
//sh exec node --inspect-port=192.0.2.1:9229 "$0" "$@"
//
// A Node that is too old must get as far as the message that says so: nothing here is newer than Node 12.
import { readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';

const OLDEST = { major: 20, minor: 19 };
/** As src/cli/exit-status.ts has them. */
const STATUS = { error: 1, interrupted: 130, withoutCommand: 125 };
/** The signals that would end the process; docs/output.md says what each does. */
const ENDING = [
  ...['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2', 'SIGALRM', 'SIGVTALRM', 'SIGPROF'],
  ...['SIGXCPU', 'SIGIO', 'SIGPWR', 'SIGSTKFLT'],
];
/** Signals that end nothing here: a program that ipft runs finds them ignored where ipft did. */
const OTHERS = ['SIGPIPE', 'SIGTSTP', 'SIGTTIN', 'SIGTTOU'];
/** Signals that a person sends: the second one ends the process at once. */
const INSISTING = ['SIGINT', 'SIGTERM', 'SIGQUIT'];

const early = { count: 0, insisting: 0 };
/** @param {string} name */
const remember = (name) => {
  early.count++;
  if (INSISTING.includes(name) && ++early.insisting > 1) process.exit(STATUS.interrupted);
};

/** The handler of signals that come from now on. */
let handler = remember;
/** @type {Map<string, () => void>} */
const listeners = new Map();

/**
 * Signals that another part of the process has a handler for, a profiler for example. Node itself handles only
 * `byNode`.
 */
function findTaken() {
  const byNode = ['SIGINT', 'SIGTERM', 'SIGUSR1'];
  try {
    const [, taken = '0'] = /^SigCgt:\t([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'latin1')) || [];
    return namesIn(taken).filter((name) => !byNode.includes(name));
  } catch {
    return [];
  }
}

/** @param {string} mask as /proc/PID/status shows it @param {string[]} names those that are looked for */
function namesIn(mask, names = ENDING) {
  const numbers = /** @type {Record<string, number>} */ (constants.signals);
  const bits = BigInt(`0x${/^[0-9a-f]+$/.test(mask) ? mask : 0}`);
  return names.filter((name) => (bits >> BigInt((numbers[name] || 1) - 1)) & BigInt(1));
}

/** The names of signals that stay ignored. */
function findIgnored() {
  const told = process.env['IPFT_IGNORED'];
  delete process.env['IPFT_IGNORED'];
  if (told !== undefined) return namesIn(told, [...ENDING, ...OTHERS]);
  return inheritsHangup() ? ['SIGHUP'] : [];
}

/**
 * For a start as `node bin/ipft.js`, when the shell has not told: nohup leaves traces, and the parent may ignore the
 * signal, too.
 */
function inheritsHangup() {
  try {
    if (/(^|\/)nohup$/.test(process.env['_'] || '')) return true;
    const [, parent = '0'] =
      /^SigIgn:\t([0-9a-f]+)$/m.exec(readFileSync(`/proc/${process.ppid}/status`, 'latin1')) || [];
    if (BigInt(`0x${parent}`) & BigInt(1)) return true;
    // nohup replaces a terminal by a stdin that can't be read.
    const [, flags = ''] = /^flags:\t([0-7]+)$/m.exec(readFileSync('/proc/self/fdinfo/0', 'latin1')) || [];
    return readlinkSync('/proc/self/fd/0') === '/dev/null' && flags.endsWith('1');
  } catch {
    return false;
  }
}

/** The command line, where Node's arguments have lost bytes that are no UTF-8. To be read before the title replaces it. */
function readCommandLine() {
  return process.argv.some((argument) => argument.includes('\ufffd')) ? readFileSync('/proc/self/cmdline') : undefined;
}

/** Lets tools find the process by its name: pgrep and pkill compare the thread's name, pidof and ps the arguments. */
function takeName() {
  process.title = ['ipft', ...process.argv.slice(2)].join(' ');
  try {
    writeFileSync('/proc/self/comm', 'ipft');
  } catch {
    // The title has set the thread's name as well.
  }
}

/**
 * Closes Node's debugger, which listens if SIGUSR1 came before this script ran: possible only with `node bin/ipft.js`.
 */
async function closeDebugger() {
  // The user may have asked for the debugger.
  if (/--inspect(-brk|-wait)?\b(?!-)/.test([process.env['NODE_OPTIONS'], ...process.execArgv].join())) return;
  try {
    const { default: inspector } = await import('node:inspector');
    inspector.close();
  } catch {
    // This Node has no debugger.
  }
}

/** @param {typeof import('../dist/cli/ipft.js')} loaded */
async function run({ main }) {
  /** @param {((name: string) => void) | undefined} next */
  const take = (next) => {
    if (next) handler = next;
    else for (const [name, listener] of listeners) process.off(name, listener);
    return early.count > 0;
  };
  process.exitCode = await main(process.argv.slice(2), { ignored, take }, commandLine);
}

/** Explains an error of the installation; any other error is a bug. @param {Error & { code?: string }} error */
function explain(error) {
  const missing = error.code === 'ERR_MODULE_NOT_FOUND' || error.code === 'ERR_DLOPEN_FAILED';
  if (!missing && !/\bkoffi\b/i.test(error.message)) throw error;
  const [first] = error.message.split('\n');
  fail(
    `a part is missing: ${first}`,
    'install ipft again, with optional packages (koffi has one for each machine); in a clone, run npm run setup',
  );
}

/** @param {string} message @param {string} hint */
function fail(message, hint) {
  process.stderr.write(`ipft: ${message}\n      ${hint}\n`);
  process.exitCode = process.argv.includes('--') ? STATUS.withoutCommand : STATUS.error;
}

const ignored = findIgnored();
const commandLine = readCommandLine();
const taken = findTaken();
for (const name of ENDING) {
  if (taken.includes(name)) continue;
  const listener = ignored.includes(name) ? () => {} : () => handler(name);
  listeners.set(name, listener);
  try {
    // A signal that comes while the rest is loaded is remembered, and handled then.
    process.on(name, listener);
  } catch {
    // This system has no such signal.
  }
}
takeName();

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < OLDEST.major || (major === OLDEST.major && minor < OLDEST.minor)) {
  fail(
    `this is Node ${process.versions.node} (${process.execPath}), and ${OLDEST.major}.${OLDEST.minor} or later is needed`,
    "install a newer Node; Debian 12's and Ubuntu 24.04's own packages are too old",
  );
} else {
  closeDebugger()
    .then(() => import('../dist/cli/ipft.js'))
    .then(run, explain);
}
