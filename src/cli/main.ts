/** From the command line to an exit status. */
import { setImmediate as immediate } from 'node:timers/promises';
import {
  exitAtOnce,
  IpftError,
  loadModuleHeader,
  loadModuleSkeleton,
  printable,
  UsageError,
  VerifierError,
} from '../index.js';
import { check } from './check.js';
import { doctor } from './doctor.js';
import { list } from './list.js';
import { formatMarkHelp } from './mark-help.js';
import { parseCommandLine, type Request } from './options.js';
import { StdoutWriter } from './stdout.js';
import { StopSignal } from './stop.js';
import { Terminal } from './terminal.js';
import { trace } from './trace.js';

const STATUS_ERROR = 1;
const STATUS_USAGE = 2;
const STATUS_INTERRUPTED = 130;

/**
 * Runs `ipft`.
 * @param args without the program's name
 * @param takeSignals ends whatever handled SIGINT and SIGTERM so far; returns whether one has come
 * @returns the exit status
 */
export async function main(args: readonly string[], takeSignals: () => boolean = () => false): Promise<number> {
  const terminal = new Terminal();
  const stdout = new StdoutWriter();
  let verbose = false;
  try {
    const request = parseCommandLine(args);
    verbose = 'verbose' in request && request.verbose;
    const status = await run(request, terminal, stdout, takeSignals);
    await stdout.flush();
    if (!stdout.failure) return status;
    terminal.line(`ipft: writing to stdout: ${stdout.failure.message}`);
    return STATUS_ERROR;
  } catch (error) {
    if (!(error instanceof IpftError)) {
      terminal.line(`bug: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
      return STATUS_ERROR;
    }
    if (verbose && error instanceof VerifierError) terminal.line(printable(error.log, { multiline: true }));
    terminal.error(error);
    return error instanceof UsageError ? STATUS_USAGE : STATUS_ERROR;
  }
}

async function run(
  request: Request,
  terminal: Terminal,
  stdout: StdoutWriter,
  takeSignals: () => boolean,
): Promise<number> {
  if (request.action === 'trace') {
    using stop = new StopSignal();
    await immediate();
    if (takeSignals()) stop.stop();
    return await trace(request, terminal, stdout, stop);
  }
  await immediate();
  if (takeSignals()) exitAtOnce(STATUS_INTERRUPTED);
  switch (request.action) {
    case 'none':
      break;
    case 'generate':
      await stdout.write(Buffer.from(request.what === 'bpf-module-header' ? loadModuleHeader() : loadModuleSkeleton()));
      break;
    case 'check':
      await check(request, terminal, stdout);
      break;
    case 'doctor':
      return (await doctor(request, stdout)) ? 0 : STATUS_ERROR;
    case 'mark-help':
      await stdout.write(Buffer.from(formatMarkHelp(request.help)));
      break;
    case 'list':
      await list(request, terminal, stdout);
      break;
  }
  return 0;
}
