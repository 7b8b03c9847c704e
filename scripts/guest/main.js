/** The command line of `scripts/vm`. */
import { resolve } from 'node:path';
import { ensurePackages, GUEST_PACKAGES } from '../setup/packages.js';
import { ScriptError } from '../setup/script-error.js';
import { chooseKvm } from './accelerator.js';
import { loadKernel, SUITES } from './kernel.js';
import { runGuest } from './qemu.js';

/** Timers count milliseconds in 31 bits. */
const MAX_COUNT = 2_000_000;

const HELP = `usage: scripts/vm [options] KERNEL [--] COMMAND [ARGUMENT…]

Runs a command as root in a QEMU guest (software emulation) with a Debian kernel.
The host's files are visible below a throw-away overlay: what the guest writes is gone with it.
Working directory, environment, stdout, stderr and exit status are the command's own; stdin is empty,
but with --tty: scripts/vm --tty 6.12 -- bash
There is no network but what the command makes itself: fetch on the host what it needs.

KERNEL: ${Object.entries(SUITES)
  .map(([label, suite]) => `${label} (Debian ${suite})`)
  .join(', ')}
Without a command, the kernel is fetched and its version printed.

  --tty              give the command this terminal, as a shell or tmux needs it; no time limit
  --out DIR          let the guest write to this directory of the host
  --timeout SECONDS  end a guest that runs longer (default 900); exit status 124
  --memory SIZE      the guest's memory (default 2G)
  --cpus N           the guest's CPUs (default 2; with --icount 1)
  --threads          emulate each CPU in a thread of its own: faster when both are busy, but the
                     kernel can, rarely, panic while its code is patched
  --icount           let the guest's clock count instructions, one a nanosecond: its times can then
                     be repeated, and tell how much work something is. One CPU only: with two,
                     kernels panic
  --kvm              let KVM execute the guest, if this machine and this user can: about as fast as
                     the machine itself. IPFT_VM_KVM=1 in the environment says so for all guests,
                     those of npm test and npm run demo too
  --console          show the guest's console on stderr
  -h, --help         show this

Exit status: the command's; 2 usage, 124 time limit, 125 the guest could not run, 130 Ctrl-C.
`;

/**
 * @param {string[]} args
 * @returns {Promise<number>} the exit status
 */
export async function main(args) {
  try {
    const options = parseArguments(args);
    if (options === 'help') {
      process.stdout.write(HELP);
      return 0;
    }
    ensurePackages(GUEST_PACKAGES);
    const kernel = loadKernel(options.kernel);
    if (options.command.length === 0) {
      process.stdout.write(`${kernel.version}\n`);
      return 0;
    }
    return await runGuest(kernel, { ...options, kvm: chooseKvm(options) });
  } catch (error) {
    if (!(error instanceof ScriptError)) throw error;
    process.stderr.write(`vm: ${error.message}\n`);
    return error.status;
  }
}

/**
 * @param {string[]} args
 * @returns {'help' | import('./qemu.js').GuestOptions & { kernel: string }}
 */
export function parseArguments(args) {
  /** @type {import('./qemu.js').GuestOptions} */
  const options = {
    ...{ command: [], timeoutSeconds: 900, memory: '2G', cpus: 2 },
    ...{ threads: false, icount: false, kvm: false, console: false },
  };
  const rest = [...args];
  let cpus;
  let kernel;
  // Options may stand before and behind the kernel; the command begins with the first word that is none.
  for (let word = rest[0]; word !== undefined; word = rest[0]) {
    if (word === '--' || (kernel !== undefined && !word.startsWith('-'))) break;
    rest.shift();
    const value = () => {
      const text = rest.shift();
      if (text === undefined) throw new ScriptError(`${word} needs a value (see scripts/vm --help)`, 2);
      return text;
    };
    const count = () => {
      const text = value();
      const number = Number(text);
      if (/^\d+$/.test(text) && number >= 1 && number <= MAX_COUNT) return number;
      throw new ScriptError(`${word} needs a number from 1 to ${MAX_COUNT}, not '${text}'`, 2);
    };
    if (word === '-h' || word === '--help') return 'help';
    else if (word === '--out') options.out = resolve(value());
    else if (word === '--timeout') options.timeoutSeconds = count();
    else if (word === '--memory') options.memory = value();
    else if (word === '--cpus') cpus = count();
    else if (word === '--threads') options.threads = true;
    else if (word === '--icount') options.icount = true;
    else if (word === '--kvm') options.kvm = true;
    else if (word === '--console') options.console = true;
    else if (word === '--tty') options.tty = true;
    else if (word.startsWith('-')) throw new ScriptError(`no option '${word}' (see scripts/vm --help)`, 2);
    else kernel = word;
  }
  if (kernel === undefined) throw new ScriptError('name a kernel (see scripts/vm --help)', 2);
  if (!Object.hasOwn(SUITES, kernel)) {
    throw new ScriptError(`no kernel '${kernel}': there are ${Object.keys(SUITES).join(', ')}`, 2);
  }
  if (options.icount && options.threads) throw new ScriptError('--icount and --threads exclude each other', 2);
  if (options.icount && options.kvm)
    throw new ScriptError('--icount needs emulation: it and --kvm exclude each other', 2);
  if (options.icount && cpus !== undefined && cpus > 1) {
    throw new ScriptError(`--icount works with one CPU only, not with --cpus ${cpus}: kernels panic`, 2);
  }
  options.cpus = cpus ?? (options.icount ? 1 : options.cpus);
  if (options.tty && !(process.stdin.isTTY && process.stdout.isTTY)) {
    throw new ScriptError('--tty needs a terminal: stdin and stdout are none', 2);
  }
  if (options.tty) options.timeoutSeconds = MAX_COUNT;
  if (rest[0] === '--') rest.shift();
  return { ...options, kernel, command: rest };
}
