/** From the command line to an exit status. */
import { setImmediate as immediate } from 'node:timers/promises';
import { CommandError, causedBy, IpftError, SystemCallError, UsageError, VerifierError } from '../base/errors.js';
import { printable } from '../base/printable.js';
import { exitAtOnce, leaveTimeToEnd } from '../capture/process.js';
import { loadModuleHeader, loadModuleSkeleton } from '../fields/c/skeleton.js';
import { restoreArguments } from '../sys/byte-text.js';
import { findColorChoice } from './color.js';
import { check } from './commands/check.js';
import { formatCompletion } from './commands/completion.js';
import { doctor } from './commands/doctor.js';
import { capture, letReaderGo } from './commands/extcap.js';
import { formatFieldsHelp } from './commands/fields-help.js';
import { list } from './commands/list.js';
import { formatMarkHelp } from './commands/mark-help.js';
import { record } from './commands/record.js';
import { show } from './commands/show.js';
import { trace } from './commands/trace.js';
import { writeTypes } from './commands/types.js';
import { ui } from './commands/ui.js';
import { setUpWireshark } from './commands/wireshark-setup.js';
import { completeNames } from './completion-names.js';
import {
  STATUS_DONE,
  STATUS_ERROR,
  STATUS_INTERRUPTED,
  STATUS_NOT_EXECUTABLE,
  STATUS_NOT_FOUND,
  STATUS_USAGE,
  STATUS_WITHOUT_COMMAND,
} from './exit-status.js';
import { namesProgram, parseCommandLine, type Request } from './options.js';
import { ignoreSignals, NO_SIGNALS, type Signals, StopSignal } from './stop.js';
import { Terminal } from './terminal.js';
import { formatWelcome } from './welcome.js';
import { explainFailure, openWriter, type Writer } from './writer.js';

/**
 * Runs `ipft`, and ends the process at once. Node's own exit would set terminals back, and abort if one has gone; it
 * would wait for threads; and for a moment signals would have their default effect.
 * @param given its arguments, without the program's name
 * @param commandLine as /proc/self/cmdline had it, where `given` may have lost bytes
 */
export async function main(
  given: readonly string[],
  signals: Signals = NO_SIGNALS,
  commandLine?: Uint8Array,
): Promise<never> {
  const args = commandLine ? restoreArguments(given, commandLine) : given;
  ignoreSignals(signals);
  const terminal = new Terminal(findColorChoice(args));
  const status = await runFor(args, terminal, signals);
  await terminal.end();
  return exitAtOnce(status);
}

