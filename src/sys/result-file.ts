/** Opens files that results are written to, safely in directories of other users: no links, devices or pipes. */
import { constants, fchownSync, fstatSync, lstatSync, openSync } from 'node:fs';
import { readSudo } from './caller.js';

const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_NOCTTY } = constants;
const FILE_MODE = 0o600;
const NOT_REGULAR = 'there is something that is no regular file';

export interface ResultFile {
  readonly fd: number;
  /** Whether this call has made the file. An existing one has its old content still. */
  readonly isNew: boolean;
}

/** A file that is not written to, and what to do about it. */
export class RefusedFile extends Error {
  constructor(
    problem: string,
    readonly hint?: string,
  ) {
    super(problem);
  }
}

/**
 * Opens a regular file, or /dev/null. A new file is for its owner alone (0600); an existing one keeps its content and
 * its mode.
 * @throws RefusedFile for anything else; the system's error where it can't be opened
 */
export function openResultFile(path: string): ResultFile {
  // Opening some devices has an effect: only regular files and /dev/null are opened.
  const there = path === '/dev/null' ? undefined : lstatSync(path, { throwIfNoEntry: false });
  if (there?.isSymbolicLink()) {
    throw new RefusedFile('it is a symbolic link, which could lead anywhere', 'name the file itself');
  }
  if (there && !there.isFile()) throw new RefusedFile(NOT_REGULAR);
  if (!there && path !== '/dev/null') {
    const fd = createResultFile(path);
    if (fd !== undefined) return { fd, isNew: true };
  }
  const fd = openSync(path, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
  // Another file may have been put there meanwhile.
  if (path !== '/dev/null' && !fstatSync(fd).isFile()) throw new RefusedFile(NOT_REGULAR);
  return { fd, isNew: false };
}

/**
 * Makes a file that is not there yet.
 * @returns its descriptor; undefined if something has that name
 * @throws the system's error
 */
export function createResultFile(path: string): number | undefined {
  try {
    return openSync(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_NOCTTY, FILE_MODE);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return undefined;
    throw error;
  }
}

/** Gives a file that this process has made to the user who called sudo, if one did. */
export function giveToCaller(fd: number, environment: NodeJS.ProcessEnv = process.env): void {
  const caller = readSudo(environment);
  if (!caller) return;
  try {
    fchownSync(fd, caller.uid, caller.gid);
  } catch {
    // A file system without owners.
  }
}
