/** Reads the file of an extension, whatever it is written in. */
import { readFileSync, statSync } from 'node:fs';
import { causedBy, ExtensionError } from '../base/errors.js';
import { printable } from '../base/printable.js';

/** Far more than a source or an object has. */
const MAX_FILE_BYTES = 64 << 20;
const REASONS: Partial<Record<string, string>> = {
  ENOENT: 'no such file',
  ENOTDIR: 'no such file',
  EACCES: 'permission denied',
  ENAMETOOLONG: 'its name is too long',
};

/**
 * @param hintOf what may help where there is no such file
 * @throws ExtensionError if it can't be read, or is no regular file
 */
export function readExtensionFile(
  path: string,
  hintOf: (path: string) => string | undefined = () => undefined,
): Uint8Array {
  const reading = `reading the extension ${printable(path)}`;
  try {
    // Reading a pipe could wait for ever.
    const stats = statSync(path);
    if (!stats.isFile()) throw new ExtensionError(`${reading}: it is no regular file`);
    if (stats.size > MAX_FILE_BYTES) throw new ExtensionError(`${reading}: it is larger than any extension (64M)`);
    return readFileSync(path);
  } catch (error) {
    if (error instanceof ExtensionError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    const hint = code === 'ENOENT' ? hintOf(path) : undefined;
    throw causedBy(new ExtensionError(`${reading}: ${REASONS[code ?? ''] ?? code ?? message}`, hint), error);
  }
}
