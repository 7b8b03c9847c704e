/** The files of a recording that has several: `trace.ipft` becomes `trace-000001.ipft` and so on. */
import { accessSync, constants, lstatSync, readdirSync } from 'node:fs';
import { basename, dirname, extname, join } from 'node:path';
import { causedBy, IpftError } from '../base/errors.js';
import { printable } from '../base/printable.js';
import type { Destinations } from './file-sink.js';
import { createRecordingFile, type RecordingFile } from './recording-file.js';

/** How many names are tried that others have taken meanwhile. */
const MAX_TRIES = 1000;
const DIGITS = 6;

/** The name of the file behind another one; undefined where the name has no number. */
export function nextName(path: string): string | undefined {
  const extension = extname(path);
  const [, stem, digits] = /^(.*-)([0-9]{6,9})$/s.exec(basename(path, extension)) ?? [];
  if (digits === undefined) return undefined;
  return join(dirname(path), `${stem}${String(Number(digits) + 1).padStart(DIGITS, '0')}${extension}`);
}

export class NumberedFiles implements Destinations {
  readonly #path: string;
  readonly #keep: number;
  /** The number of the last file. */
  #number: number;
  /** The files of this run that are kept; all names are in it only if their number has a bound. */
  readonly #kept: RecordingFile[] = [];
  /** How many files were begun. */
  count = 0;
  /** The names of the first and the last of them. */
  first: string | undefined;
  last: string | undefined;

  /**
   * Numbers go on behind those that are there.
   * @param keep how many files of this run are kept; by default all
   * @throws IpftError `RECORDING` where no files can be made
   */
  constructor(path: string, keep = Number.POSITIVE_INFINITY) {
    this.#path = path;
    this.#keep = keep;
    try {
      if (lstatSync(path, { throwIfNoEntry: false })?.isDirectory()) throw new Error('it is a directory');
      accessSync(dirname(path), constants.W_OK);
      this.#number = this.#findLast();
    } catch (error) {
      throw refuse(path, error, 'name a file in a directory that you may write to');
    }
  }

  next(): RecordingFile {
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const path = this.#nameOf(++this.#number);
      const file = createRecordingFile(path);
      if (!file) continue;
      this.count++;
      this.first ??= file.name;
      this.last = file.name;
      if (this.#keep !== Number.POSITIVE_INFINITY) this.#kept.push(file);
      return file;
    }
    throw refuse(this.#path, new Error(`${MAX_TRIES} names of parts are taken`), 'name another file');
  }

  /** Removes the oldest files of this run, if there are more than are to be kept. */
  prune(): void {
    while (this.#kept.length > this.#keep) this.#kept.shift()!.remove();
  }

  #nameOf(number: number): string {
    const [directory, stem, extension] = this.#split();
    return join(directory, `${stem}-${String(number).padStart(DIGITS, '0')}${extension}`);
  }

  #split(): [string, string, string] {
    const extension = extname(this.#path);
    return [dirname(this.#path), basename(this.#path, extension), extension];
  }

  #findLast(): number {
    const [directory, stem, extension] = this.#split();
    let last = 0;
    for (const name of readdirSync(directory)) {
      if (!name.startsWith(`${stem}-`) || !name.endsWith(extension)) continue;
      const digits = name.slice(stem.length + 1, name.length - extension.length);
      if (/^[0-9]{6,9}$/.test(digits)) last = Math.max(last, Number(digits));
    }
    return last;
  }
}

function refuse(path: string, error: unknown, hint: string): IpftError {
  const message = `writing the recording ${printable(path)}: ${(error as Error).message}`;
  return causedBy(new IpftError('RECORDING', message, hint), error);
}
