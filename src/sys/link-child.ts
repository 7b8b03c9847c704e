/**
 * Linking in a process of its own: libbpf trusts the objects that it reads, and a damaged one can crash it or keep it
 * busy for ever. Then the child dies, and the tracer says so.
 *
 * What goes through the pipes: to the child for each object its name and its bytes, each after its length as u32; from
 * it the linked object, or with exit status 1 a JSON text of what libbpf said.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ExtensionError } from '../base/errors.js';
import { BpfObject, LibbpfError, linkObjects, type NamedObject, setLibbpfLog } from './libbpf.js';
import { dieWithParent, limitOwnTime } from './libc.js';

const TIMEOUT_SECONDS = 60;
/** What libbpf may take of the processor, without the kernel's verifier: a hundred times as much as it needs. */
const OWN_TIME_SECONDS = 10;
const REFUSED_STATUS = 1;
/** A power of two and a multiple of every page size. */
const SMALL_RING_BYTES = 1 << 16;
/** Compiled, below dist/, also for the sources that the tests run. */
const CHILD = fileURLToPath(new URL('../../dist/sys/link-child.js', import.meta.url));

interface Refusal {
  readonly call: string;
  readonly errno: number;
  readonly warnings: readonly string[];
  readonly doing: string;
}

/**
 * Links objects, a backend's among them, as `linkObjects` does, and tries whether libbpf can open and load the result.
 * @throws LibbpfError if they don't fit together, ExtensionError if one crashed libbpf
 */
export function linkInChild(objects: readonly NamedObject[]): Uint8Array {
  const child = spawnSync(process.execPath, [CHILD, 'link', String(process.pid)], {
    input: encodeObjects(objects),
    maxBuffer: 1 << 28,
    timeout: TIMEOUT_SECONDS * 1000,
    killSignal: 'SIGKILL',
  });
  if (child.status === 0) return new Uint8Array(child.stdout);
  if (child.status === REFUSED_STATUS && child.stdout.length > 0) {
    const { call, errno, warnings, doing } = JSON.parse(child.stdout.toString('utf8')) as Refusal;
    throw new LibbpfError(call, errno, warnings, doing);
  }
  const names = objects.map(({ name }) => name).join(', ');
  const end = child.error
    ? child.error.message
    : child.signal
      ? `it was ended by ${child.signal}`
      : `exit status ${child.status}`;
  throw new ExtensionError(
    `linking ${names}: libbpf could not cope with an object (${end}): it is damaged`,
    'compile it again',
  );
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
    // Without a taker libbpf would print what it has to say.
    setLibbpfLog(() => {});
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
 * Goes with it all the way that the tracer will go, for libbpf reads more of it at each step. What is refused here is
 * refused again there, and told.
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
