/** Errors at a place of a user's file. */
import { resolve } from 'node:path';
import { ExtensionError } from '../../base/errors.js';
import { printable } from '../../base/printable.js';
import type { ModuleProblem } from './messages.js';

/** An error in an extension's module. */
export class ModuleError extends ExtensionError {
  /** The file, as an absolute path, and the characters that are wrong, counted from 0. */
  readonly file: string | undefined;
  readonly at: { readonly from: number; readonly to: number } | undefined;

  constructor(message: string, hint: string | undefined, file?: string, at?: { from: number; to: number }) {
    super(message, hint);
    // To users it is an error of an extension as any other.
    this.name = ExtensionError.name;
    this.file = file;
    this.at = at;
  }
}

/**
 * Messages name the main file as it was given, and others by their whole paths.
 * @param path as it was given
 * @param what stands before the message
 */
export function moduleError(path: string, problem: ModuleProblem, what = ''): ModuleError {
  const { message, hint, file, line, column, from, to } = problem;
  const place = line === undefined ? '' : `:${line}:${column}`;
  const isOther = file !== undefined && file !== resolve(path);
  const about = `the extension ${printable(path)}${isOther ? `: ${printable(file)}` : ''}${place}`;
  const at = from === undefined || to === undefined ? undefined : { from, to };
  return new ModuleError(
    `${about}: ${what}${printable(message)}`,
    hint === undefined ? undefined : printable(hint),
    file,
    at,
  );
}
