/** The functions that ftrace can hook, and their addresses. */
import { closeSync, openSync, readFileSync } from 'node:fs';
import { causedBy, EnvironmentError } from '../base/errors.js';
import { VMLINUX } from '../base/target.js';
import { ENODEV, errnoName } from '../sys/errno.js';
import { COVERED } from './btf.js';
import { SWITCHES } from './switches.js';

const CLOSING_BRACKET = 0x5d;
const TRACEFS_MOUNTS = ['/sys/kernel/tracing', '/sys/kernel/debug/tracing'];

/** The error where ftrace is off: no backend would see anything. */
export function ftraceIsOff(sign: string): EnvironmentError {
  return new EnvironmentError(
    'FTRACE_OFF',
    `ftrace, which calls what is attached to functions, is switched off: ${sign}`,
    `${SWITCHES.ftrace.remedy}; where that is refused, ftrace has shut itself down: dmesg tells why, and a reboot helps`,
  );
}

/**
 * For each module the names of its functions that ftrace can hook, and how many functions of the module have each name.
 */
export type TraceableFunctions = Map<string, Map<string, number>>;

/**
 * Reads tracefs' `available_filter_functions`.
 * @throws EnvironmentError if tracefs is not mounted or can't be read
 */
export function loadTraceableFunctions(): TraceableFunctions {
  return withTraceableFunctions((path) => {
    const functions = parseTraceableFunctions(readFileSync(path, 'latin1'));
    if (functions.get(VMLINUX)?.size) return functions;
    const problem = `reading the functions that can be traced: ${path} names none`;
    throw new EnvironmentError('TRACEFS_REFUSED', problem, COVERED);
  });
}

/**
 * Checks that the list can be opened, without reading it, which takes the kernel a while.
 * @throws as `loadTraceableFunctions`
 */
export function checkTraceableFunctions(): void {
  withTraceableFunctions((path) => closeSync(openSync(path, 'r')));
}

function withTraceableFunctions<T>(use: (path: string) => T): T {
  let refusal: { readonly problem: string; readonly cause: unknown } | undefined;
  for (const mount of TRACEFS_MOUNTS) {
    const path = `${mount}/available_filter_functions`;
    try {
      return use(path);
    } catch (error) {
      if (error instanceof EnvironmentError) throw error;
      const { code, errno } = error as NodeJS.ErrnoException;
      if (code === undefined) throw error;
      // ftrace shuts itself down after an error of its own.
      if (errno === -ENODEV) throw causedBy(ftraceIsOff(`${path} can't be read (ENODEV)`), error);
      if (code !== 'ENOENT' && code !== 'ENOTDIR') {
        refusal ??= { problem: `${path}: ${errnoName(-(errno ?? 0))}`, cause: error };
      }
    }
  }
  if (refusal === undefined) {
    throw new EnvironmentError(
      'NO_TRACEFS',
      'looking for the functions that can be traced: tracefs is not mounted',
      'mount it: mount -t tracefs tracefs /sys/kernel/tracing',
    );
  }
  throw causedBy(
    new EnvironmentError(
      'TRACEFS_REFUSED',
      `reading the functions that can be traced: ${refusal.problem}`,
      'run as root, or make tracefs readable for this user',
    ),
    refusal.cause,
  );
}

/**
 * Reads lines of `NAME` and `NAME [MODULE]`.
 * @param text content of `available_filter_functions`
 */
export function parseTraceableFunctions(text: string): TraceableFunctions {
  const vmlinux = new Map<string, number>();
  const all: TraceableFunctions = new Map([[VMLINUX, vmlinux]]);
  // Nearly all lines are a name alone.
  for (let begin = 0; begin < text.length; ) {
    let end = text.indexOf('\n', begin);
    if (end < 0) end = text.length;
    const line = text.slice(begin, end);
    begin = end + 1;
    const bracket = line.charCodeAt(line.length - 1) === CLOSING_BRACKET ? line.indexOf('[') : -1;
    if (bracket < 0) {
      if (line !== '') vmlinux.set(line, (vmlinux.get(line) ?? 0) + 1);
      continue;
    }
    const module = line.slice(bracket + 1, -1);
    const names = all.get(module) ?? new Map<string, number>();
    all.set(module, names);
    const name = line.slice(0, bracket).trimEnd();
    names.set(name, (names.get(name) ?? 0) + 1);
  }
  return all;
}

/** The address of a kernel function. */
export interface SymbolAddress {
  readonly module: string;
  readonly name: string;
  readonly address: bigint;
}

/**
 * Reads `/proc/kallsyms`, which takes a while: the kernel makes its text for each reader.
 * @param wanted for each module the names to look for
 */
export function loadSymbolAddresses(wanted: ReadonlyMap<string, ReadonlySet<string>>): SymbolAddress[] {
  return parseSymbolAddresses(readSymbols(), wanted);
}

/** The addresses of all functions of a name, in the kernel and its modules; none for a reader that may not see them. */
export function loadSymbolAddressesNamed(name: string): bigint[] {
  const lines = readSymbols().matchAll(/^([0-9a-f]+) [tTwW] ([^\t\n]+)/gm);
  const addresses = [...lines].filter((line) => line[2] === name).map((line) => BigInt(`0x${line[1]}`));
  return [...new Set(addresses)].filter((address) => address !== 0n);
}

/** The text of `/proc/kallsyms`; empty where the file is hidden. */
export function readSymbols(): string {
  try {
    return readFileSync('/proc/kallsyms', 'latin1');
  } catch {
    return '';
  }
}

/**
 * Reads lines of `ADDRESS TYPE NAME` and `ADDRESS TYPE NAME\t[MODULE]`.
 * @param text content of `/proc/kallsyms`; the addresses are all 0 for a reader that may not see them
 */
export function parseSymbolAddresses(text: string, wanted: ReadonlyMap<string, ReadonlySet<string>>): SymbolAddress[] {
  const found: SymbolAddress[] = [];
  // Most lines are read up to their name only: there are more than a hundred thousand.
  for (let begin = 0; begin < text.length; ) {
    const newline = text.indexOf('\n', begin);
    const end = newline < 0 ? text.length : newline;
    const [line, behindAddress] = [begin, text.indexOf(' ', begin)];
    begin = end + 1;
    if (behindAddress < 0 || behindAddress > end || !'tTwW'.includes(text[behindAddress + 1]!)) continue;
    const isOfModule = text[end - 1] === ']';
    const nameEnd = isOfModule ? text.lastIndexOf('\t', end) : end;
    const name = text.slice(behindAddress + 3, nameEnd);
    const module = isOfModule ? text.slice(nameEnd + 2, end - 1) : VMLINUX;
    if (wanted.get(module)?.has(name)) {
      found.push({ module, name, address: BigInt(`0x${text.slice(line, behindAddress)}`) });
    }
  }
  return found;
}
