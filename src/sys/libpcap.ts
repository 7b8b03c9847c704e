/**
 * libpcap through koffi: it compiles expressions, and captures nothing. Source: `pcap/pcap.h`.
 */
import koffi, { type KoffiFunc, type LibraryHandle } from 'koffi';
import { causedBy, EnvironmentError } from '../base/errors.js';

type Pointer = unknown;

interface Functions {
  libVersion: KoffiFunc<() => string | null>;
  openDead: KoffiFunc<(linkType: number, snapLength: number) => Pointer>;
  compile: KoffiFunc<(handle: Pointer, program: Uint8Array, text: string, optimize: number, netmask: number) => number>;
  getError: KoffiFunc<(handle: Pointer) => string>;
  freeCode: KoffiFunc<(program: Uint8Array) => void>;
  close: KoffiFunc<(handle: Pointer) => void>;
}

const DECLARATIONS: Record<keyof Functions, string> = {
  libVersion: 'const char *pcap_lib_version(void)',
  openDead: 'void *pcap_open_dead(int linktype, int snaplen)',
  compile: 'int pcap_compile(void *p, void *program, const char *text, int optimize, uint netmask)',
  getError: 'const char *pcap_geterr(void *p)',
  freeCode: 'void pcap_freecode(void *program)',
  close: 'void pcap_close(void *p)',
};

/** Debian and Ubuntu have the first name, other distributions the second. */
const NAMES = ['libpcap.so.0.8', 'libpcap.so.1'];
/** Its compiler has no state of the process since then. */
const LEAST_VERSION: [number, number] = [1, 8];
const HINT =
  'install libpcap 1.8 or later: the package is libpcap0.8 or libpcap0.8t64 on Debian and Ubuntu, libpcap on Fedora, Arch and Alpine';
/** The longest packet. */
const SNAP_LENGTH = 262144;
const PCAP_NETMASK_UNKNOWN = 0xffffffff;
/** `struct bpf_program`: the number of instructions u32, four bytes, and a pointer to them. */
const PROGRAM_BYTES = 16;
const INSTRUCTION_BYTES = 8;

/** What libpcap makes of an expression: instructions of classic BPF, 8 bytes each, or its message. */
export type PcapResult = { readonly program: Uint8Array } | { readonly message: string };

let loaded: Functions | undefined;

/** Loads libpcap, once. @throws EnvironmentError `NO_LIBPCAP` if it is missing, too old, or something else */
export function loadLibpcap(): Functions {
  if (loaded) return loaded;
  const library = open();
  let functions: Functions;
  try {
    const entries = Object.entries(DECLARATIONS).map(([name, declaration]) => [name, library.func(declaration)]);
    functions = Object.fromEntries(entries) as unknown as Functions;
  } catch (error) {
    throw causedBy(refuse(`it is not libpcap: ${(error as Error).message}`), error);
  }
  const version = functions.libVersion() ?? '';
  const [, major, minor] = /^libpcap version (\d+)\.(\d+)/.exec(version) ?? [];
  if (major === undefined || minor === undefined) throw refuse('it is not libpcap: it tells no version');
  const [wantedMajor, wantedMinor] = LEAST_VERSION;
  if (Number(major) < wantedMajor || (Number(major) === wantedMajor && Number(minor) < wantedMinor)) {
    throw refuse(`it has version ${major}.${minor}, and ${LEAST_VERSION.join('.')} is needed`);
  }
  loaded = functions;
  return loaded;
}

function open(): LibraryHandle {
  let failure: unknown;
  for (const name of NAMES) {
    try {
      return koffi.load(name);
    } catch (error) {
      // The first name is what most systems have, unless the second one is there and can't be loaded.
      if (failure === undefined || !/cannot open shared object file: No such file/.test((error as Error).message))
        failure = error;
    }
  }
  throw causedBy(refuse((failure as Error).message), failure);
}

function refuse(problem: string): EnvironmentError {
  return new EnvironmentError('NO_LIBPCAP', `loading libpcap, which compiles expressions: ${problem}`, HINT);
}

/**
 * Compiles an expression. It looks up names of services and protocols in files, and names of hosts wherever the system
 * does: the caller keeps those away from it.
 * @param linkType a `DLT_…`
 * @throws EnvironmentError `NO_LIBPCAP`
 */
export function compileWithLibpcap(text: string, linkType: number): PcapResult {
  const libpcap = loadLibpcap();
  const handle = libpcap.openDead(linkType, SNAP_LENGTH);
  if (!handle) throw refuse('pcap_open_dead failed');
  const program = Buffer.alloc(PROGRAM_BYTES);
  try {
    if (libpcap.compile(handle, program, text, 1, PCAP_NETMASK_UNKNOWN) !== 0) {
      return { message: libpcap.getError(handle) };
    }
    const length = program.readUInt32LE(0) * INSTRUCTION_BYTES;
    const instructions = koffi.decode(program, 8, 'void *');
    const bytes = new Uint8Array(koffi.view(instructions, length).slice(0));
    libpcap.freeCode(program);
    return { program: bytes };
  } finally {
    libpcap.close(handle);
  }
}
