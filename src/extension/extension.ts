/** An extension from its file to what the tracer needs of it. */
import { readFileSync } from 'node:fs';
import { extname } from 'node:path';
import { ExtensionError, ParseError, UsageError } from '../base/errors.js';
import type { FieldWriter } from '../base/event.js';
import { printable } from '../base/printable.js';
import { parseBtf } from '../btf/btf.js';
import { type CompileOptions, compileExtension } from './compile.js';
import { parseElf, sectionBytes } from './elf.js';
import { type EventStruct, parseEventStruct } from './event-struct.js';
import { createFieldWriter } from './fields.js';

export interface Extension {
  /** As the user gave it. */
  readonly path: string;
  /** The BPF object, to be linked with a backend's. */
  readonly object: Uint8Array;
  readonly eventStruct: EventStruct;
  readonly fields: FieldWriter;
  /** Whether the object has a `license` section. */
  readonly hasLicense: boolean;
}

/** What the kernel takes for GPL-compatible: `license_is_gpl_compatible` of `linux/license.h`. */
const GPL_COMPATIBLE = ['GPL', 'GPL v2', 'GPL and additional rights', 'Dual BSD/GPL', 'Dual MIT/GPL', 'Dual MPL/GPL'];

/** How much room `module()` has: IPFT_DATA_SIZE of `bpf/event.h`. */
export const DATA_SIZE = 64;

/** @throws UsageError for a file that is neither `.c` nor `.o` */
export function checkSuffix(path: string): void {
  const suffix = extname(path);
  if (suffix === '.c' || suffix === '.o') return;
  const hint = suffix === '.lua' ? 'Lua scripts are not supported; an extension in BPF C does the same' : undefined;
  throw new UsageError(`the extension ${printable(path)} must end in .c (C source) or .o (BPF object)`, hint);
}

/**
 * Compiles a `.c` file or reads a `.o` file, and checks that it is an extension.
 * @throws UsageError, ExtensionError
 */
export async function loadExtension(path: string, options: CompileOptions = {}): Promise<Extension> {
  checkSuffix(path);
  const bytes = readExtension(path);
  const object = extname(path) === '.c' ? await compileExtension(path, options) : bytes;
  return parseExtension(path, object);
}

/** Reads the file, be it source or object: that it can't be read is best said by us. */
function readExtension(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const reason = code === 'ENOENT' ? 'no such file' : code === 'EISDIR' ? 'it is a directory' : code;
    throw new ExtensionError(`reading the extension ${printable(path)}: ${reason}`);
  }
}

/**
 * Reads an extension's object.
 * @param path for messages
 * @throws ExtensionError if it is no BPF object, has no BTF, no `module` or no event struct
 */
export function parseExtension(path: string, object: Uint8Array): Extension {
  try {
    const elf = parseElf(object);
    const btfBytes = sectionBytes(object, elf, '.BTF');
    if (!btfBytes) {
      throw new ExtensionError('the object has no BTF, which tells what its events look like', 'compile it with -g');
    }
    const btf = parseBtf(btfBytes);
    const symbol = elf.symbols.find(({ name }) => name === 'module');
    if (!symbol?.defined || symbol.kind !== 'function' || symbol.binding !== 'global') {
      throw new ExtensionError(
        symbol?.binding === 'local'
          ? "its function module is static: the tracer can't call it"
          : 'it defines no function module',
        'define: __hidden int module(void *ctx, struct sk_buff *skb, __u8 data[64])',
      );
    }
    const eventStruct = parseEventStruct(btf, DATA_SIZE);
    const license = sectionBytes(object, elf, 'license');
    if (license) checkLicense(license);
    return {
      path,
      object,
      eventStruct,
      fields: createFieldWriter(btf, eventStruct),
      hasLicense: license !== undefined,
    };
  } catch (error) {
    if (error instanceof ParseError) {
      throw new ExtensionError(`the extension ${printable(path)} is no sound BPF object: ${error.message}`);
    }
    if (error instanceof ExtensionError) {
      throw new ExtensionError(`the extension ${printable(path)}: ${error.message}`, error.hint);
    }
    throw error;
  }
}

function checkLicense(section: Uint8Array): void {
  const text = Buffer.from(section).toString('latin1').replace(/\0.*$/s, '');
  if (GPL_COMPATIBLE.includes(text)) return;
  throw new ExtensionError(
    `its license '${printable(text)}' is not compatible with the GPL: the kernel would refuse what tracing needs`,
    `the kernel knows ${GPL_COMPATIBLE.join(', ')}`,
  );
}
