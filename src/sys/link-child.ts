/**
 * Linking in a process of its own: libbpf trusts the objects that it reads, and a damaged one can crash it or keep it
 * busy for ever. Then the child dies, and the tracer says so.
 *
 * What goes through the pipes: to the child for each object its name and its bytes, each after its length as u32; from
 * it the linked object, or with exit status 1 a JSON text of what libbpf said.
 */

import { spawn } from 'node:child_process';
import { readFileSync, writeSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { causedBy, ExtensionError } from '../base/errors.js';
import type { NamedObject } from '../base/named-object.js';
import { PACKAGE_ROOT } from '../base/package-root.js';
import { BpfObject, LibbpfError, linkObjects } from './libbpf.js';
import { dieWithParent, limitOwnTime } from './libc.js';

const TIMEOUT_SECONDS = 60;
/** The limit of CPU time for libbpf, without the kernel's verifier: a hundred times as much as linking needs. */
const OWN_TIME_SECONDS = 10;
const REFUSED_STATUS = 1;
/** A power of two and a multiple of every page size. */
const SMALL_RING_BYTES = 1 << 16;
/** The compiled child below dist/, also for sources that the tests run. */
const CHILD = fileURLToPath(new URL('dist/sys/link-child.js', PACKAGE_ROOT));

interface Refusal {
  readonly call: string;
  readonly errno: number;
  readonly warnings: readonly string[];
  readonly doing: string;
}

/**
 * Links objects, those of a backend among them, as `linkObjects` does, and tries whether libbpf can open and load the
 * result.
 * @param signal ends the child
 * @throws LibbpfError if they don't fit together, ExtensionError if an object crashed libbpf, the reason of `signal`
 */
export async function linkInChild(objects: readonly NamedObject[], signal?: AbortSignal): Promise<Uint8Array> {
  const names = objects.map(({ name }) => name).join(', ');
  const { status, end, output } = await runChild(encodeObjects(objects), signal);
  signal?.throwIfAborted();
  if (status === 0) return output;
  if (status === REFUSED_STATUS && output.length > 0) {
    const { call, errno, warnings, doing } = JSON.parse(output.toString('utf8')) as Refusal;
    throw new LibbpfError(call, errno, warnings, doing);
  }
  throw new ExtensionError(
    `linking ${names}: libbpf could not cope with an object (${end}): it is damaged`,
    'compile it again',
  );
}

interface Ended {
  readonly status: number | null;
  /** The child's end in words. */
  readonly end: string;
  readonly output: Buffer;
}

/** Runs the child to its end. */
function runChild(input: Buffer, abort: AbortSignal | undefined): Promise<Ended> {
  return new Promise((resolve, reject) => {
    // The child has a process group of its own: Ctrl-C at the terminal is for this process.
    const stdio = ['pipe', 'pipe', 'ignore'] as const;
    const child = spawn(process.execPath, [CHILD, 'link', String(process.pid)], { detached: true, stdio: [...stdio] });
    let hasTime = true;
    const pieces: Buffer[] = [];
    const kill = () => void child.kill('SIGKILL');
    const timer = setTimeout(() => {
      hasTime = false;
      kill();
    }, TIMEOUT_SECONDS * 1000);
    const release = () => {
      clearTimeout(timer);
      abort?.removeEventListener('abort', kill);
    };
    abort?.addEventListener('abort', kill, { once: true });
    if (abort?.aborted) kill();
    // A child that has died reads no more; its end tells why. Where no descriptor is left, there are no pipes.
    child.stdin?.on('error', () => {});
    child.stdin?.end(input);
    child.stdout?.on('data', (piece: Buffer) => pieces.push(piece));
    child.on('error', (error) => {
      release();
      reject(causedBy(new ExtensionError(`running the child that links: ${error.message}`), error));
    });
    child.on('close', (status, signal) => {
      release();
      const end = signal === null ? `exit status ${status}` : `it was ended by ${signal}`;
      const output = Buffer.concat(pieces);
      resolve({ status, output, end: hasTime ? end : `it did not end within ${TIMEOUT_SECONDS} s` });
    });
  });
}

function encodeObjects(objects: readonly NamedObject[]): Buffer {
  const parts = objects.flatMap(({ name, bytes }) => [Buffer.from(name), bytes]);
  return Buffer.concat(parts.flatMap((part) => [Buffer.from(Uint32Array.of(part.length).buffer), part]));
}

function decodeObjects(input: Buffer): NamedObject[] {
  const parts: Buffer[] = [];
  for (let at = 0; at < input.length; ) {
    const length = input.readUInt32LE(at);
    parts.push(input.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  const objects: NamedObject[] = [];
  for (let i = 0; i + 1 < parts.length; i += 2)
    objects.push({ name: parts[i]!.toString('utf8'), bytes: parts[i + 1]! });
  return objects;
}

/** The child's side. */
function linkStdin(): void {
  dieWithParent(Number(process.argv[3]));
  limitOwnTime(OWN_TIME_SECONDS);
  try {
    const linked = linkObjects(decodeObjects(readFileSync(0)));
    tryLoading(linked);
    writeAll(linked);
  } catch (error) {
    if (!(error instanceof LibbpfError)) throw error;
    const { call, errno, warnings, doing } = error;
    writeAll(Buffer.from(JSON.stringify({ call, errno, warnings, doing } satisfies Refusal)));
    process.exitCode = REFUSED_STATUS;
  }
}

/**
 * Opens and loads the object as the tracer will, since libbpf reads more of it at each step. An error is not reported
 * here: the tracer gets it again.
 */
function tryLoading(linked: Uint8Array): void {
  using object = new BpfObject(linked);
  try {
    object.setMaxEntries('ipft_events', SMALL_RING_BYTES);
    object.load(new Set(object.programNames));
  } catch (error) {
    if (!(error instanceof LibbpfError)) throw error;
  }
}

function writeAll(bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(1, bytes, at);
}

if (process.argv[1] === CHILD && process.argv[2] === 'link') linkStdin();
