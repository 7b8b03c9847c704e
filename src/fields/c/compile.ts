/** Compiles an extension's C source: `$CC -target bpf -O2 -g -c $CFLAGS`, run by the shell, as ipftrace2 does. */
import { existsSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { causedBy, ExtensionError } from '../../base/errors.js';
import { printable } from '../../base/printable.js';
import { runCommand } from '../../sys/child.js';
import { INCLUDE_DIRECTORY } from './skeleton.js';

export interface CompileOptions {
  /** The environment with `CC` and `CFLAGS`. */
  readonly env?: NodeJS.ProcessEnv;
  /** The compiler is ended after this time. */
  readonly timeoutSeconds?: number;
  /** Whether the compiler is asked for colours. */
  readonly color?: boolean;
  /** Gets the compiler's messages. */
  readonly onOutput?: (text: string) => void;
  readonly signal?: AbortSignal;
}

/**
 * Directories that may hold `asm/`, which `clang -target bpf` does not search: Debian and Ubuntu have a directory for
 * each machine, Fedora and others keep it in /usr/include itself.
 */
const MULTIARCH: Record<string, string> = {
  x64: '/usr/include/x86_64-linux-gnu',
  arm64: '/usr/include/aarch64-linux-gnu',
};
const TARGET_ARCH: Record<string, string> = { x64: 'x86', arm64: 'arm64' };

/**
 * Compiles a C file to a BPF object.
 * @returns the object's bytes, which are never written to disk
 * @throws ExtensionError if there is no compiler, or it fails; the reason of `signal`
 */
export async function compileExtension(path: string, options: CompileOptions = {}): Promise<Uint8Array> {
  const { env = process.env, timeoutSeconds = 60, color = false, onOutput = () => {}, signal } = options;
  // A line break would begin another command.
  const words = (name: string) => (env[name] ?? '').replace(/\s+/g, ' ').trim();
  const compiler = words('CC') || 'clang';
  const include = MULTIARCH[process.arch];
  const args = [
    // behind all others: a header that the author brings wins
    ...['-idirafter', fileURLToPath(INCLUDE_DIRECTORY)],
    ...(include && existsSync(include) ? ['-idirafter', include] : []),
    ...(color ? ['-fdiagnostics-color=always'] : []),
    ...['-o', '-', /^[-@]/.test(path) ? `./${path}` : path],
  ];
  const define = TARGET_ARCH[process.arch];
  // CC and CFLAGS are shell text, as in make; the file's name and all other words are arguments, never shell text.
  const command = `${compiler} -target bpf -O2 -g -c ${define ? `-D__TARGET_ARCH_${define}` : ''} ${words('CFLAGS')} "$@"`;
  const result = await run(command, args, env, timeoutSeconds, signal);
  signal?.throwIfAborted();
  if (result.messages !== '') onOutput(result.messages);
  const shown = `compiling ${printable(path)}`;
  if (result.ended === 'timeout') {
    throw new ExtensionError(
      `${shown}: ${printable(compiler)} did not end within ${timeoutSeconds} s`,
      'if it needs more time, give it with --compile-timeout',
    );
  }
  if (result.status === 127 || result.status === 126) {
    throw new ExtensionError(
      `${shown}: ${printable(compiler)} can't be run`,
      words('CC')
        ? 'CC names the compiler: correct or unset it'
        : 'install clang (the package is clang on Debian, Ubuntu and Fedora), or give an object file',
    );
  }
  if (result.status !== 0) {
    throw new ExtensionError(`${shown}: ${printable(compiler)} ${describeStatus(result)}`, hintFor(result.messages));
  }
  if (result.output.length === 0) throw new ExtensionError(`${shown}: ${printable(compiler)} wrote no object`);
  if (result.output[0] !== 0x7f) {
    throw new ExtensionError(
      `${shown}: ${printable(compiler)} wrote something else than an object`,
      'the object goes through standard output: what CC runs must print nothing else there',
    );
  }
  return result.output;
}

const MAX_OBJECT_BYTES = 64 << 20;
const MAX_MESSAGE_BYTES = 1 << 20;
/** How long the pipes are still read when the compiler has ended. */
const GRACE_MS = 1000;

interface Result {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly ended: 'itself' | 'timeout';
  readonly output: Uint8Array;
  readonly messages: string;
}

function run(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  timeoutSeconds: number,
  abort: AbortSignal | undefined,
): Promise<Result> {
  return new Promise((resolve, reject) => {
    const running = runCommand(`exec </dev/null; ${command}`, args, env);
    const child = running.process;
    const output = collect(child.stdout, MAX_OBJECT_BYTES);
    const messages = collect(child.stderr, MAX_MESSAGE_BYTES);
    let ended: Result['ended'] = 'itself';
    let grace: NodeJS.Timeout | undefined;
    const end = () => running.kill();
    const timer = setTimeout(() => {
      ended = 'timeout';
      end();
    }, timeoutSeconds * 1000);
    abort?.addEventListener('abort', end, { once: true });
    if (abort?.aborted) end();
    const finish = (status: number | null, signal: NodeJS.Signals | null) => {
      clearTimeout(timer);
      clearTimeout(grace);
      abort?.removeEventListener('abort', end);
      child.stdout?.destroy();
      child.stderr?.destroy();
      running.release();
      resolve({ status, signal, ended, output: output(), messages: messages().toString('utf8') });
    };
    child.on('error', (error) => {
      clearTimeout(timer);
      reject(causedBy(new ExtensionError(`running the compiler: ${error.message}`), error));
    });
    // A process that the compiler left running may keep the pipes open for ever.
    child.on('exit', (status, signal) => {
      grace = setTimeout(() => finish(status, signal), GRACE_MS);
    });
    child.on('close', finish);
  });
}

/** Collects the bytes of a stream up to a limit; the rest is read and dropped. */
function collect(stream: Readable | undefined, maxBytes: number): () => Buffer {
  const pieces: Buffer[] = [];
  let length = 0;
  stream?.on('data', (piece: Buffer) => {
    const taken = piece.subarray(0, maxBytes - length);
    if (taken.length > 0) pieces.push(taken);
    length += taken.length;
  });
  return () => Buffer.concat(pieces);
}

function describeStatus({ status, signal }: Result): string {
  return signal === null ? `failed with exit status ${status}` : `was ended by ${signal}`;
}

function hintFor(messages: string): string | undefined {
  if (/bpf\/bpf_\w+\.h' file not found/.test(messages)) {
    return "install libbpf's headers: the package is libbpf-dev on Debian and Ubuntu, libbpf-devel on Fedora";
  }
  if (/(linux|asm)\/[\w/]+\.h' file not found/.test(messages)) {
    return "install the kernel's headers for programs: the package is linux-libc-dev on Debian and Ubuntu, kernel-headers on Fedora";
  }
  if (/gnu\/stubs-\w+\.h' file not found/.test(messages)) {
    return 'a header of the C library was included, which is for programs: <linux/types.h> has __u32 and its likes';
  }
  if (/unrecognized command[- ]line option \S*-target/.test(messages)) {
    return 'CC must be clang: gcc does not take its options, and has no tags';
  }
  if (/(unknown target triple|compatible with triple) '?"?bpf/.test(messages)) {
    return 'CC must be a clang that compiles for BPF: this one was built without it';
  }
  return undefined;
}
