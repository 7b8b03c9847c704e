/** Runs one command in a guest. */
import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ScriptError } from '../setup/script-error.js';
import { acceleratorArguments } from './accelerator.js';
import { loadInitramfs, runArchive } from './initramfs.js';

/**
 * @typedef {object} GuestOptions
 * @property {string[]} command program and arguments
 * @property {string} [out] absolute path of a host directory that the guest may write to
 * @property {number} timeoutSeconds
 * @property {string} memory as QEMU's -m takes it
 * @property {number} cpus
 * @property {boolean} threads whether each CPU is emulated in a thread of its own
 * @property {boolean} [kvm] whether KVM executes the guest instead of the emulator
 * @property {boolean} [icount] whether the guest's clock counts instructions
 * @property {boolean} [tty] whether the command gets this process's terminal
 * @property {boolean} console whether to show the guest's console on stderr
 */

const CONSOLE_KEPT = 65536;
/** The lines of the console that are shown: enough for the panics of two CPUs. */
const CONSOLE_LINES = 120;
/** The descriptor of the initial file system in QEMU: behind the three standard ones and those of the four ports. */
const INITRD_FD = 7;
/** The descriptor of typed keys, where the command has a terminal. */
const STDIN_FD = INITRD_FD + 1;
/** The descriptor of the terminal's size. */
const SIZE_FD = STDIN_FD + 1;
/**
 * A guest has no network: npm and pip give up at once instead of trying for minutes, unless the user has set these
 * variables.
 */
const WITHOUT_NETWORK = { npm_config_fetch_retries: '0', PIP_RETRIES: '0' };
/**
 * Variables that a guest does not get: the shell's own, and the certificates of a network that it has not, which take
 * Node longer to read at each start than all else.
 */
const LEFT_OUT = new Set(['_', 'NODE_EXTRA_CA_CERTS']);
/** No mitigations, and no address randomization of programs: code that the emulator has translated is used again. */
const KERNEL_ARGUMENTS = 'console=ttyS0 quiet loglevel=4 panic=-1 mitigations=off norandmaps random.trust_cpu=on';
/** The exit status that a shell gives for a command that SIGPIPE has ended. */
const SIGPIPE_STATUS = 141;

/**
 * Boots the kernel and runs the command.
 * @param {import('./kernel.js').Kernel} kernel
 * @param {GuestOptions} options
 * @returns {Promise<number>} the command's exit status, 124 after the time limit, 130 after Ctrl-C
 */
export async function runGuest(kernel, options) {
  if (options.out !== undefined) prepareOut(options.out);
  // A guest that dies before its command began is booted again: emulated CPUs can, rarely, panic while the kernel
  // patches its code.
  const first = await runOnce(kernel, options);
  if (first.outcome !== 'no boot') return first.status;
  process.stderr.write('vm: the guest died before the command began; trying once more\n');
  const second = await runOnce(kernel, options);
  if (second.outcome === 'no boot') {
    process.stderr.write(`${describeConsole(second.console)}vm: the guest did not boot; its console is above\n`);
  }
  return second.status;
}

/**
 * The end of what a guest has said on its console, for messages.
 * @param {string} text
 */
export function describeConsole(text) {
  const lines = text.replaceAll('\r', '').trimEnd().split('\n');
  if (lines.length === 1 && lines[0] === '') return 'vm: the console of the guest shows nothing\n';
  const left = lines.length - CONSOLE_LINES;
  const above = left > 0 ? `vm: ${left} lines of the console are left out (--console shows all)\n` : '';
  return `${above}${lines.slice(-CONSOLE_LINES).join('\n')}\n`;
}

/** @param {string} dir */
function prepareOut(dir) {
  try {
    mkdirSync(dir, { recursive: true });
  } catch (error) {
    throw new ScriptError(
      `--out: ${dir} is no directory and can't be made one: ${/** @type {Error} */ (error).message}`,
      2,
    );
  }
}

/**
 * @param {import('./kernel.js').Kernel} kernel
 * @param {GuestOptions} options
 * @returns {Promise<{ outcome: 'done' | 'no boot' | 'ended', status: number, console: string }>}
 */
async function runOnce(kernel, options) {
  const archive = Buffer.concat([loadInitramfs(kernel), runArchive(guestScripts(kernel, options))]);
  const initrd = createUnnamedFile(archive);
  try {
    return await watch(startQemu(kernel, options, initrd), options);
  } finally {
    closeSync(initrd);
  }
}

