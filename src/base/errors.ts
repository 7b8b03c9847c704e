import type { ErrorCode } from './error-codes.js';

/**
 * Errors for people. A message says what was being done and what was wrong (causes joined with `: `, lower case, no
 * final period); `hint` says what to do about it. `code` tells programs what message and hint tell people; it is stable,
 * and docs/troubleshooting.md lists all. `cause` is the error that led to this one, if there was one.
 */
export class IpftError extends Error {
  /** Which kind of error it is, as `USAGE`. */
  readonly code: ErrorCode;
  /** What to do about it, if there is something. */
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, hint?: string) {
    super(message);
    this.name = new.target.name;
    this.code = code;
    this.hint = hint;
  }
}

/** Sets the cause of an error, and returns the error. */
export function causedBy<T extends Error>(error: T, cause: unknown): T {
  // As the constructor of Error sets it: not enumerable.
  return Object.defineProperty(error, 'cause', { value: cause, configurable: true, writable: true });
}

/** The command line, or an option of the library, can't be understood. Exit status 2. */
export class UsageError extends IpftError {
  constructor(message: string, hint?: string) {
    super('USAGE', message, hint);
  }
}

/** Bytes that are not what they should be: `format` names the format, `offset` the byte where reading stopped. */
export class ParseError extends IpftError {
  /** The name of the format. */
  readonly format: string;
  /** The byte where reading stopped. */
  readonly offset: number;

  constructor(format: string, offset: number, problem: string) {
    super('PARSE', `${format} at byte ${offset}: ${problem}`);
    this.format = format;
    this.offset = offset;
  }
}

/** The running kernel lacks something. `minimumVersion` is the first Linux that has it, where one is known. */
export class UnsupportedFeatureError extends IpftError {
  /** The missing feature. */
  readonly feature: string;
  /** The first Linux that has it, where one is known. */
  readonly minimumVersion: string | undefined;

  constructor(feature: string, message: string, hint?: string, minimumVersion?: string) {
    super('UNSUPPORTED', message, hint);
    this.feature = feature;
    this.minimumVersion = minimumVersion;
  }
}

/** A system call or library call failed. `errno` is positive, `errnoName` its name (`EPERM`). */
export class SystemCallError extends IpftError {
  /** The call that failed. */
  readonly call: string;
  /** Its error number, positive. */
  readonly errno: number;
  /** The name of that, as `EPERM`. */
  readonly errnoName: string;

  constructor(call: string, errno: number, errnoName: string, doing?: string, hint?: string) {
    super('SYSTEM', `${doing === undefined ? '' : `${doing}: `}${call} failed with ${errnoName}`, hint);
    this.call = call;
    this.errno = errno;
    this.errnoName = errnoName;
  }
}

/** The command whose packets were to be traced is not there, or can't be executed. */
export class CommandError extends IpftError {
  /** Whether it is not there. */
  readonly isMissing: boolean;

  constructor(message: string, isMissing: boolean, hint?: string) {
    super('COMMAND', message, hint);
    this.isMissing = isMissing;
  }
}

/** The kernel's verifier refused a program; `log` is the verifier's whole log. */
export class VerifierError extends IpftError {
  /** The program that was refused. */
  readonly program: string;
  /** The verifier's whole log. */
  readonly log: string;

  constructor(program: string, message: string, log: string, hint?: string) {
    super('VERIFIER', message, hint);
    this.program = program;
    this.log = log;
  }
}

/** An extension can't be used. */
export class ExtensionError extends IpftError {
  /** The messages of the compiler, if it was run and failed. */
  readonly log: string | undefined;

  constructor(message: string, hint?: string, log?: string) {
    super('EXTENSION', message, hint);
    this.log = log;
  }
}

/** This machine does not allow tracing: permissions, lockdown, missing files or libraries. */
export class EnvironmentError extends IpftError {}