/** @returns the exit status */
async function runFor(args: readonly string[], terminal: Terminal, signals: Signals): Promise<number> {
  let verbose = false;
  try {
    if (args.length === 0) {
      terminal.line(formatWelcome(terminal.paint));
      return STATUS_USAGE;
    }
    const request = await parse(args);
    verbose = 'verbose' in request && request.verbose;
    const out = openWriter(placeOfResult(request));
    const status = await run(request, terminal, out, signals);
    // A trace reports such an error itself, and a trace that did not begin leaves the file as it was.
    if (request.action === 'trace' || request.action === 'show' || request.action === 'capture') return status;
    await out.flush();
    await out.end();
    const failure = explainFailure(out);
    if (!failure) return status;
    terminal.error(failure);
    return STATUS_ERROR;
  } catch (thrown) {
    const error = explainSystemError(thrown);
    if (!(error instanceof IpftError)) {
      terminal.tell(`bug: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
      return statusOf(error, args);
    }
    if (verbose && error instanceof VerifierError) terminal.tell(printable(error.log, { multiline: true }));
    terminal.error(error);
    return statusOf(error, args);
  }
}

async function parse(args: readonly string[]): Promise<Request> {
  try {
    return parseCommandLine(args);
  } catch (error) {
    await letReaderGo(args);
    throw error;
  }
}

/** stdout belongs to a program that is run. */
function placeOfResult(request: Request): string | undefined {
  const outputFile = 'outputFile' in request ? request.outputFile : undefined;
  return request.action === 'trace' && request.command ? (outputFile ?? '/dev/stderr') : outputFile;
}

/** The exit status of an error. */
function statusOf(error: unknown, args: readonly string[]): number {
  if (error instanceof CommandError) return error.isMissing ? STATUS_NOT_FOUND : STATUS_NOT_EXECUTABLE;
  if (namesProgram(args)) return STATUS_WITHOUT_COMMAND;
  return error instanceof UsageError ? STATUS_USAGE : STATUS_ERROR;
}

async function run(request: Request, terminal: Terminal, out: Writer, signals: Signals): Promise<number> {
  switch (request.action) {
    case 'trace':
      leaveTimeToEnd();
      await immediate();
      return await trace(request, terminal, out, new StopSignal(signals));
    case 'record':
      leaveTimeToEnd();
      await immediate();
      return await record(request, terminal, new StopSignal(signals));
    case 'capture':
      leaveTimeToEnd();
      await immediate();
      return await capture(request, terminal, new StopSignal(signals));
    case 'show':
      await immediate();
      return await show(request, terminal, out, new StopSignal(signals));
    case 'ui':
      leaveTimeToEnd();
      await immediate();
      return await ui(request, terminal, out, new StopSignal(signals));
  }
  await immediate();
  if (signals.take(undefined)) exitAtOnce(STATUS_INTERRUPTED);
  switch (request.action) {
    case 'print':
      await out.write(Buffer.from(request.text));
      break;
    case 'generate':
      await out.write(Buffer.from(request.what === 'bpf-module-header' ? loadModuleHeader() : loadModuleSkeleton()));
      break;
    case 'check':
      await check(request, terminal, out);
      break;
    case 'types':
      await out.write(Buffer.from(writeTypes(request)));
      break;
    case 'doctor':
      return (await doctor(request, out)) ? STATUS_DONE : STATUS_ERROR;
    case 'mark-help':
      await out.write(Buffer.from(formatMarkHelp(request.help)));
      break;
    case 'wireshark-setup':
      await out.write(Buffer.from(setUpWireshark(request)));
      break;
    case 'fields-help':
      await out.write(Buffer.from(formatFieldsHelp()));
      break;
    case 'list':
      await list(request, terminal, out);
      break;
    case 'completion':
      await out.write(Buffer.from(formatCompletion(request.shell)));
      break;
    case 'names':
      await out.write(
        Buffer.from(
          completeNames(request.of, request.prefix)
            .map((name) => `${name}\n`)
            .join(''),
        ),
      );
      break;
  }
  return STATUS_DONE;
}

/** The limits of the process that an error may come from. */
const LIMITS: Partial<Record<string, string>> = {
  EMFILE: 'the limit of open files (ulimit -n) is too low',
  ENFILE: 'the machine has too many open files',
  EFBIG: 'the limit of file sizes (ulimit -f) is too low: objects in memory count as files',
  ENOMEM: 'the limit of memory (ulimit -v, or of the control group) is too low; a smaller --ring-size needs less',
  EAGAIN: 'the limit of processes (ulimit -u, or of the control group) is too low',
  ENOSPC: 'a disk is full',
};

/** A file that can't be read or a limit that is reached is no bug: it becomes an error for people. */
function explainSystemError(error: unknown): unknown {
  if (error instanceof SystemCallError && error.hint === undefined) {
    const { errnoName, message } = error;
    const hint = LIMITS[errnoName];
    return hint === undefined ? error : causedBy(new IpftError('SYSTEM', message, hint), error);
  }
  if (!(error instanceof Error) || error instanceof IpftError) return error;
  const isOutOfMemory = error instanceof RangeError && /allocation failed/.test(error.message);
  if (isOutOfMemory) return causedBy(new IpftError('SYSTEM', 'there is not enough memory', LIMITS['ENOMEM']), error);
  if (!('syscall' in error) || !('errno' in error)) return error;
  const hint = LIMITS[(error as NodeJS.ErrnoException).code ?? ''] ?? 'ipft doctor tells what this machine lacks';
  return causedBy(new IpftError('SYSTEM', error.message, hint), error);
}