/**
 * A file without a name, which is gone with this process and QEMU, however they end.
 * @param {Buffer} content
 * @returns {number} the descriptor
 */
function createUnnamedFile(content) {
  const dir = mkdtempSync(join(tmpdir(), 'ipft-vm-'));
  try {
    const fd = openSync(join(dir, 'initrd'), 'wx+', 0o600);
    rmSync(dir, { recursive: true });
    writeFileSync(fd, content);
    return fd;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/**
 * @param {import('./kernel.js').Kernel} kernel
 * @param {GuestOptions} options
 */
function guestScripts(kernel, options) {
  // env instead of a shell: some variables mean something to a shell, and some names are not allowed there.
  const variables = Object.entries({ ...WITHOUT_NETWORK, ...process.env }).filter(([name]) => !LEFT_OUT.has(name));
  const words = [
    ...['/usr/bin/env', '-i', '-C', workingDirectory()],
    ...variables.map(([name, value]) => `${name}=${value ?? ''}`),
    ...options.command,
  ];
  const { rows, columns } = process.stdout;
  const terminal = options.tty ? `rows ${rows} cols ${columns}` : '';
  const path = process.env['PATH'];
  const settings = [
    ...[`modules=${quote(kernel.modules)}`, `out=${quote(options.out ?? '')}`, `terminal=${quote(terminal)}`],
    `path=${quote(path === undefined ? '' : quote(path))}`,
  ];
  return { settings: `${settings.join('\n')}\n`, command: `exec ${words.map(quote).join(' ')}\n` };
}

function workingDirectory() {
  try {
    return process.cwd();
  } catch {
    throw new ScriptError('the working directory is gone');
  }
}

/** @param {string} text */
const quote = (text) => `'${text.replaceAll("'", "'\\''")}'`;

/**
 * @param {import('./kernel.js').Kernel} kernel
 * @param {GuestOptions} options
 * @param {number} initrd descriptor of the initial file system
 */
function startQemu(kernel, options, initrd) {
  const share = (/** @type {string} */ path, /** @type {string} */ tag, /** @type {string} */ access) =>
    `local,path=${path.replaceAll(',', ',,')},mount_tag=${tag},security_model=none,multidevs=remap${access}`;
  const port = (/** @type {string} */ name, /** @type {number} */ fd) => [
    ...['-chardev', `socket,id=${name},fd=${fd}`, '-device', `virtserialport,chardev=${name},name=${name}`],
  ];
  const ports = ['stdout', 'stderr', 'status'];
  const args = [
    ...['-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot', '-m', options.memory],
    ...acceleratorArguments(options),
    ...['-smp', String(options.cpus)],
    ...['-kernel', kernel.image, '-initrd', `/proc/self/fd/${INITRD_FD}`],
    ...['-append', KERNEL_ARGUMENTS],
    ...['-virtfs', share('/', 'host', ',readonly=on')],
    ...(options.out === undefined ? [] : ['-virtfs', share(options.out, 'out', '')]),
    ...['-device', 'virtio-serial-pci'],
    ...ports.flatMap((name, index) => port(name, index + 3)),
    ...['-chardev', `socket,id=console,fd=${ports.length + 3}`, '-serial', 'chardev:console'],
    ...(options.tty ? [...port('stdin', STDIN_FD), ...port('size', SIZE_FD)] : []),
  ];
  // setpriv: the guest ends with this process, however that ends. A group of its own: Ctrl-C is ours to handle.
  const terminal = options.tty ? /** @type {const} */ (['pipe', 'pipe']) : [];
  return spawn('setpriv', ['--pdeathsig', 'KILL', 'qemu-system-x86_64', ...args], {
    stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'pipe', 'pipe', 'pipe', initrd, ...terminal],
    detached: true,
  });
}

/**
 * @param {import('node:child_process').ChildProcess} qemu
 * @param {GuestOptions} options
 * @returns {Promise<{ outcome: 'done' | 'no boot' | 'ended', status: number, console: string }>}
 */
function watch(qemu, options) {
  let console = '';
  let complaint = '';
  let statusText = '';
  /** @type {number | undefined} */
  let endedWith;
  /** The reason, for people. */
  let ended = '';
  const [stdout, stderr, status, serial, , stdin, size] = /** @type {import('node:net').Socket[]} */ (
    /** @type {unknown[]} */ (qemu.stdio).slice(3)
  );
  const end = (/** @type {number} */ code, /** @type {string} */ message) => {
    if (endedWith !== undefined) return;
    endedWith = code;
    ended = message;
    qemu.kill('SIGKILL');
  };
  const onReaderGone = () => end(SIGPIPE_STATUS, '');
  /** @type {number[] | undefined} the command's status, and how many bytes it wrote to stdout and stderr */
  let result;
  const received = [0, 0];
  // The guest can't know when its last bytes have arrived: it tells their number, and waits to be ended.
  const endIfComplete = () => {
    const [code, ...written] = result ?? [];
    if (code !== undefined && written.every((bytes, index) => (received[index] ?? 0) >= bytes)) qemu.kill('SIGKILL');
  };
  for (const [index, [from, to]] of [
    /** @type {const} */ ([stdout, process.stdout]),
    /** @type {const} */ ([stderr, process.stderr]),
  ].entries()) {
    from?.on('data', (data) => {
      received[index] = (received[index] ?? 0) + data.length;
      endIfComplete();
    });
    forward(from, to, onReaderGone);
  }
  status?.on('data', (data) => {
    statusText += data;
    result = /^(?:began\n)?(\d+) (\d+) (\d+)\n/.exec(statusText)?.slice(1).map(Number);
    endIfComplete();
  });
  serial?.on('data', (data) => {
    console = (console + data).slice(-CONSOLE_KEPT);
    if (options.console) process.stderr.write(data);
  });
  if (stdin) takeKeys(stdin);
  const resize = () => size?.write(`${process.stdout.rows} ${process.stdout.columns}\n`);
  if (size) {
    size.on('error', () => {});
    process.stdout.on('resize', resize);
  }
  for (const stream of [qemu.stdout, qemu.stderr]) stream?.on('data', (data) => (complaint += data));

  const timer = setTimeout(
    () => end(124, `vm: the guest was ended after ${options.timeoutSeconds} s (--timeout); its console is above\n`),
    options.timeoutSeconds * 1000,
  );
  const signals = /** @type {const} */ ({ SIGINT: 130, SIGTERM: 143, SIGHUP: 129 });
  const handlers = Object.entries(signals).map(([name, code]) => {
    const handler = () => end(code, '');
    process.on(name, handler);
    return { name, handler };
  });

  return new Promise((resolve, reject) => {
    qemu.on('error', (error) => reject(new ScriptError(`QEMU did not start: ${error.message}`)));
    qemu.on('close', () => {
      clearTimeout(timer);
      if (stdin) giveKeysBack();
      process.stdout.off('resize', resize);
      if (ended !== '') process.stderr.write(describeConsole(console) + ended);
      for (const { name, handler } of handlers) process.off(name, handler);
      if (endedWith !== undefined) resolve({ outcome: 'ended', status: endedWith, console });
      else if (result?.[0] !== undefined) resolve({ outcome: 'done', status: result[0], console });
      else if (!statusText.startsWith('began'))
        resolve({ outcome: 'no boot', status: 125, console: console + complaint });
      else {
        process.stderr.write(
          `${describeConsole(console + complaint)}vm: the guest died while the command ran; its console is above\n`,
        );
        resolve({ outcome: 'ended', status: 125, console });
      }
    });
  });
}

/**
 * Sends every key to the guest, Ctrl-C included: the guest's terminal handles it.
 * @param {import('node:net').Socket} guest
 */
function takeKeys(guest) {
  guest.on('error', () => {});
  process.stdin.setRawMode(true);
  process.stdin.pipe(guest);
}

function giveKeysBack() {
  process.stdin.unpipe();
  process.stdin.pause();
  process.stdin.setRawMode(false);
}

/**
 * Forwards the guest's output, no faster than the reader takes it. A reader that has gone ends the command, as SIGPIPE
 * would.
 * @param {import('node:net').Socket | undefined} from
 * @param {NodeJS.WriteStream} to
 * @param {() => void} onReaderGone
 */
function forward(from, to, onReaderGone) {
  to.on('error', onReaderGone);
  from?.on('data', (data) => {
    if (!to.write(data)) {
      from.pause();
      to.once('drain', () => from.resume());
    }
  });
}
