/**
 * What was found out about the kernel, kept for the next run. A file for each kind, `KIND.json`, holds one value and the
 * key that it is valid for; with another key it is not used, and overwritten. Any of them may be deleted at any time.
 * They lie in `/var/cache/ipft`, for others than root in `$XDG_CACHE_HOME/ipft` or `~/.cache/ipft`; the environment
 * variable IPFT_CACHE names another directory, and empty, none.
 *
 * What is read decides where programs are attached. So only files are read that belong to this user, that nobody else
 * could write, and that no link leads to; and each reader checks what it gets. What goes wrong is no error: the value is
 * found out anew.
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

/** Changes with the form or the meaning of what is kept. */
const FORMAT = 1;
const WRITABLE_BY_OTHERS = 0o022;
/** More than there can be, so that nothing else is read. */
const MAX_BYTES = 8 << 20;

/** A FIFO in its place would be waited for. */
const OPEN_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

interface Entry {
  readonly format: number;
  readonly key: string;
  readonly value: unknown;
}

/** @returns what was kept with this key, of whatever form; undefined if there is none */
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

/** Keeps a value, in one step: whoever reads meanwhile sees the old one or the new one. */
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
      // The directory can't be written: nothing is there.
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
