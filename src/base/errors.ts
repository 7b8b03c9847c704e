import type { ErrorCode } from './error-codes.js';

/**
 * Errors for people. A message says what was being done and what was wrong (causes joined with `: `, lower case, no
 * final period); `hint` says what to do about it. `code` is stable, for programs: docs/troubleshooting.md lists all.
 */
export class IpftError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, hint?: string) {
    super(message);
    this.name = new.target.name;
    this.code = code;
    this.hint = hint;
  }
}

/** The command line, or an option of the library, can't be understood. Exit status 2. */
export class UsageError extends IpftError {
  constructor(message: string, hint?: string) {
    super('USAGE', message, hint);
  }
}

/** Bytes that are not what they should be: `format` names the format, `offset` the byte where reading stopped. */
export class ParseError extends IpftError {
  readonly format: string;
  readonly offset: number;

  constructor(format: string, offset: number, problem: string) {
    super('PARSE', `${format} at byte ${offset}: ${problem}`);
    this.format = format;
    this.offset = offset;
  }
}

/** The running kernel lacks something. `minimumVersion` is the first Linux that has it, where one is known. */
export class UnsupportedFeatureError extends IpftError {
  readonly feature: string;
  readonly minimumVersion: string | undefined;

  constructor(feature: string, message: string, hint?: string, minimumVersion?: string) {
    super('UNSUPPORTED', message, hint);
    this.feature = feature;
    this.minimumVersion = minimumVersion;
  }
}

/** A system call or library call failed. `errno` is positive, `errnoName` its name (`EPERM`). */
export class SystemCallError extends IpftError {
  readonly call: string;
  readonly errno: number;
  readonly errnoName: string;

  constructor(call: string, errno: number, errnoName: string, doing?: string, hint?: string) {
    super('SYSTEM', `${doing === undefined ? '' : `${doing}: `}${call} failed with ${errnoName}`, hint);
    this.call = call;
    this.errno = errno;
    this.errnoName = errnoName;
  }
}

/** The kernel's verifier refused a program; `log` is all that it wrote. */
export class VerifierError extends IpftError {
  readonly program: string;
  readonly log: string;

  constructor(program: string, message: string, log: string, hint?: string) {
    super('VERIFIER', message, hint);
    this.program = program;
    this.log = log;
  }
}

/** An extension can't be used. */
export class ExtensionError extends IpftError {
  constructor(message: string, hint?: string) {
    super('EXTENSION', message, hint);
  }
}

/** What stands in the way of tracing on this machine: permissions, lockdown, missing files or libraries. */
export class EnvironmentError extends IpftError {}
