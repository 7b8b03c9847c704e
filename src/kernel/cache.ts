/**
 * Facts about the kernel, kept for the next run. Each kind has a file, `KIND.json`, with one value and the key that it
 * is valid for; a value with another key is not used, and overwritten. Deleting a file is safe at any time. The files
 * lie in `/var/cache/ipft`, for users other than root in `$XDG_CACHE_HOME/ipft` or `~/.cache/ipft`. The environment
 * variable IPFT_CACHE names another directory; if it is empty, nothing is kept.
 *
 * The values decide where programs are attached. So a file is read only if it belongs to this user, nobody else can
 * write it, and no symbolic link leads to it; and each reader checks the value. A failure is no error: the value is
 * found out again.
 */
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  type Stats,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Changes with the form or the meaning of the values. */
const FORMAT = 1;
const WRITABLE_BY_OTHERS = 0o022;
/** More than any value has. */
const MAX_BYTES = 8 << 20;

/** Without O_NONBLOCK, opening a FIFO would wait for a writer. */
const OPEN_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

interface Entry {
  readonly format: number;
  readonly key: string;
  readonly value: unknown;
}

/** @returns the value of any form that was kept with this key; undefined if there is none */
export function loadCached(kind: string, key: string): unknown {
  const directory = cacheDirectory();
  if (directory === undefined) return undefined;
  try {
    if (!isOurs(lstatSync(directory)) || !lstatSync(directory).isDirectory()) return undefined;
    const fd = openSync(join(directory, `${kind}.json`), OPEN_FLAGS);
    try {
      const stats = fstatSync(fd);
      if (!stats.isFile() || !isOurs(stats) || stats.size > MAX_BYTES) return undefined;
      const entry = JSON.parse(readFileSync(fd, 'utf8')) as Partial<Entry> | null;
      return entry?.format === FORMAT && entry.key === key ? entry.value : undefined;
    } finally {
      closeSync(fd);
    }
  } catch {
    return undefined;
  }
}

/** Keeps a value, in one step: another process reads the old value or the new one. */
export function storeCached(kind: string, key: string, value: unknown): void {
  const directory = cacheDirectory();
  if (directory === undefined) return;
  const partial = join(directory, `${kind}.${randomBytes(8).toString('hex')}`);
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const stats = lstatSync(directory);
    if (!stats.isDirectory() || !isOurs(stats)) return;
    const entry: Entry = { format: FORMAT, key, value };
    writeFileSync(partial, JSON.stringify(entry), { flag: 'wx', mode: 0o600 });
    renameSync(partial, join(directory, `${kind}.json`));
  } catch {
    try {
      rmSync(partial, { force: true });
    } catch {
      // The directory can't be written: there is no temporary file, either.
    }
  }
}

function cacheDirectory(): string | undefined {
  const named = process.env['IPFT_CACHE'];
  if (named !== undefined) return named === '' ? undefined : named;
  if (process.geteuid?.() === 0) return '/var/cache/ipft';
  return join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'ipft');
}

function isOurs(stats: Stats): boolean {
  return stats.uid === process.geteuid?.() && (stats.mode & WRITABLE_BY_OTHERS) === 0;
}
